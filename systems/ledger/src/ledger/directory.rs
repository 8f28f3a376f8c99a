//! Asking accounts for accounts that the ledger has not met.

use http::StatusCode;
use serde::Deserialize;
use throughline_toolkit::http::client::TracedClient;
use uuid::Uuid;

use super::store;
use crate::account::AccountKind;
use crate::database::Database;
use crate::error::ApiError;

/// What accounts answers, as far as it matters here. Neither ever changes.
#[derive(Debug, Deserialize)]
struct Opened {
    currency: String,
    kind: AccountKind,
}

#[derive(Debug)]
pub(super) struct Directory {
    client: TracedClient,
    url: String,
    database: Database,
}

impl Directory {
    pub(super) fn new(client: TracedClient, url: &str, database: Database) -> Self {
        Self { client, url: url.trim_end_matches('/').to_owned(), database }
    }

    /// Asks for each account and remembers those that exist.
    pub(super) async fn learn(&self, ids: &[Uuid]) -> Result<(), ApiError> {
        for id in ids {
            if let Some(opened) = self.ask(*id).await? {
                store::learn(&self.database, *id, &opened.currency, opened.kind).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, id: Uuid) -> Result<Option<Opened>, ApiError> {
        let sent = self.client.get(format!("{}/v1/accounts/{id}", self.url)).send().await;
        let answer = sent.map_err(unavailable)?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map(Some).map_err(unavailable),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(ApiError::unavailable(
                "accounts",
                "accounts_unavailable",
                format!("accounts answered {status}"),
            )),
        }
    }
}

fn unavailable(error: reqwest::Error) -> ApiError {
    ApiError::unavailable("accounts", "accounts_unavailable", error)
}
