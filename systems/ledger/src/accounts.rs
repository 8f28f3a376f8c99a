//! The accounts service: which accounts there are.

mod store;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use throughline_toolkit::SpanExt as _;
use tracing::{Span, instrument};
use uuid::Uuid;

use crate::account::AccountKind;
use crate::body::Body;
use crate::clock;
use crate::config::{Config, Service};
use crate::database;
use crate::error::{ApiError, Refusal, observed};
use crate::money::Currency;
use crate::order::account_id;
use crate::outbox::{self, Events};
use crate::service::Parts;
use store::AccountStore;

/// An account as clients see it.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    account_id: Uuid,
    currency: String,
    kind: AccountKind,
    opened_at_ms: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    currency: String,
    kind: Option<String>,
}

pub(crate) async fn start(config: &Config) -> anyhow::Result<Parts> {
    let schema = [store::SCHEMA, &[outbox::schema()]].concat();
    let database = database::open(config, Service::Accounts, &schema).await?;
    let events = Events::new(config);
    let store = AccountStore::new(database.clone(), events.clone());
    let router = Router::new()
        .route("/v1/accounts", post(open_account))
        .route("/v1/accounts/{id}", get(get_account))
        .with_state(Arc::new(store));
    let mut parts = Parts::new(router);
    let relay = events.relay(config, &database)?;
    parts.spawn(|stopping| relay.run(stopping));
    parts.keep(database);
    Ok(parts)
}

#[instrument(name = "OpenAccount", skip_all)]
async fn open_account(
    State(store): State<Arc<AccountStore>>,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Account>), ApiError> {
    observed(
        async {
            let currency = Currency::parse(&new.currency)?;
            let kind = new.kind.as_deref().map_or(Ok(AccountKind::Customer), AccountKind::parse)?;
            let account = Account {
                account_id: Uuid::now_v7(),
                currency: currency.as_str().to_owned(),
                kind,
                opened_at_ms: clock::now_ms(),
            };
            Span::current().set_attribute("account.id", account.account_id.to_string());
            store.insert(&account).await?;
            Ok((StatusCode::CREATED, Json(account)))
        }
        .await,
    )
}

#[instrument(name = "GetAccount", skip_all, fields(account.id = %id))]
async fn get_account(
    State(store): State<Arc<AccountStore>>,
    Path(id): Path<String>,
) -> Result<Json<Account>, ApiError> {
    observed(
        async {
            let id = account_id("the path", &id)?;
            Ok(store.get(id).await?.map(Json).ok_or_else(|| Refusal::unknown_account(id))?)
        }
        .await,
    )
}
