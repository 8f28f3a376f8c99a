//! The databases an outbox can live in, reduced to what it needs of them: a statement with a few
//! kinds of values, and rows read column by column.

use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::any::AnyRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Any, AnyConnection, Connection, PgConnection, Postgres, Row, Sqlite, SqliteConnection};

use super::statements::Sql;
use crate::clock;
use crate::db::{Place, Product, Query, Rows, System};

/// A connection to a database that can hold an outbox: PostgreSQL's, SQLite's, or sqlx's `Any`
/// over one of them. In a transaction, `&mut *tx` is one.
pub trait OutboxConnection: Connection + sealed::Sealed {
    #[doc(hidden)]
    fn dialect(&self) -> Result<Dialect, sqlx::Error>;
    #[doc(hidden)]
    fn place(options: &Self::Options) -> Place;
    #[doc(hidden)]
    fn run<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
        preparation: Preparation,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>>;
    #[doc(hidden)]
    fn rows<'a, T: Send + 'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
        preparation: Preparation,
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

/// What becomes of a statement on a PostgreSQL server once it is prepared. sqlx prepares it in one
/// exchange and runs it in the next.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preparation {
    /// The session keeps it under a name.
    #[default]
    Named,
    /// It is gone with the next one. In a transaction, so that a pooler changes sessions before it
    /// is prepared or after it ran.
    Unnamed,
    /// The same, in a transaction of its own.
    Alone,
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
    ($database:ty, $sql:expr, $values:expr, $preparation:expr) => {{
        let mut query = sqlx::query::<$database>($sql).persistent($preparation == Preparation::Named);
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
            fn place(options: &Self::Options) -> Place {
                <$database as Product>::place(options)
            }

            fn dialect(&self) -> Result<Dialect, sqlx::Error> {
                let dialect: fn(&Self) -> Result<Dialect, sqlx::Error> = $dialect;
                dialect(self)
            }

            fn run<'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
                preparation: Preparation,
            ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
                let query = bound!($database, sql, values, preparation);
                Box::pin(async move {
                    if preparation != Preparation::Alone {
                        return Ok(query.execute(self).await?.rows_affected());
                    }
                    let mut tx = self.begin().await?;
                    let affected = query.execute(&mut *tx).await?.rows_affected();
                    tx.commit().await?;
                    Ok(affected)
                })
            }

            fn rows<'a, T: Send + 'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
                preparation: Preparation,
                read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
            ) -> BoxFuture<'a, Result<Vec<T>, sqlx::Error>> {
                let query = bound!($database, sql, values, preparation);
                Box::pin(async move {
                    if preparation != Preparation::Alone {
                        return query.fetch_all(self).await?.iter().map(|row| read(row)).collect();
                    }
                    let mut tx = self.begin().await?;
                    let rows = query.fetch_all(&mut *tx).await?.iter().map(|row| read(row)).collect();
                    tx.commit().await?;
                    rows
                })
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

/// A connection, and where it leads to if that is known.
#[derive(Debug)]
pub(super) struct Session<'a, C> {
    connection: &'a mut C,
    place: Option<&'a Arc<Place>>,
    preparation: Preparation,
}

/// A connection of which nothing is known but its kind.
impl<'a, C: OutboxConnection> From<&'a mut C> for Session<'a, C> {
    fn from(connection: &'a mut C) -> Self {
        Self { connection, place: None, preparation: Preparation::Named }
    }
}

impl<'a, C: OutboxConnection> Session<'a, C> {
    pub(super) fn to(place: &'a Arc<Place>, connection: &'a mut C) -> Self {
        Self { connection, place: Some(place), preparation: Preparation::Named }
    }

    /// Has the statement prepared like this. Without effect on SQLite, whose sessions are its own.
    pub(super) fn prepared(mut self, preparation: Preparation) -> Self {
        self.preparation = preparation;
        self
    }

    fn speaking(&self) -> Result<(Dialect, Preparation), sqlx::Error> {
        Ok(match self.connection.dialect()? {
            Dialect::Postgresql => (Dialect::Postgresql, self.preparation),
            Dialect::Sqlite => (Dialect::Sqlite, Preparation::Named),
        })
    }

    /// Runs a statement, traced, and tells how many rows it changed.
    pub(super) async fn execute(self, sql: &'static Sql, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let (dialect, preparation) = self.speaking()?;
        let work = self.connection.run(sql.text(dialect), values, preparation);
        query(self.place, dialect, sql).run_affecting(work, |rows| *rows).await
    }

    /// Reads rows, traced.
    pub(super) async fn fetch<T: Send>(
        self,
        sql: &'static Sql,
        values: &[Value<'_>],
        read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let (dialect, preparation) = self.speaking()?;
        let work = self.connection.rows(sql.text(dialect), values, preparation, read);
        query(self.place, dialect, sql).run_counted(work, Vec::len).await
    }

    /// Runs a statement that defines a table or an index.
    pub(super) async fn define(self, statement: &'static str) -> Result<(), sqlx::Error> {
        let query = Query::new(self.connection.dialect()?.system(), statement);
        query.run(self.connection.run(statement, &[], Preparation::Unnamed)).await.map(drop)
    }

    /// [`Session::fetch`] without a span: only the answer shows whether it is worth one.
    pub(super) async fn fetch_silently<T: Send>(
        self,
        sql: &'static Sql,
        values: &[Value<'_>],
        read: fn(&dyn Columns) -> Result<T, sqlx::Error>,
    ) -> Result<Silent<Vec<T>>, sqlx::Error> {
        let (dialect, preparation) = self.speaking()?;
        let started = clock::monotonic_ns();
        let outcome = self.connection.rows(sql.text(dialect), values, preparation, read).await;
        let place = self.place.map(Arc::clone);
        Ok(Silent { outcome, started, dialect, place, sql, rows: |rows| Rows::returned(rows.len()) })
    }

    /// [`Session::execute`] without a span.
    pub(super) async fn execute_silently(
        self,
        sql: &'static Sql,
        values: &[Value<'_>],
    ) -> Result<Silent<u64>, sqlx::Error> {
        let (dialect, preparation) = self.speaking()?;
        let started = clock::monotonic_ns();
        let outcome = self.connection.run(sql.text(dialect), values, preparation).await;
        let place = self.place.map(Arc::clone);
        Ok(Silent { outcome, started, dialect, place, sql, rows: |rows| Rows::Affected(*rows) })
    }
}

fn query<'a>(place: Option<&'a Arc<Place>>, dialect: Dialect, sql: &'static Sql) -> Query<'a> {
    let text = sql.text(dialect);
    let query = place.map_or_else(|| Query::new(dialect.system(), text), |place| place.query(text));
    query.summary(sql.summary)
}

/// What a statement that ran without a span answered, and when it began.
pub(super) struct Silent<T> {
    pub(super) outcome: Result<T, sqlx::Error>,
    /// On the monotonic clock.
    pub(super) started: u64,
    dialect: Dialect,
    place: Option<Arc<Place>>,
    sql: &'static Sql,
    rows: fn(&T) -> Rows,
}

impl<T> Silent<T> {
    /// Leaves it at that, unless it failed.
    pub(super) fn answer(self) -> Result<T, sqlx::Error> {
        if self.outcome.is_ok() { self.outcome } else { self.tell() }
    }

    /// Gives the statement its span after all.
    pub(super) fn tell(self) -> Result<T, sqlx::Error> {
        query(self.place.as_ref(), self.dialect, self.sql).ran(self.started, &self.outcome, self.rows);
        self.outcome
    }
}
