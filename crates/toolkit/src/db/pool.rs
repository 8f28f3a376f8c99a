//! A pool of sqlx whose queries, transactions and waits are traced.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Database, FromRow, Pool, SqlSafeStr, Transaction};

use super::connections::{Connections, Count, Waiting};
use super::product::{Place, Product};
use super::traced::TracedQuery;
use super::transaction::TracedTransaction;
use crate::layer::TelemetryLayer;

/// A pool whose queries have a span each, with what the pool knows of its server, and whose
/// connections are counted (`db.client.connection.*`).
///
/// Make it once telemetry runs, and keep it or a clone of it as long as the pool: it is what the
/// gauges look at. Two pools of one name would be taken for one ([`TracedPool::named`]).
#[derive(Debug)]
pub struct TracedPool<DB: Database> {
    pool: Pool<DB>,
    about: Arc<About<DB>>,
    comments: bool,
}

/// What the queries and the gauges of a pool share.
struct About<DB: Database> {
    pool: Pool<DB>,
    name: String,
    place: Place,
}

impl<DB: Database> Clone for TracedPool<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), about: Arc::clone(&self.about), comments: self.comments }
    }
}

impl<DB: Database> std::fmt::Debug for About<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("About").field("name", &self.name).field("place", &self.place).finish_non_exhaustive()
    }
}

impl<DB: Product> TracedPool<DB> {
    /// Traces what is done through `pool`. In metrics it is called after its server and database.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        let place = DB::place(&pool.connect_options());
        let name = place.pool_name();
        Self::watched(pool, place, name)
    }

    /// `db.client.connection.pool.name`: tells several pools on one database apart.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        let place = self.about.place.clone();
        Self { comments: self.comments, ..Self::watched(self.pool, place, name.into()) }
    }

    fn watched(pool: Pool<DB>, place: Place, name: String) -> Self {
        let about = Arc::new(About { pool: pool.clone(), name, place });
        if let Some(core) = TelemetryLayer::current() {
            let connections: Arc<dyn Connections> = Arc::<About<DB>>::clone(&about);
            core.db.pools.watch(&connections);
        }
        Self { pool, about, comments: false }
    }

    /// Appends the trace context to each statement as a comment (sqlcommenter), so that the logs
    /// of the server lead to the trace. No statement is then prepared and kept, which costs the
    /// server a parse each time.
    #[must_use]
    pub fn with_comments(mut self) -> Self {
        self.comments = true;
        self
    }

    /// The pool underneath, as the executor of a query outside a transaction.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// A query whose answer is rows.
    pub fn query(&self, sql: impl SqlSafeStr) -> TracedQuery<'_, DB> {
        TracedQuery::new(&self.about.place, sql, self.comments, Ok)
    }

    /// A query each of whose rows becomes a `T`.
    pub fn query_as<T>(&self, sql: impl SqlSafeStr) -> TracedQuery<'_, DB, T>
    where
        T: for<'r> FromRow<'r, DB::Row>,
    {
        TracedQuery::new(&self.about.place, sql, self.comments, |row| T::from_row(&row))
    }

    /// A query whose rows have a single column.
    pub fn query_scalar<T>(&self, sql: impl SqlSafeStr) -> TracedQuery<'_, DB, T>
    where
        (T,): for<'r> FromRow<'r, DB::Row>,
    {
        TracedQuery::new(&self.about.place, sql, self.comments, |row| {
            <(T,)>::from_row(&row).map(|(value,)| value)
        })
    }

    /// Takes a connection. The wait is measured; a long or a vain one is a span of its own.
    ///
    /// # Errors
    /// As [`Pool::acquire`].
    pub async fn acquire(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        let Some(core) = TelemetryLayer::current() else { return self.pool.acquire().await };
        let waiting = Waiting::begin(core, &self.about.name, self.about.place.system.as_str());
        let outcome = self.pool.acquire().await;
        waiting.end(&outcome);
        outcome
    }

    /// Begins a transaction, whose `BEGIN` and `COMMIT` have spans like any statement.
    ///
    /// # Errors
    /// As [`Pool::begin`].
    pub async fn begin(&self) -> Result<TracedTransaction<'_, DB>, sqlx::Error> {
        let connection = self.acquire().await?;
        let place = &self.about.place;
        // As `Pool::begin`, which would wait for the connection once more.
        let begin = Transaction::begin(connection, None);
        let inner = place.query("BEGIN").run(begin).await?;
        Ok(TracedTransaction::new(inner, place))
    }
}

impl<DB: Database> Connections for About<DB> {
    fn name(&self) -> &str {
        &self.name
    }

    fn count(&self) -> Count {
        let options = self.pool.options();
        let idle = i64::try_from(self.pool.num_idle()).unwrap_or(i64::MAX);
        let size = i64::from(self.pool.size());
        Count {
            // The two are not read at the same instant.
            used: size.saturating_sub(idle).max(0),
            idle,
            idle_min: i64::from(options.get_min_connections()),
            max: i64::from(options.get_max_connections()),
        }
    }
}
