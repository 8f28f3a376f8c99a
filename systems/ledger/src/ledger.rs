//! The ledger: books entries, each of two postings whose sum is 0. Its database is the authority
//! on every balance and on what became of every order.

mod audit;
mod book;
mod directory;
mod retention;
mod rules;
mod store;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use throughline_toolkit::opentelemetry::KeyValue;
use throughline_toolkit::opentelemetry::metrics::Counter;
use throughline_toolkit::{SpanExt as _, Telemetry};
use tracing::{Span, instrument};
use uuid::Uuid;

use crate::answer::{DECIDED, REPLAYED};
use crate::body::Body;
use crate::config::{Config, Service};
use crate::database::{self, Database};
use crate::error::{ApiError, Code, Refusal, observed};
use crate::order::{OrderBody, account_id};
use crate::outbox::{self, Events};
use crate::service::Parts;
use crate::upstream;
use book::{Book, Booked, Outcome};
use directory::Directory;
use retention::Retention;

/// The ledger and what it counts.
#[derive(Debug)]
struct Ledger {
    book: Book,
    database: Database,
    created: Counter<u64>,
    replays: Counter<u64>,
    refusals: Counter<u64>,
}

pub(crate) async fn start(config: &Config, telemetry: &Telemetry) -> anyhow::Result<Parts> {
    let schema = [store::SCHEMA, &[outbox::schema()]].concat();
    let database = database::open(config, Service::Ledger, &schema).await?;
    let events = Events::new(config);
    let directory = Directory::new(upstream::client(config)?, &config.accounts_url, database.clone());
    let book = Book::new(database.clone(), directory, events.clone());
    let ledger = Ledger::new(book, database.clone(), telemetry);
    let router = Router::new()
        .route("/v1/entries", post(post_entry))
        .route("/v1/entries/{id}", get(get_entry))
        .route("/v1/accounts/{id}/balance", get(get_balance))
        .route("/v1/audit", get(get_audit))
        .with_state(Arc::new(ledger));
    let mut parts = Parts::new(router);
    let relay = events.relay(config, &database)?;
    parts.spawn(|stopping| relay.run(stopping));
    if let Some(age) = config.idempotency_retention() {
        let retention = Retention::new(database.clone(), age, config.retention_every(), telemetry);
        parts.spawn(|stopping| retention.run(stopping));
    }
    parts.keep(database);
    Ok(parts)
}

#[instrument(name = "PostEntry", skip_all)]
async fn post_entry(
    State(ledger): State<Arc<Ledger>>,
    body: Result<Body<OrderBody>, ApiError>,
) -> Result<Response, ApiError> {
    let booked = observed(ledger.post(body).await)?;
    let replayed = (booked.outcome == Outcome::Replayed).then_some(REPLAYED);
    Ok(booked.answer.into_response(std::iter::once(DECIDED).chain(replayed)))
}

#[instrument(name = "GetEntry", skip_all, fields(entry.id = %id))]
async fn get_entry(
    State(ledger): State<Arc<Ledger>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    observed(
        async {
            let unknown = || Refusal::new(Code::UnknownEntry, format!("there is no entry {id:?}"));
            let entry_id = Uuid::try_parse(&id).map_err(|_| unknown())?;
            Ok(store::entry(&ledger.database, entry_id).await?.map(Json).ok_or_else(unknown)?)
        }
        .await,
    )
}

#[instrument(name = "GetBalance", skip_all, fields(account.id = %id))]
async fn get_balance(
    State(ledger): State<Arc<Ledger>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    observed(
        async {
            let id = account_id("the path", &id)?;
            let known = store::account(&ledger.database, id).await?;
            let account = known.ok_or_else(|| Refusal::unknown_account(id))?;
            Ok(Json(json!({
                "account_id": account.id,
                "currency": account.currency,
                "kind": account.kind,
                "balance_minor": account.balance_minor,
                "sequence": account.sequence,
            })))
        }
        .await,
    )
}

#[instrument(name = "Audit", skip_all)]
async fn get_audit(State(ledger): State<Arc<Ledger>>) -> Result<Json<Value>, ApiError> {
    observed(audit::audit(&ledger.database).await.map(Json).map_err(ApiError::from))
}

impl Ledger {
    fn new(book: Book, database: Database, telemetry: &Telemetry) -> Self {
        let meter = telemetry.meter("ledger");
        let counter =
            |name: &'static str, text: &'static str| meter.u64_counter(name).with_description(text).build();
        Self {
            book,
            database,
            created: counter("ledger_entries_created_total", "Entries that were booked."),
            replays: counter("ledger_replays_total", "Orders that were answered again, as before."),
            refusals: counter("ledger_refusals_total", "Orders that were not booked, by code."),
        }
    }

    async fn post(&self, body: Result<Body<OrderBody>, ApiError>) -> Result<Booked, ApiError> {
        let booked = async {
            let order = body?.0.check()?;
            order.describe(&Span::current());
            self.book.book(&order).await
        }
        .await;
        let refused = |code| self.refusals.add(1, &[KeyValue::new("code", code)]);
        match &booked {
            Ok(Booked { outcome: Outcome::Created(entry_id), .. }) => {
                Span::current().set_attribute("entry.id", entry_id.to_string());
                self.created.add(1, &[]);
            }
            Ok(Booked { outcome: Outcome::Refused(code), .. }) => refused(code.as_str()),
            Ok(Booked { outcome: Outcome::Replayed, .. }) => self.replays.add(1, &[]),
            Err(error) => refused(error.code()),
        }
        booked
    }
}
