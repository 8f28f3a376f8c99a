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

pub(crate) mod call;
pub(crate) mod instruments;
mod statement;

use std::error::Error;

use tracing::Instrument;

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
        let statement = Statement::parse(self.sql);
        let span = tracing::info_span!("SQL query");
        let call = Call::begin(core, span.clone(), self.operation(&statement), |fields, limits| {
            fields.set_str("db.query.text", &statement.text, limits);
        });
        let outcome = query.instrument(span).await;
        match &outcome {
            Ok(answer) => {
                if let Some(rows) = rows(answer).and_then(|rows| i64::try_from(rows).ok()) {
                    let key = Key::Static("db.response.returned_rows");
                    call.describe(|fields, limits| fields.set(key, Stored::Int(rows), limits));
                }
                call.succeed();
            }
            Err(error) => {
                let code = status_code(error);
                let kind = code.clone().unwrap_or_else(|| type_of(error));
                call.fail(error, Failure { kind: &kind, code: code.as_deref() });
            }
        }
        outcome
    }

    fn operation<'b>(&self, statement: &'b Statement) -> Operation<'b>
    where
        'a: 'b,
    {
        Operation {
            system: self.system,
            name: some(&statement.operation),
            summary: self.summary.or(some(&statement.summary)),
            collection: statement.collection.as_deref(),
            procedure: None,
            namespace: self.namespace,
            server: self.server.map(|(address, port)| (address, Some(port))),
        }
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
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
