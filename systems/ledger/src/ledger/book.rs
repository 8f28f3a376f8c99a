//! Booking an order: one transaction decides it, once, for as long as its key is remembered.
//!
//! 1. The idempotency key is claimed; whoever comes second waits for the first and gets its
//!    answer.
//! 2. Both accounts are locked, in the order of their ids.
//! 3. The rules decide. Entry, postings, balances and the staged event are written, or nothing.
//! 4. The answer is written beside the key, a refusal as well: it depends on balances that
//!    change, and the same order must not be answered differently later.
//!
//! An account that is not known here is asked for outside of any transaction, so that no lock is
//! held while another service thinks.

use std::time::Duration;

use rand::Rng as _;
use serde_json::json;
use uuid::Uuid;

use super::directory::Directory;
use super::rules::{self, Account};
use super::store;
use crate::answer::Answer;
use crate::clock;
use crate::database::{Database, Transaction};
use crate::error::{ApiError, Code, Refusal};
use crate::events::{EntryPosted, Happened, Posting};
use crate::order::Order;
use crate::outbox::Events;

/// How often a transaction that lost to another is begun again.
const TRIES: u64 = 5;

/// What became of an order.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
}

/// How it came to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// By a new entry.
    Created(Uuid),
    /// By the rules.
    Refused(Code),
    /// It had been decided before.
    Replayed,
}

/// What one transaction led to.
#[derive(Debug)]
enum Step {
    Decided(Booked),
    /// These accounts must be asked for first. Nothing was written.
    Unknown(Vec<Uuid>),
}

#[derive(Debug)]
pub(super) struct Book {
    database: Database,
    directory: Directory,
    events: Events,
}

impl Book {
    pub(super) fn new(database: Database, directory: Directory, events: Events) -> Self {
        Self { database, directory, events }
    }

    /// Decides the order, or finds how it was decided.
    pub(super) async fn book(&self, order: &Order) -> Result<Booked, ApiError> {
        match self.insist(order, false).await? {
            Step::Decided(booked) => return Ok(booked),
            Step::Unknown(ids) => self.directory.learn(&ids).await?,
        }
        match self.insist(order, true).await? {
            Step::Decided(booked) => Ok(booked),
            Step::Unknown(_) => Err(ApiError::Internal("accounts were asked for twice".to_owned())),
        }
    }

    /// Begins again when the transaction lost to another one. Our order of locks leaves no room for
    /// that, but the database has the last word.
    async fn insist(&self, order: &Order, asked: bool) -> Result<Step, ApiError> {
        let mut attempt = 1;
        loop {
            match self.decide(order, asked).await {
                Err(ApiError::Conflict(error)) if attempt < TRIES => {
                    tracing::warn!(%error, attempt, "a transaction lost to another and is begun again");
                }
                outcome => return outcome,
            }
            let pause = rand::rng().random_range(1..=10 * attempt);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            attempt += 1;
        }
    }

    async fn decide(&self, order: &Order, asked: bool) -> Result<Step, ApiError> {
        let database = &self.database;
        let mut transaction = database.begin().await?;
        if !store::claim(database, &mut transaction, order).await? {
            return self.again(transaction, order).await.map(Step::Decided);
        }
        let accounts = store::lock(database, &mut transaction, order).await?;
        let missing = |id: &Uuid| !accounts.iter().any(|account| account.id == *id);
        let unknown: Vec<Uuid> = [order.from, order.to].into_iter().filter(missing).collect();
        if !asked && !unknown.is_empty() {
            transaction.rollback().await?;
            return Ok(Step::Unknown(unknown));
        }
        let now_ms = clock::now_ms();
        let (answer, outcome) = match judge(order, &accounts) {
            Ok(postings) => self.post(&mut transaction, order, postings, now_ms).await?,
            Err(refusal) => (Answer::refused(&refusal), Outcome::Refused(refusal.code)),
        };
        store::decide(database, &mut transaction, &order.key, &answer, now_ms).await?;
        transaction.commit().await?;
        self.events.committed();
        Ok(Step::Decided(Booked { answer, outcome }))
    }

    /// The answer to an order that was decided before.
    async fn again(&self, mut transaction: Transaction<'_>, order: &Order) -> Result<Booked, ApiError> {
        let (fingerprint, answer) = store::decided(&self.database, &mut transaction, &order.key).await?;
        transaction.rollback().await?;
        if fingerprint == order.fingerprint() {
            return Ok(Booked { answer, outcome: Outcome::Replayed });
        }
        Err(order.conflict().into())
    }

    async fn post(
        &self,
        transaction: &mut Transaction<'_>,
        order: &Order,
        postings: [Posting; 2],
        now_ms: i64,
    ) -> Result<(Answer, Outcome), ApiError> {
        let entry_id = Uuid::now_v7();
        store::write(&self.database, transaction, entry_id, order, &postings, now_ms).await?;
        let posted = Happened::EntryPosted(EntryPosted {
            entry_id,
            currency: order.currency.as_str().to_owned(),
            posted_at_ms: now_ms,
            postings,
        });
        self.events.stage(transaction, &posted).await?;
        let answer = Answer::created(&json!({
            "entry_id": entry_id,
            "idempotency_key": order.key,
            "from_account_id": order.from,
            "to_account_id": order.to,
            "amount_minor": order.amount.minor(),
            "currency": order.currency.as_str(),
            "posted_at_ms": now_ms,
        }));
        Ok((answer, Outcome::Created(entry_id)))
    }
}

fn judge(order: &Order, accounts: &[Account]) -> Result<[Posting; 2], Refusal> {
    let find = |id: Uuid| {
        accounts.iter().find(|account| account.id == id).ok_or_else(|| Refusal::unknown_account(id))
    };
    rules::postings(order, find(order.from)?, find(order.to)?)
}
