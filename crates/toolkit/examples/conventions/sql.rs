//! Queries on SQLite and PostgreSQL, through a pool and by themselves.

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use throughline_toolkit::db::{Query, System, TracedPool};

use crate::Outcome;

const CREATE: &str = "CREATE TEMPORARY TABLE users (id INTEGER PRIMARY KEY, name TEXT)";
const INSERT: &str = "INSERT INTO users (id, name) VALUES (1, 'alice')";
const SELECT: &str = "SELECT id FROM users WHERE name = $1";
const WRONG: &str = "DELETE FROM no_such_table";

pub(crate) async fn pass_sqlite() -> Outcome {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let query = |sql| Query::new(System::Sqlite, sql).namespace("main");
    query(CREATE).run(sqlx::query(CREATE).execute(&pool)).await?;
    query(INSERT).run(sqlx::query(INSERT).execute(&pool)).await?;
    let rows = sqlx::query(SELECT).bind("alice").fetch_all(&pool);
    query(SELECT).run_counted(rows, Vec::len).await?;
    drop(query(WRONG).run(sqlx::query(WRONG).execute(&pool)).await);
    Ok(())
}

pub(crate) async fn pass_postgres(url: &str) -> Outcome {
    let pool = TracedPool::new(PgPoolOptions::new().max_connections(1).connect(url).await?);
    let mut transaction = pool.begin().await?;
    pool.query(CREATE).execute(&mut *transaction).await?;
    pool.query(INSERT).execute(&mut *transaction).await?;
    pool.query(SELECT).bind("alice").fetch_all(&mut *transaction).await?;
    drop(pool.query(WRONG).execute(&mut *transaction).await);
    transaction.rollback().await?;
    let impatient = PgPoolOptions::new().max_connections(1);
    let impatient = impatient.acquire_timeout(std::time::Duration::from_millis(50)).connect(url).await?;
    let impatient = TracedPool::new(impatient);
    let taken = impatient.acquire().await?;
    drop(impatient.acquire().await);
    drop(taken);
    Ok(())
}
