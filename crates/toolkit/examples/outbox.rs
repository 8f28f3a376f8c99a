//! A ledger that books entries and tells others about them, once and in order, whatever dies in
//! between. Its broker is the terminal, which is away at first.
//!
//! `cargo run -p throughline-toolkit --features outbox --example outbox`

#![expect(clippy::print_stdout, reason = "its broker is the terminal")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqlitePoolOptions;
use throughline_toolkit::db::TracedPool;
use throughline_toolkit::outbox::{
    Broker, Event, Inbox, Message, Outbox, PublishError, Publisher, Receipt, Relay,
};
use tracing::Instrument;

/// Prints messages; a service has a `KafkaPublisher` or a `NatsPublisher` here.
#[derive(Debug, Default)]
struct Terminal {
    attempts: AtomicU32,
}

impl Publisher for Terminal {
    fn broker(&self) -> Broker {
        Broker::Other("terminal")
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        if self.attempts.fetch_add(1, Ordering::Relaxed) < 3 {
            return Err(PublishError::unavailable("the terminal is not there yet"));
        }
        println!("{} to {}, key {}", message.event_type, message.destination, message.key);
        for (name, value) in &message.headers {
            println!("    {name}: {value}");
        }
        Ok(Receipt::default())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = throughline_toolkit::init("ledger")?;
    // A database in memory lives as long as its only connection.
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let db = TracedPool::new(pool.connect("sqlite::memory:").await?);
    db.query("CREATE TABLE entries (account TEXT, amount INTEGER)").execute(db.pool()).await?;
    Outbox::create_table(db.pool()).await?;
    Inbox::create_table(db.pool()).await?;

    let outbox = Outbox::new().broker(Broker::Other("terminal"));
    let relay = Relay::new(db.pool().clone(), Terminal::default()).woken_by(&outbox);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let relaying = tokio::spawn(relay.run(async { drop(stopped.await) }));

    for (account, amount) in [("alice", 250), ("bob", -250), ("alice", -10)] {
        let request = tracing::info_span!("POST /v1/entries", otel.kind = "server");
        let id = book(&db, &outbox, account, amount).instrument(request).await?;
        // A consumer would say so of the `message-id` it receives.
        let mut connection = db.acquire().await?;
        let first = Inbox::first(&mut *connection, "read-model", &id).await?;
        let again = Inbox::first(&mut *connection, "read-model", &id).await?;
        println!("booked {amount} for {account}; {id} is new: {first}, and then: {again}");
    }
    while unsent(&db).await? > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(stop);
    relaying.await??;
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}

/// The entry and the message about it, or neither.
async fn book(
    db: &TracedPool<sqlx::Sqlite>,
    outbox: &Outbox,
    account: &str,
    amount: i64,
) -> Result<String, sqlx::Error> {
    let mut tx = db.begin().await?;
    let insert = db.query("INSERT INTO entries (account, amount) VALUES ($1, $2)");
    insert.bind(account).bind(amount).execute(&mut *tx).await?;
    let payload = format!("{{\"account\":\"{account}\",\"amount\":{amount}}}");
    let id = outbox.stage(&mut *tx, Event::new("EntryPosted", account, "ledger.entry.v1", payload)).await?;
    tx.commit().await?;
    outbox.notify();
    Ok(id.to_string())
}

async fn unsent(db: &TracedPool<sqlx::Sqlite>) -> Result<i64, sqlx::Error> {
    db.query_scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetch_one(db.pool()).await
}
