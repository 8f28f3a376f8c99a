//! One look at the table and what follows from it: a `processOutbox` span, when there is anything.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use sqlx::Database;
use tracing::{Instrument, Span};

use super::attempt::attempt;
use super::desk::Desk;
use super::lanes::{Lane, Lanes};
use super::outages::Outages;
use super::{Passed, Settings, Stop};
use crate::db::error_type;
use crate::fields::{Key, Stored};
use crate::layer::{self, TelemetryLayer};
use crate::messaging::names;
use crate::outbox::connection::OutboxConnection;
use crate::outbox::event::Broker;
use crate::outbox::publisher::{Fault, PublishError, Publisher};
use crate::outbox::row::Row;
use crate::propagation::TraceContext;
use crate::{clock, record_error};

/// Sends what is due, at most a batch.
pub(super) async fn pass<DB, P>(
    desk: &mut Desk<DB>,
    outages: &mut Outages,
    publisher: &P,
    settings: &Settings,
    stop: &Stop,
) -> Result<Passed, sqlx::Error>
where
    DB: Database,
    DB::Connection: OutboxConnection,
    P: Publisher,
{
    let now = settings.clock.now();
    let Some(found) = desk.due(now, settings, &outages.closed(now)).await? else {
        return Ok(Passed::default());
    };
    let count = match &found.outcome {
        Ok(rows) => rows.len(),
        Err(_) => return found.tell().map(|_| Passed::default()),
    };
    if count == 0 {
        let next = outages.next().map(|next| until(next, now));
        return Ok(Passed { next, ..Passed::default() });
    }
    let span = root(publisher.broker(), count, found.started);
    let rows = span.in_scope(|| found.tell())?;
    stop.sending.store(true, Ordering::Relaxed);
    let passed = Passed { more: count == settings.batch, ..Passed::default() };
    let mut batch = Batch { desk, outages, publisher, settings, stop, lanes: Lanes::of(rows), passed };
    let outcome = batch.work().instrument(span.clone()).await;
    stop.sending.store(false, Ordering::Relaxed);
    if let Err(error) = &outcome {
        record_error(&span, error, &error_type(error));
    }
    outcome
}

/// The relay's own trace, from the moment it looked.
fn root(broker: Broker, messages: usize, started: u64) -> Span {
    if TelemetryLayer::current().is_none() {
        return Span::none();
    }
    let span = TraceContext::default().in_scope(|| tracing::info_span!("processOutbox"));
    layer::with_data(&span, |data, core| {
        data.start_at(clock::wall_ns(started));
        let limits = core.settings.span_limits.fields;
        data.fields.set(Key::Static(names::SYSTEM), Stored::Static(broker.system().name), limits);
        let messages = Stored::Int(i64::try_from(messages).unwrap_or(i64::MAX));
        data.fields.set(Key::Static("messaging.batch.message_count"), messages, limits);
    });
    span
}

fn until(then: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(then.saturating_sub(now)).unwrap_or(0))
}

/// What was found, as it is worked off.
struct Batch<'a, DB: Database, P> {
    desk: &'a mut Desk<DB>,
    outages: &'a mut Outages,
    publisher: &'a P,
    settings: &'a Settings,
    stop: &'a Stop,
    lanes: Lanes,
    passed: Passed,
}

/// An attempt that was made.
struct Done {
    row: Row,
    /// What waits behind it.
    lane: Lane,
    number: u32,
    outcome: Result<(), PublishError>,
}

impl<DB, P> Batch<'_, DB, P>
where
    DB: Database,
    DB::Connection: OutboxConnection,
    P: Publisher,
{
    /// Sends, several lanes at a time, and writes down what became of it as it becomes known. An
    /// error of the database ends the sending, but not before the answers to what is on its way
    /// are there.
    async fn work(&mut self) -> Result<Passed, sqlx::Error> {
        let (publisher, settings) = (self.publisher, self.settings);
        let mut on_its_way = FuturesUnordered::new();
        let mut outcome = Ok(());
        loop {
            // One message is enough to find out whether a broker is back.
            let concurrency = if self.outages.any() { 1 } else { settings.concurrency };
            let goes_on = outcome.is_ok() && !self.stop.is_asked() && self.desk.may_send();
            while goes_on && on_its_way.len() < concurrency {
                let Some((row, lane)) = self.lanes.next() else { break };
                let failures = self.outages.failures(&row.message.destination);
                let number = row.attempts.saturating_add(failures).saturating_add(1);
                on_its_way.push(async move {
                    let outcome = attempt(publisher, settings, &row, number).await;
                    Done { row, lane, number, outcome }
                });
            }
            let Some(first) = self.desk.meanwhile(settings, on_its_way.next()).await else { break };
            let mut done = vec![first];
            while let Some(Some(more)) = on_its_way.next().now_or_never() {
                done.push(more);
            }
            let settled = self.settle(done).await;
            outcome = outcome.and(settled);
        }
        outcome?;
        if let Some(next) = self.outages.next() {
            self.due_again(next, settings.clock.now());
        }
        Ok(self.passed)
    }

    async fn settle(&mut self, done: Vec<Done>) -> Result<(), sqlx::Error> {
        let now = self.settings.clock.now();
        let (sent, failed): (Vec<Done>, Vec<Done>) = done.into_iter().partition(|one| one.outcome.is_ok());
        let ids: Vec<_> = sent.iter().map(|one| one.row.message.id).collect();
        self.passed.sent += ids.len() as u64;
        for one in sent {
            self.outages.reached(&one.row.message.destination);
            self.lanes.go_on(one.lane);
        }
        let mut outcome = if ids.is_empty() { Ok(()) } else { self.desk.sent(now, &ids).await };
        for Done { row, lane, number, outcome: attempt } in failed {
            if let Err(error) = attempt {
                let settled = self.failed(now, &row, lane, number, &error).await;
                outcome = outcome.and(settled);
            }
        }
        outcome
    }

    async fn failed(
        &mut self,
        now: i64,
        row: &Row,
        lane: Lane,
        number: u32,
        error: &PublishError,
    ) -> Result<(), sqlx::Error> {
        let message = &row.message;
        let text = described(error);
        if error.fault() == Fault::Unavailable {
            self.passed.failed += 1;
            if self.lanes.close(&message.destination) {
                self.outages.failed(&message.destination, now, self.settings, error);
            }
            return self.desk.unreached(message.id, &text).await;
        }
        self.outages.reached(&message.destination);
        if error.fault() == Fault::Permanent || row.attempts.saturating_add(1) >= self.settings.attempts_max {
            self.passed.dead += 1;
            if let Some(core) = TelemetryLayer::current() {
                core.outbox.dead(&message.destination, error.type_name());
            }
            tracing::warn!(event_id = %message.id, messaging.destination.name = message.destination,
                attempts = number, exception.message = text, "message put aside");
            self.lanes.go_on(lane);
            return self.desk.dead(message.id, now, &text).await;
        }
        self.passed.failed += 1;
        let delay = self.settings.backoff.delay(row.attempts.saturating_add(1)).as_micros();
        let next = now.saturating_add(i64::try_from(delay).unwrap_or(i64::MAX));
        self.due_again(next, now);
        self.desk.failed(message.id, next, &text).await
    }

    fn due_again(&mut self, at: i64, now: i64) {
        let wait = until(at, now);
        self.passed.next = Some(self.passed.next.map_or(wait, |next| next.min(wait)));
    }
}

/// The error and what the broker said.
fn described(error: &PublishError) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    for cause in causes.take(8) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}
