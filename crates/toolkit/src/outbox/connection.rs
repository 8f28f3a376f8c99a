//! The databases an outbox can live in, reduced to what it needs of them: a statement with a few
//! kinds of values, and rows read column by column.

use futures::future::BoxFuture;
use sqlx::any::AnyRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Any, AnyConnection, Connection, PgConnection, Postgres, Row, Sqlite, SqliteConnection};

use super::statements::Sql;
use crate::clock;
use crate::db::{Query, Rows, System};

/// A connection to a database that can hold an outbox: PostgreSQL's, SQLite's, or sqlx's `Any`
/// over one of them. In a transaction, `&mut *tx` is one.
pub trait OutboxConnection: Connection + sealed::Sealed {
    #[doc(hidden)]
    fn dialect(&self) -> Result<Dialect, sqlx::Error>;
    #[doc(hidden)]
    fn run<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>>;
    #[doc(hidden)]
    fn rows<'a, T: Send + 'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
        read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
    ) -> BoxFuture<'a, Result<Vec<T>, sqlx::Error>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for sqlx::PgConnection {}
    impl Sealed for sqlx::SqliteConnection {}
    impl Sealed for sqlx::AnyConnection {}
}

/// Whose SQL is spoken.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Postgresql,
    Sqlite,
}

impl Dialect {
    pub(super) fn system(self) -> System {
        match self {
            Self::Postgresql => System::Postgresql,
            Self::Sqlite => System::Sqlite,
        }
    }
}

/// A value to be bound.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Int(i64),
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Bytes(&'a [u8]),
}

/// The columns of a row.
#[doc(hidden)]
pub trait Columns {
    fn int(&self, at: usize) -> Result<i64, sqlx::Error>;
    fn maybe_int(&self, at: usize) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, at: usize) -> Result<String, sqlx::Error>;
    fn maybe_text(&self, at: usize) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, at: usize) -> Result<Vec<u8>, sqlx::Error>;
}

macro_rules! bound {
    ($database:ty, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>($sql);
        for value in $values {
            query = match *value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::MaybeText(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

macro_rules! outbox_connection {
    ($connection:ty, $database:ty, $row:ty, $dialect:expr) => {
        impl Columns for $row {
            fn int(&self, at: usize) -> Result<i64, sqlx::Error> {
                self.try_get(at)
            }
            fn maybe_int(&self, at: usize) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(at)
            }
            fn text(&self, at: usize) -> Result<String, sqlx::Error> {
                self.try_get(at)
            }
            fn maybe_text(&self, at: usize) -> Result<Option<String>, sqlx::Error> {
                self.try_get(at)
            }
            fn bytes(&self, at: usize) -> Result<Vec<u8>, sqlx::Error> {
                self.try_get(at)
            }
        }

        impl OutboxConnection for $connection {
            fn dialect(&self) -> Result<Dialect, sqlx::Error> {
                let dialect: fn(&Self) -> Result<Dialect, sqlx::Error> = $dialect;
                dialect(self)
            }

            fn run<'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
            ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
                let query = bound!($database, sql, values);
                Box::pin(async move { Ok(query.execute(self).await?.rows_affected()) })
            }

            fn rows<'a, T: Send + 'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
                read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
            ) -> BoxFuture<'a, Result<Vec<T>, sqlx::Error>> {
                let query = bound!($database, sql, values);
                Box::pin(async move { query.fetch_all(self).await?.iter().map(|row| read(row)).collect() })
            }
        }
    };
}

outbox_connection!(PgConnection, Postgres, PgRow, |_| Ok(Dialect::Postgresql));
outbox_connection!(SqliteConnection, Sqlite, SqliteRow, |_| Ok(Dialect::Sqlite));
outbox_connection!(AnyConnection, Any, AnyRow, |connection| match connection.backend_name() {
    "PostgreSQL" => Ok(Dialect::Postgresql),
    "SQLite" => Ok(Dialect::Sqlite),
    other => Err(sqlx::Error::Configuration(format!("an outbox cannot live in {other}").into())),
});

/// Runs a statement, traced, and tells how many rows it changed.
pub(super) async fn execute<C: OutboxConnection>(
    connection: &mut C,
    sql: &Sql,
    values: &[Value<'_>],
) -> Result<u64, sqlx::Error> {
    let dialect = connection.dialect()?;
    let text = sql.text(dialect);
    let query = Query::new(dialect.system(), text).summary(sql.summary);
    query.run_affecting(connection.run(text, values), |rows| *rows).await
}

/// Reads rows, traced.
pub(super) async fn fetch<C: OutboxConnection, T: Send>(
    connection: &mut C,
    sql: &Sql,
    values: &[Value<'_>],
    read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    let dialect = connection.dialect()?;
    let text = sql.text(dialect);
    let query = Query::new(dialect.system(), text).summary(sql.summary);
    query.run_counted(connection.rows(text, values, read), Vec::len).await
}

/// Runs a statement that defines a table or an index.
pub(super) async fn define<C: OutboxConnection>(
    connection: &mut C,
    statement: &'static str,
) -> Result<(), sqlx::Error> {
    let query = Query::new(connection.dialect()?.system(), statement);
    query.run(connection.run(statement, &[])).await.map(drop)
}

/// What a statement that ran without a span answered, and when it began.
pub(super) struct Silent<T> {
    pub(super) outcome: Result<T, sqlx::Error>,
    /// On the monotonic clock.
    pub(super) started: u64,
    query: Query<'static>,
    rows: fn(&T) -> Rows,
}

impl<T> Silent<T> {
    /// Gives the statement its span after all.
    pub(super) fn tell(self) -> Result<T, sqlx::Error> {
        self.query.ran(self.started, &self.outcome, self.rows);
        self.outcome
    }

    async fn run(
        (dialect, sql): (Dialect, &Sql),
        rows: fn(&T) -> Rows,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Self {
        let started = clock::monotonic_ns();
        let outcome = work.await;
        let query = Query::new(dialect.system(), sql.text(dialect)).summary(sql.summary);
        Self { outcome, started, query, rows }
    }
}

/// Reads rows without a span: only the answer shows whether they are worth one.
pub(super) async fn fetch_silently<C: OutboxConnection, T: Send>(
    connection: &mut C,
    sql: &Sql,
    values: &[Value<'_>],
    read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
) -> Result<Silent<Vec<T>>, sqlx::Error> {
    let dialect = connection.dialect()?;
    let work = connection.rows(sql.text(dialect), values, read);
    Ok(Silent::run((dialect, sql), |rows| Rows::returned(rows.len()), work).await)
}

/// The same for a statement that changes rows.
pub(super) async fn execute_silently<C: OutboxConnection>(
    connection: &mut C,
    sql: &Sql,
    values: &[Value<'_>],
) -> Result<Silent<u64>, sqlx::Error> {
    let dialect = connection.dialect()?;
    let work = connection.run(sql.text(dialect), values);
    Ok(Silent::run((dialect, sql), |rows| Rows::Affected(*rows), work).await)
}
