//! The orchestrator: takes transfers from clients, answers repeated ones from Redis and has the
//! ledger book the others.
//!
//! Redis only saves the ledger work: without it every transfer goes to the ledger, which knows
//! what became of each order.

mod answers;
mod bookkeeper;
mod cache;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use throughline_toolkit::opentelemetry::KeyValue;
use throughline_toolkit::opentelemetry::metrics::Counter;
use throughline_toolkit::{DurationHistogram, Telemetry};
use tracing::{Span, instrument};

use crate::answer::{Answer, REPLAYED};
use crate::body::Body;
use crate::config::Config;
use crate::error::{ApiError, observed};
use crate::order::OrderBody;
use crate::service::Parts;
use answers::{Answers, Found};
use bookkeeper::{Booked, Bookkeeper};
use cache::Cache;

#[derive(Debug)]
struct Orchestrator {
    answers: Answers,
    bookkeeper: Bookkeeper,
    latency: DurationHistogram,
    replays: Counter<u64>,
    refusals: Counter<u64>,
}

/// An answer, and where it was found if it had been given before.
#[derive(Debug)]
struct Given {
    answer: Answer,
    replayed_by: Option<&'static str>,
}

pub(crate) fn start(config: &Config, telemetry: &Telemetry) -> anyhow::Result<Parts> {
    let meter = telemetry.meter("ledger");
    let counter =
        |name: &'static str, text: &'static str| meter.u64_counter(name).with_description(text).build();
    let latency = "Time from a transfer's arrival to its answer.";
    let orchestrator = Orchestrator {
        answers: Answers::new(config, Cache::new(config, &meter)?),
        bookkeeper: Bookkeeper::new(config)?,
        latency: telemetry.duration_histogram("transfer_latency_seconds", latency),
        replays: counter("idempotent_replays_total", "Transfers that were answered again, as before."),
        refusals: counter("transfer_refusals_total", "Transfers that were not made, by code."),
    };
    let router = Router::new().route("/v1/transfers", post(transfer)).with_state(Arc::new(orchestrator));
    Ok(Parts::new(router))
}

#[instrument(name = "Transfer", skip_all)]
async fn transfer(
    State(orchestrator): State<Arc<Orchestrator>>,
    body: Result<Body<OrderBody>, ApiError>,
) -> Result<Response, ApiError> {
    let started = Instant::now();
    let given = match body {
        Ok(Body(body)) => orchestrator.transfer(body).await,
        Err(refused) => Err(refused),
    };
    orchestrator.measure(&given, started);
    let given = observed(given)?;
    Ok(given.answer.into_response(given.replayed_by.map(|_| REPLAYED)))
}

impl Orchestrator {
    async fn transfer(&self, body: OrderBody) -> Result<Given, ApiError> {
        let order = body.check()?;
        order.describe(&Span::current());
        let claim = match self.answers.find(&order).await {
            Found::Answer(answer) => return Ok(Given { answer, replayed_by: Some("redis") }),
            Found::OtherOrder => return Err(order.conflict().into()),
            Found::Nothing(claim) => claim,
        };
        let booked = self.bookkeeper.book(&order).await;
        match &booked {
            Ok(Booked::Decided { answer, .. }) => self.answers.keep(&order, &claim, answer).await,
            Ok(Booked::NotTaken(_)) | Err(_) => self.answers.release(&order, &claim).await,
        }
        Ok(match booked? {
            Booked::Decided { answer, replayed } => {
                Given { answer, replayed_by: replayed.then_some("ledger") }
            }
            Booked::NotTaken(answer) => Given { answer, replayed_by: None },
        })
    }

    fn measure(&self, given: &Result<Given, ApiError>, started: Instant) {
        let refused = |code: String| self.refusals.add(1, &[KeyValue::new("code", code)]);
        let outcome = match given {
            Ok(Given { replayed_by: Some(by), .. }) => {
                self.replays.add(1, &[KeyValue::new("by", *by)]);
                "replayed"
            }
            Ok(Given { answer, .. }) if answer.status.is_success() => "created",
            Ok(Given { answer, .. }) => {
                refused(answer.code().unwrap_or_default());
                "refused"
            }
            Err(error) => {
                refused(error.code().to_owned());
                if error.is_fault() { "failed" } else { "refused" }
            }
        };
        self.latency.record(started.elapsed(), &[KeyValue::new("outcome", outcome)]);
    }
}
