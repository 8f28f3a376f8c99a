//! The read-model: balances and statements, projected from the messages of the ledger and of
//! accounts. It may lag; it neither loses nor doubles anything.

mod consumer;
mod dead_letters;
mod projection;
mod store;

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use throughline_toolkit::Telemetry;
use throughline_toolkit::db::System;
use throughline_toolkit::outbox::{self, InboxRetention};
use tracing::instrument;

use crate::config::{Config, Service};
use crate::database::{self, Database};
use crate::error::{ApiError, Code, Refusal, observed};
use crate::order::account_id;
use crate::service::Parts;
use consumer::Consumer;
use projection::Projection;

/// Most lines of one answer.
const LIMIT_MAX: i64 = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementPage {
    limit: Option<i64>,
    /// Only postings with a smaller sequence.
    before: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalancesPage {
    limit: Option<i64>,
    /// Only accounts with a greater id.
    after: Option<String>,
}

pub(crate) async fn start(config: &Config, telemetry: &Telemetry) -> anyhow::Result<Parts> {
    let schema = [store::SCHEMA, &[outbox::inbox_schema(System::Postgresql)]].concat();
    let database = database::open(config, Service::ReadModel, &schema).await?;
    let router = Router::new()
        .route("/v1/balances", get(list_balances))
        .route("/v1/accounts/{id}/balance", get(get_balance))
        .route("/v1/accounts/{id}/statement", get(get_statement))
        .with_state(Arc::new(database.clone()));
    let consumer = Consumer::new(config, Projection::new(database.clone(), telemetry), telemetry)?;
    let mut parts = Parts::new(router);
    parts.spawn(|stopping| consumer.run(stopping));
    if let Some(age) = config.inbox_retention() {
        let retention = InboxRetention::new(database.pool().clone(), age).every(config.retention_every());
        parts.spawn(|stopping| retention.run(stopping.wait()));
    }
    parts.keep(database);
    Ok(parts)
}

#[instrument(name = "GetBalance", skip_all, fields(account.id = %id))]
async fn get_balance(
    State(database): State<Arc<Database>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    observed(
        async {
            let id = account_id("the path", &id)?;
            Ok(store::balance(&database, id).await?.map(Json).ok_or_else(|| Refusal::unknown_account(id))?)
        }
        .await,
    )
}

#[instrument(name = "GetStatement", skip_all, fields(account.id = %id))]
async fn get_statement(
    State(database): State<Arc<Database>>,
    Path(id): Path<String>,
    page: Result<Query<StatementPage>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    observed(
        async {
            let id = account_id("the path", &id)?;
            let Query(page) = page.map_err(|error| invalid_query(&error))?;
            let limit = limit(page.limit)?;
            let lines = store::statement(&database, id, page.before.unwrap_or(i64::MAX), limit).await?;
            if lines.is_empty() && store::balance(&database, id).await?.is_none() {
                return Err(Refusal::unknown_account(id).into());
            }
            let full = i64::try_from(lines.len()).is_ok_and(|lines| lines == limit);
            let next = lines.last().filter(|_| full).map(|line| line["sequence"].clone());
            Ok(Json(json!({"account_id": id, "statement": lines, "next_before": next})))
        }
        .await,
    )
}

#[instrument(name = "ListBalances", skip_all)]
async fn list_balances(
    State(database): State<Arc<Database>>,
    page: Result<Query<BalancesPage>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    observed(
        async {
            let Query(page) = page.map_err(|error| invalid_query(&error))?;
            let limit = limit(page.limit)?;
            let after = page.after.as_deref().map(|after| account_id("after", after)).transpose()?;
            let balances = store::balances(&database, after.unwrap_or_default(), limit).await?;
            let full = i64::try_from(balances.len()).is_ok_and(|balances| balances == limit);
            let next = balances.last().filter(|_| full).map(|last| last["account_id"].clone());
            let totals = store::totals(&database).await?;
            Ok(Json(json!({"balances": balances, "next_after": next, "totals": totals})))
        }
        .await,
    )
}

fn limit(given: Option<i64>) -> Result<i64, Refusal> {
    match given.unwrap_or(50) {
        limit if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        limit => {
            let message = format!("limit must be 1 to {LIMIT_MAX}, not {limit}");
            Err(Refusal::new(Code::InvalidQuery, message))
        }
    }
}

fn invalid_query(error: &QueryRejection) -> Refusal {
    Refusal::new(Code::InvalidQuery, error.body_text())
}
