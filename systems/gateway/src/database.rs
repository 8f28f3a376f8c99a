//! The database of a service: SQLite embedded, or PostgreSQL by URL.

use std::str::FromStr as _;
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use throughline_toolkit::db::{Query, System};

/// A pool of connections, and what kind of database it leads to.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) pool: AnyPool,
    system: System,
}

impl Database {
    /// Connects, creating an SQLite file that is not there, and runs the statements that create
    /// the tables.
    pub(crate) async fn open(url: &str, schema: &[&'static str]) -> anyhow::Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let system = if url.starts_with("postgres") { System::Postgresql } else { System::Sqlite };
        let in_memory = url.contains(":memory:");
        let url = match system {
            System::Sqlite if !in_memory && !url.contains('?') => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        };
        let options = AnyConnectOptions::from_str(&url).context("database_url")?;
        // Each connection to an SQLite memory database has a database of its own.
        let connections = if in_memory { 1 } else { 8 };
        let mut pool =
            AnyPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(3));
        if in_memory {
            pool = pool.idle_timeout(None).max_lifetime(None);
        }
        let pool = pool.connect_with(options).await.context("the database cannot be reached")?;
        if matches!(system, System::Sqlite) {
            sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await?;
            sqlx::query("PRAGMA busy_timeout = 3000").execute(&pool).await?;
        }
        for statement in schema {
            sqlx::query(*statement).execute(&pool).await.context("the tables cannot be created")?;
        }
        Ok(Self { pool, system })
    }

    /// A query to be traced.
    pub(crate) fn query(&self, sql: &'static str) -> Query<'static> {
        Query::new(self.system, sql)
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
