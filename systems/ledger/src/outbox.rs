//! Events that leave with the transaction that caused them: staged beside the data, relayed to
//! Kafka when it is committed.

use anyhow::Context as _;
use sqlx::Postgres;
use throughline_toolkit::db::System;
use throughline_toolkit::outbox::{self, Event, KafkaPublisher, Outbox};

use crate::config::Config;
use crate::database::{Database, Transaction};
use crate::events::Happened;
use crate::kafka::{self, Topic};
use crate::service::Stopping;

/// How long librdkafka keeps a message that it cannot send, milliseconds: less than the relay
/// waits, so that not both try.
const MESSAGE_TIMEOUT_MS: &str = "8000";

/// The statements that create the outbox.
pub(crate) fn schema() -> &'static str {
    outbox::schema(System::Postgresql)
}

/// The events of a service on their way out.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    outbox: Outbox,
    topic: String,
}

impl Events {
    pub(crate) fn new(config: &Config) -> Self {
        Self { outbox: Outbox::new(), topic: config.topic.clone() }
    }

    /// Stages the event: it is sent when the transaction commits, and else was never there.
    pub(crate) async fn stage(
        &self,
        transaction: &mut Transaction<'_>,
        happened: &Happened,
    ) -> Result<(), sqlx::Error> {
        let payload = serde_json::to_vec(happened).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let event = Event::new(happened.name(), happened.aggregate_id(), &self.topic, payload);
        self.outbox.stage(&mut **transaction, event.key(happened.key())).await.map(|_| ())
    }

    /// Has what was committed sent now.
    pub(crate) fn committed(&self) {
        self.outbox.notify();
    }

    /// The relay of the service's database.
    pub(crate) fn relay(&self, config: &Config, database: &Database) -> anyhow::Result<Relay> {
        let mut client = kafka::client(config);
        client.set("message.timeout.ms", MESSAGE_TIMEOUT_MS);
        let publisher = KafkaPublisher::from_config(&client).context("kafka")?;
        let relay = outbox::Relay::new(database.pool().clone(), publisher).woken_by(&self.outbox);
        let relay = relay.retention(config.outbox_retention());
        Ok(Relay { inner: relay, topic: Topic::new(config) })
    }
}

/// Sends what is staged.
#[derive(Debug)]
pub(crate) struct Relay {
    inner: outbox::Relay<Postgres, KafkaPublisher>,
    topic: Topic,
}

impl Relay {
    /// Runs until the service stops, whatever becomes of Kafka and the database meanwhile.
    pub(crate) async fn run(self, stopping: Stopping) {
        if stopping.unless(self.topic.ensure()).await.is_none() {
            return;
        }
        if let Err(error) = self.inner.run(stopping.wait()).await {
            tracing::error!(%error, "the relay ended");
        }
    }
}
