//! A transactional outbox on SQLite, with a broker that refuses some messages.

use sqlx::sqlite::SqlitePoolOptions;
use throughline_toolkit::outbox::{Broker, Event, Message, Outbox, PublishError, Publisher, Receipt, Relay};

use crate::Outcome;

pub(crate) async fn pass() -> Outcome {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    Outbox::create_table(&pool).await?;
    let outbox = Outbox::new();
    for what in ["EntryPosted", "EntryRefused"] {
        let mut transaction = pool.begin().await?;
        outbox.stage(&mut *transaction, Event::new(what, 7, "ledger.entry.v1", "{}")).await?;
        transaction.commit().await?;
    }
    Relay::new(pool, Picky).once().await?;
    Ok(())
}

struct Picky;

impl Publisher for Picky {
    fn broker(&self) -> Broker {
        Broker::Kafka
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        match message.event_type.as_str() {
            "EntryRefused" => Err(PublishError::permanent("too large").error_type("message_too_large")),
            _ => Ok(Receipt::default()),
        }
    }
}
