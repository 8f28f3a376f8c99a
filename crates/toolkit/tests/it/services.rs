//! Where the servers of the tests are.

use throughline_services::{Kind, address};

/// Kafka, as `host:port`.
#[cfg(feature = "rdkafka")]
pub(crate) fn kafka() -> String {
    address(Kind::Kafka).unwrap()
}

/// NATS, as `nats://host:port`.
#[cfg(feature = "nats")]
pub(crate) fn nats() -> String {
    address(Kind::Nats).unwrap()
}

/// Redis, as `redis://host:port`.
#[cfg(feature = "redis")]
pub(crate) fn redis() -> String {
    address(Kind::Redis).unwrap()
}

/// PostgreSQL, as `postgres://user@host:port/database`.
#[cfg(feature = "sqlx")]
pub(crate) fn postgres() -> String {
    address(Kind::Postgres).unwrap()
}

/// A pool on a schema of PostgreSQL that nobody else uses.
#[cfg(feature = "sqlx")]
pub(crate) async fn postgres_schema() -> sqlx::PgPool {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(8);
    pool.connect(&postgres_schema_url().await).await.unwrap()
}

/// The address of such a schema.
#[cfg(feature = "sqlx")]
pub(crate) async fn postgres_schema_url() -> String {
    use sqlx::Connection;
    let url = postgres();
    let schema = format!("t{:032x}", rand::random::<u128>());
    let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    format!("{url}?options=-c%20search_path%3D{schema}")
}
