//! The `accounts` table.

use sqlx::Row as _;
use uuid::Uuid;

use super::Account;
use crate::account::AccountKind;
use crate::database::Database;
use crate::error::ApiError;
use crate::events::{AccountOpened, Happened};
use crate::outbox::Events;

pub(super) const SCHEMA: &[&str] = &["CREATE TABLE IF NOT EXISTS accounts (
    account_id UUID PRIMARY KEY,
    currency TEXT NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'external')),
    opened_at_ms BIGINT NOT NULL)"];

#[derive(Debug)]
pub(super) struct AccountStore {
    database: Database,
    events: Events,
}

impl AccountStore {
    pub(super) fn new(database: Database, events: Events) -> Self {
        Self { database, events }
    }

    /// Inserts the account and the message that says so, both or neither.
    pub(super) async fn insert(&self, new: &Account) -> Result<(), ApiError> {
        let opened = Happened::AccountOpened(AccountOpened {
            account_id: new.account_id,
            currency: new.currency.clone(),
            kind: new.kind,
            opened_at_ms: new.opened_at_ms,
        });
        let mut transaction = self.database.begin().await?;
        self.database
            .query("INSERT INTO accounts (account_id, currency, kind, opened_at_ms) VALUES ($1, $2, $3, $4)")
            .bind(new.account_id)
            .bind(&new.currency)
            .bind(new.kind.as_str())
            .bind(new.opened_at_ms)
            .execute(&mut *transaction)
            .await?;
        self.events.stage(&mut transaction, &opened).await?;
        transaction.commit().await?;
        self.events.committed();
        Ok(())
    }

    pub(super) async fn get(&self, id: Uuid) -> Result<Option<Account>, ApiError> {
        let query = self
            .database
            .query("SELECT account_id, currency, kind, opened_at_ms FROM accounts WHERE account_id = $1");
        let Some(row) = query.bind(id).fetch_optional(self.database.pool()).await? else { return Ok(None) };
        Ok(Some(Account {
            account_id: row.try_get("account_id")?,
            currency: row.try_get("currency")?,
            kind: AccountKind::parse(row.try_get("kind")?)?,
            opened_at_ms: row.try_get("opened_at_ms")?,
        }))
    }
}
