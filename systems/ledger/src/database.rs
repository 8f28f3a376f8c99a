//! A service's own PostgreSQL database.

use std::str::FromStr as _;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres};
use throughline_toolkit::db::{TracedPool, TracedTransaction};

use crate::config::{Config, Service};
use crate::startup;

/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(2);

/// Longest time of one statement, waiting for locks included.
const STATEMENT_MS: &str = "5000";

/// How long a transaction may idle, so that a service that hangs holds no lock for ever.
const IDLE_MS: &str = "10000";

/// A number all services take while they create tables: two may start at once.
const SCHEMA_LOCK: i64 = 0x6c65_6467_6572;

/// Connections to a service's own database.
pub(crate) type Database = TracedPool<Postgres>;

/// A transaction, READ COMMITTED.
pub(crate) type Transaction<'a> = TracedTransaction<'a, Postgres>;

/// Waits for the server, creates the database and the tables that are not there.
pub(crate) async fn open(
    config: &Config,
    service: Service,
    schema: &[&'static str],
) -> anyhow::Result<Database> {
    let server = PgConnectOptions::from_str(&config.database_url).context("database_url")?;
    let name = config.database_of(service);
    let what = format!("PostgreSQL at {}:{}", server.get_host(), server.get_port());
    startup::reached(&what, config, async || create_database(&server, name).await).await?;
    let options = server
        .clone()
        .database(name)
        .application_name(service.name())
        .options([("statement_timeout", STATEMENT_MS), ("idle_in_transaction_session_timeout", IDLE_MS)]);
    let pool = PgPoolOptions::new()
        .max_connections(config.database_connections)
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with(options);
    startup::reached(&what, config, async || create_tables(&pool, schema).await).await?;
    Ok(TracedPool::new(pool))
}

async fn create_database(server: &PgConnectOptions, name: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(server).await?;
    let exists = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        let create = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        match sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await {
            // Another service was faster.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {}
            created => {
                created.with_context(|| format!("database {name} cannot be created"))?;
            }
        }
    }
    connection.close().await?;
    Ok(())
}

async fn create_tables(pool: &PgPool, schema: &[&'static str]) -> anyhow::Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *transaction).await?;
    for statement in schema {
        sqlx::raw_sql(*statement).execute(&mut *transaction).await.context("the tables cannot be created")?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whether the same work may succeed when it is done again: it lost to other work.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    // Serialization failure, deadlock.
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

/// Whether the data itself is refused: it breaks a rule of the tables or fits no column.
pub(crate) fn is_contradiction(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Whether the database is at fault and not the work: it is away, starting, stopping or too busy.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => code(error).is_some_and(|code| {
            // Connection, resources, operator's intervention (time-outs too), conflicts, disk.
            ["08", "53", "57", "40", "58"].iter().any(|class| code.starts_with(class)) || code == "25P03"
        }),
    }
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}
