//! Queries on SQLite and PostgreSQL.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use throughline_toolkit::db::{Query, System};

use crate::Outcome;

const CREATE: &str = "CREATE TEMPORARY TABLE users (id INTEGER PRIMARY KEY, name TEXT)";
const INSERT: &str = "INSERT INTO users (id, name) VALUES (1, 'alice')";
const SELECT: &str = "SELECT id FROM users WHERE name = $1";
const WRONG: &str = "DELETE FROM no_such_table";

pub(crate) async fn pass_sqlite() -> Outcome {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
    let query = |sql| Query::new(System::Sqlite, sql).namespace("main");
    query(CREATE).run(sqlx::query(CREATE).execute(&mut connection)).await?;
    query(INSERT).run(sqlx::query(INSERT).execute(&mut connection)).await?;
    let rows = sqlx::query(SELECT).bind("alice").fetch_all(&mut connection);
    query(SELECT).run_counted(rows, Vec::len).await?;
    drop(query(WRONG).run(sqlx::query(WRONG).execute(&mut connection)).await);
    Ok(())
}

pub(crate) async fn pass_postgres(url: &str) -> Outcome {
    let options: PgConnectOptions = url.parse()?;
    let (host, port) = (options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or("postgres");
    let mut connection = PgConnection::connect_with(&options).await?;
    let query = |sql| Query::new(System::Postgresql, sql).namespace(database).server(host, port);
    query(CREATE).run(sqlx::query(CREATE).execute(&mut connection)).await?;
    query(INSERT).run(sqlx::query(INSERT).execute(&mut connection)).await?;
    let rows = sqlx::query(SELECT).bind("alice").fetch_all(&mut connection);
    query(SELECT).run_counted(rows, Vec::len).await?;
    drop(query(WRONG).run(sqlx::query(WRONG).execute(&mut connection)).await);
    Ok(())
}
