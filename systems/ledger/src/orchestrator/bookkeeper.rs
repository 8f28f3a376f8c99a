//! Having the ledger book an order, again if need be: the ledger books it once.

use std::time::Duration;

use http::StatusCode;
use rand::Rng as _;
use throughline_toolkit::http::client::TracedClient;

use crate::answer::{Answer, DECIDED, REPLAYED};
use crate::config::Config;
use crate::error::ApiError;
use crate::order::Order;
use crate::upstream;

/// Longest pause after the first try, milliseconds; it doubles.
const FIRST_PAUSE_MS: u64 = 100;

/// What the ledger made of an order.
#[derive(Debug)]
pub(super) enum Booked {
    /// It is decided, now or before, and the ledger will never say anything else.
    Decided { answer: Answer, replayed: bool },
    /// It was not taken as an order at all.
    NotTaken(Answer),
}

#[derive(Debug)]
pub(super) struct Bookkeeper {
    client: TracedClient,
    url: String,
    tries: u32,
}

impl Bookkeeper {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let url = format!("{}/v1/entries", config.ledger_url.trim_end_matches('/'));
        Ok(Self { client: upstream::client(config)?, url, tries: config.upstream_tries.max(1) })
    }

    /// Asks until there is an answer, a few times. When there is none the order may have been
    /// booked or not; the same order with the same key finds out.
    pub(super) async fn book(&self, order: &Order) -> Result<Booked, ApiError> {
        let mut tried = 1;
        loop {
            match self.ask(order).await {
                Err(error) if tried < self.tries => {
                    tracing::warn!(%error, tried, "the ledger did not answer and is asked again");
                }
                outcome => return outcome,
            }
            let most = FIRST_PAUSE_MS << (tried - 1).min(5);
            let pause = rand::rng().random_range(most / 2..=most);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            tried += 1;
        }
    }

    async fn ask(&self, order: &Order) -> Result<Booked, ApiError> {
        let sent = self.client.post(self.url.as_str()).json(&order.sent()).send().await;
        let answer = sent.map_err(unavailable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.map_err(unavailable)?;
        let answer = Answer { status, body };
        if headers.contains_key(DECIDED) {
            return Ok(Booked::Decided { answer, replayed: headers.contains_key(REPLAYED) });
        }
        if matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) && answer.code().is_some() {
            return Ok(Booked::NotTaken(answer));
        }
        Err(unavailable(format!("the ledger answered {status}")))
    }
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::unavailable("the ledger", "ledger_unavailable", error)
}
