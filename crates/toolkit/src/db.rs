//! Database boundaries: a CLIENT span for each SQL query, its duration measured.
//!
//! Nothing of a query but its shape leaves the process: literals become `?`.
//!
//! ```
//! use throughline_toolkit::db::{Query, System};
//! # async fn fetch() -> Result<Vec<u32>, std::io::Error> { Ok(vec![]) }
//! # async fn f() -> Result<(), std::io::Error> {
//! const SQL: &str = "SELECT id, name FROM users WHERE id = ?";
//! let users = Query::new(System::Sqlite, SQL).run_counted(fetch(), Vec::len).await?;
//! # Ok(()) }
//! ```

mod statement;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use tracing::{Instrument, Span};

use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::{self, TelemetryLayer};
use crate::metrics::DurationHistogram;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::labels;
use crate::{SpanKind, clock, record_error};
use statement::Statement;

/// Instruments of the database boundaries.
#[derive(Debug)]
pub(crate) struct DbInstruments {
    duration: DurationHistogram,
}

impl DbInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let (name, text) = ("db.client.operation.duration", "Duration of database client operations.");
        Self { duration: DurationHistogram::new(meter, name, text, exemplars) }
    }
}

/// The database product, as `db.system.name` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum System {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
    /// MySQL.
    Mysql,
    /// Another one, by its name in the conventions.
    Other(&'static str),
}

impl System {
    /// The value of `db.system.name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Other(name) => name,
        }
    }
}

/// One SQL query about to run.
#[derive(Debug, Clone)]
#[must_use = "a query is traced only when it runs"]
pub struct Query<'a> {
    system: System,
    sql: &'a str,
    summary: Option<&'a str>,
    namespace: Option<&'a str>,
    server: Option<(&'a str, u16)>,
}

impl<'a> Query<'a> {
    /// Describes the query. The literals of `sql` never leave the process.
    pub fn new(system: System, sql: &'a str) -> Self {
        Self { system, sql, summary: None, namespace: None, server: None }
    }

    /// The span's name and `db.query.summary`, instead of one made from the text
    /// (`SELECT users`).
    pub fn summary(mut self, summary: &'a str) -> Self {
        self.summary = Some(summary);
        self
    }

    /// `db.namespace`: the database's name.
    pub fn namespace(mut self, namespace: &'a str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// `server.address` and `server.port`.
    pub fn server(mut self, address: &'a str, port: u16) -> Self {
        self.server = Some((address, port));
        self
    }

    /// Runs the query inside its span. An error is recorded on the span.
    ///
    /// # Errors
    /// Whatever the query answers.
    pub async fn run<T, E: Error + 'static>(self, query: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.traced(query, |_| None).await
    }

    /// [`Query::run`], with `rows` counting the rows of the answer for
    /// `db.response.returned_rows`.
    ///
    /// # Errors
    /// Whatever the query answers.
    pub async fn run_counted<T, E: Error + 'static>(
        self,
        query: impl Future<Output = Result<T, E>>,
        rows: impl FnOnce(&T) -> usize,
    ) -> Result<T, E> {
        self.traced(query, |answer| Some(rows(answer))).await
    }

    async fn traced<T, E: Error + 'static>(
        self,
        query: impl Future<Output = Result<T, E>>,
        rows: impl FnOnce(&T) -> Option<usize>,
    ) -> Result<T, E> {
        let Some(core) = TelemetryLayer::current() else { return query.await };
        let span = tracing::info_span!("SQL query");
        let call = Call::begin(core, span.clone(), &self);
        let outcome = query.instrument(span).await;
        match &outcome {
            Ok(answer) => call.succeeded(rows(answer)),
            Err(error) => call.failed(error),
        }
        outcome
    }
}

/// A query on its way.
struct Call {
    core: Arc<Core>,
    span: Span,
    statement: Statement,
    system: System,
    namespace: Option<String>,
    server: Option<(String, u16)>,
    started: u64,
}

impl Call {
    fn begin(core: Arc<Core>, span: Span, query: &Query<'_>) -> Self {
        let mut statement = Statement::parse(query.sql);
        if let Some(summary) = query.summary {
            summary.clone_into(&mut statement.summary);
        }
        layer::with_data(&span, |data, core| {
            let limits = core.settings.span_limits.fields;
            data.kind = SpanKind::Client;
            data.name = match statement.summary.as_str() {
                "" => query.system.as_str().into(),
                summary => summary.to_owned().into(),
            };
            let fields = &mut data.fields;
            fields.set(Key::Static("db.system.name"), Stored::Static(query.system.as_str()), limits);
            let texts = [
                ("db.query.summary", statement.summary.as_str()),
                ("db.operation.name", statement.operation.as_str()),
                ("db.collection.name", statement.collection.as_deref().unwrap_or("")),
                ("db.query.text", statement.text.as_str()),
                ("db.namespace", query.namespace.unwrap_or("")),
                ("server.address", query.server.map_or("", |(address, _)| address)),
            ];
            for (key, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
                fields.set_str(key, value, limits);
            }
            if let Some((_, port)) = query.server {
                fields.set(Key::Static("server.port"), Stored::Int(i64::from(port)), limits);
            }
        });
        Self {
            core,
            span,
            statement,
            system: query.system,
            namespace: query.namespace.map(str::to_owned),
            server: query.server.map(|(address, port)| (address.to_owned(), port)),
            started: clock::monotonic_ns(),
        }
    }

    fn succeeded(&self, rows: Option<usize>) {
        if let Some(rows) = rows.and_then(|rows| i64::try_from(rows).ok()) {
            layer::with_data(&self.span, |data, core| {
                let limits = core.settings.span_limits.fields;
                data.fields.set(Key::Static("db.response.returned_rows"), Stored::Int(rows), limits);
            });
        }
        self.measure(None, None);
    }

    fn failed(&self, error: &(dyn Error + 'static)) {
        let code = status_code(error);
        let error_type = code.clone().unwrap_or_else(|| type_of(error));
        record_error(&self.span, error, &error_type);
        if let Some(code) = &code {
            layer::with_data(&self.span, |data, core| {
                let limits = core.settings.span_limits.fields;
                data.fields.set_str("db.response.status_code", code, limits);
            });
        }
        self.measure(Some(error_type), code);
    }

    fn measure(&self, error: Option<String>, code: Option<String>) {
        let statement = &self.statement;
        let labels = labels([
            Some(KeyValue::new("db.system.name", self.system.as_str())),
            some("db.operation.name", &statement.operation),
            some("db.collection.name", statement.collection.as_deref().unwrap_or("")),
            some("db.query.summary", &statement.summary),
            some("db.namespace", self.namespace.as_deref().unwrap_or("")),
            self.server.as_ref().map(|(a, _)| KeyValue::new("server.address", a.clone())),
            self.server.as_ref().map(|(_, p)| KeyValue::new("server.port", i64::from(*p))),
            code.map(|c| KeyValue::new("db.response.status_code", c)),
            error.map(|e| KeyValue::new("error.type", e)),
        ]);
        let elapsed = clock::monotonic_ns().saturating_sub(self.started);
        let _current = self.span.enter();
        self.core.db.duration.record(Duration::from_nanos(elapsed), &labels);
    }
}

fn some(key: &'static str, value: &str) -> Option<KeyValue> {
    (!value.is_empty()).then(|| KeyValue::new(key, value.to_owned()))
}

/// SQLSTATE or the product's own code, where the driver tells.
#[cfg(feature = "sqlx")]
fn status_code(error: &(dyn Error + 'static)) -> Option<String> {
    let sqlx::Error::Database(database) = error.downcast_ref::<sqlx::Error>()? else { return None };
    database.code().map(std::borrow::Cow::into_owned)
}

#[cfg(not(feature = "sqlx"))]
fn status_code(_: &(dyn Error + 'static)) -> Option<String> {
    None
}

/// What stands first in the error's `Debug` text: the name of its type or variant.
fn type_of(error: &(dyn Error + 'static)) -> String {
    let debug = format!("{error:?}");
    let name: String = debug.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() || name.len() > 64 { "_OTHER".to_owned() } else { name }
}
