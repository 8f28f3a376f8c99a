//! Database boundaries: a CLIENT span for each SQL query, its duration measured.
//!
//! Nothing of a query but its shape leaves the process: literals become `?`.
//!
//! With sqlx (feature `sqlx`), [`TracedPool`] needs the SQL only once, traces transactions, and
//! measures the pool:
//!
#![cfg_attr(feature = "sqlx", doc = "```")]
#![cfg_attr(not(feature = "sqlx"), doc = "```ignore")]
//! use throughline_toolkit::db::TracedPool;
//! # async fn f(pool: sqlx::SqlitePool) -> Result<(), sqlx::Error> {
//! let db = TracedPool::new(pool);
//! let mut tx = db.begin().await?;
//! db.query("INSERT INTO users (name) VALUES ($1)").bind("alice").execute(&mut *tx).await?;
//! let users: i64 = db.query_scalar("SELECT count(*) FROM users").fetch_one(&mut *tx).await?;
//! tx.commit().await?;
//! # Ok(()) }
//! ```
//!
//! Around any other client, [`Query`] traces the future that runs the query:
//!
//! ```
//! use throughline_toolkit::db::{Query, System};
//! # async fn fetch() -> Result<Vec<u32>, std::io::Error> { Ok(vec![]) }
//! # async fn f() -> Result<(), std::io::Error> {
//! const SQL: &str = "SELECT id, name FROM users WHERE id = ?";
//! let users = Query::new(System::Sqlite, SQL).run_counted(fetch(), Vec::len).await?;
//! # Ok(()) }
//! ```

pub(crate) mod call;
pub(crate) mod instruments;
mod statement;

#[cfg(feature = "sqlx")]
mod comment;
#[cfg(feature = "sqlx")]
mod connections;
#[cfg(feature = "sqlx")]
mod pool;
#[cfg(feature = "sqlx")]
mod product;
#[cfg(feature = "sqlx")]
mod traced;
#[cfg(feature = "sqlx")]
mod transaction;

#[cfg(feature = "outbox")]
pub(crate) use product::Place;
#[cfg(feature = "sqlx")]
pub use {pool::TracedPool, product::Product, traced::TracedQuery, transaction::TracedTransaction};

use std::error::Error;
use std::sync::Arc;

use tracing::{Instrument, Span};

use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::TelemetryLayer;
use call::{Call, Failure, Operation};
use statement::Statement;

/// The database product, as `db.system.name` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum System {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
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
            Self::Redis => "redis",
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
        self.traced(query, |_| Rows::Unknown).await
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
        self.traced(query, |answer| Rows::returned(rows(answer))).await
    }

    /// [`Query::run`], with `rows` counting the rows that the query changed for
    /// `db.response.affected_rows`.
    ///
    /// # Errors
    /// Whatever the query answers.
    pub async fn run_affecting<T, E: Error + 'static>(
        self,
        query: impl Future<Output = Result<T, E>>,
        rows: impl FnOnce(&T) -> u64,
    ) -> Result<T, E> {
        self.traced(query, |answer| Rows::Affected(rows(answer))).await
    }

    async fn traced<T, E: Error + 'static>(
        self,
        query: impl Future<Output = Result<T, E>>,
        rows: impl FnOnce(&T) -> Rows,
    ) -> Result<T, E> {
        let Some(core) = TelemetryLayer::current() else { return query.await };
        let statement = core.db.statement(self.sql);
        let span = tracing::info_span!("SQL query");
        let call = self.call(core, span.clone(), &statement);
        let outcome = query.instrument(span).await;
        end(call, &outcome, rows);
        outcome
    }

    /// Tells of a query that ran without a span from `started` (on the monotonic clock) until now,
    /// because only its answer shows whether it is worth one.
    #[cfg(feature = "outbox")]
    pub(crate) fn ran<T, E: Error + 'static>(
        self,
        started: u64,
        outcome: &Result<T, E>,
        rows: impl FnOnce(&T) -> Rows,
    ) {
        let Some(core) = TelemetryLayer::current() else { return };
        let statement = core.db.statement(self.sql);
        let call = self.call(core, tracing::info_span!("SQL query"), &statement).since(started);
        end(call, outcome, rows);
    }

    fn call<'b>(&self, core: Arc<Core>, span: Span, statement: &'b Statement) -> Call<'b>
    where
        'a: 'b,
    {
        let operation = Operation {
            system: self.system,
            // The text may have several operations: the conventions want none read from it.
            name: None,
            summary: self.summary.or(some(&statement.summary)),
            target: None,
            namespace: self.namespace,
            server: self.server.map(|(address, port)| (address, Some(port))),
        };
        Call::begin(core, span, operation, |fields, limits| {
            fields.set_str("db.query.text", &statement.text, limits);
        })
    }
}

/// How many rows a query was about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows {
    Unknown,
    Returned(u64),
    Affected(u64),
}

impl Rows {
    pub(crate) fn returned(rows: usize) -> Self {
        Self::Returned(rows as u64)
    }
}

fn end<T, E: Error + 'static>(call: Call<'_>, outcome: &Result<T, E>, rows: impl FnOnce(&T) -> Rows) {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            let code = status_code(error);
            let kind = error_type(error);
            return call.fail(error, Failure { kind: &kind, code: code.as_deref() });
        }
    };
    let counted = match rows(answer) {
        Rows::Unknown => None,
        Rows::Returned(rows) => Some(("db.response.returned_rows", rows)),
        Rows::Affected(rows) => Some(("db.response.affected_rows", rows)),
    };
    if let Some((key, rows)) = counted {
        let rows = Stored::Int(i64::try_from(rows).unwrap_or(i64::MAX));
        call.describe(|fields, limits| fields.set(Key::Static(key), rows, limits));
    }
    call.succeed();
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `error.type`: the database's code, else what stands first in the error's `Debug` text, which is
/// the name of its type or variant.
pub(crate) fn error_type(error: &(dyn Error + 'static)) -> String {
    if let Some(code) = status_code(error) {
        return code;
    }
    let debug = format!("{error:?}");
    let name: String = debug.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() || name.len() > 64 { "_OTHER".to_owned() } else { name }
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
