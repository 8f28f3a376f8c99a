//! `db.client.operation.duration`, and what is known of statements that run again and again.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::call::{Failure, Operation, Target};
#[cfg(feature = "sqlx")]
use super::connections::PoolInstruments;
use super::statement::Statement;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::series::SeriesCache;
use crate::metrics::{BoundDuration, DurationHistogram};

/// Instruments of the database boundaries.
#[derive(Debug)]
pub(crate) struct DbInstruments {
    duration: DurationHistogram,
    /// What operations that succeed are measured on: the same few, again and again.
    series: SeriesCache<BoundDuration>,
    statements: SeriesCache<Arc<Statement>>,
    #[cfg(feature = "sqlx")]
    pub(super) pools: PoolInstruments,
}

impl DbInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let (name, text) = ("db.client.operation.duration", "Duration of database client operations.");
        Self {
            duration: DurationHistogram::new(meter, name, text, exemplars),
            series: SeriesCache::new(),
            statements: SeriesCache::new(),
            #[cfg(feature = "sqlx")]
            pools: PoolInstruments::new(meter, exemplars),
        }
    }

    /// What a SQL text says about itself, read once.
    pub(super) fn statement(&self, sql: &str) -> Arc<Statement> {
        self.statements.with(&sql, || Arc::new(Statement::parse(sql)), Arc::clone)
    }

    /// Measures an operation that has ended.
    pub(crate) fn measure(&self, operation: &Operation<'_>, elapsed: Duration, failure: Option<Failure<'_>>) {
        let Some(failure) = failure else {
            let bind = || self.duration.bind(&labels(operation));
            return self.series.with(operation, bind, |series| series.record(elapsed));
        };
        let mut labels = labels(operation);
        labels.push(KeyValue::new("error.type", failure.kind.to_owned()));
        if let Some(code) = failure.code {
            labels.push(KeyValue::new("db.response.status_code", code.to_owned()));
        }
        self.duration.record(elapsed, &labels);
    }
}

fn labels(operation: &Operation<'_>) -> Vec<KeyValue> {
    let mut labels = vec![KeyValue::new("db.system.name", operation.system.as_str())];
    let texts = [
        ("db.operation.name", operation.name),
        ("db.query.summary", operation.summary),
        ("db.namespace", operation.namespace),
        ("server.address", operation.server.map(|(address, _)| address)),
    ];
    let texts = texts.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let texts = texts.chain(operation.target.map(Target::attribute));
    labels.extend(texts.map(|(key, value)| KeyValue::new(key, value.to_owned())));
    if let Some((_, Some(port))) = operation.server {
        labels.push(KeyValue::new("server.port", i64::from(port)));
    }
    labels
}
