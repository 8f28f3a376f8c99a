//! The way to Kafka, and the topic there.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::config::Config;

/// How long creating the topic may take.
const CREATE: Duration = Duration::from_secs(5);

/// Events go by whole segments: this is how much longer than the retention they may stay,
/// milliseconds (a day).
const SEGMENT_MS: &str = "86400000";

/// First and longest pause between tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// What all clients have in common.
pub(crate) fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.kafka);
    // A broker that is back is found within a second.
    client.set("reconnect.backoff.max.ms", "1000");
    client
}

/// The topic of all events.
#[derive(Debug)]
pub(crate) struct Topic {
    client: ClientConfig,
    name: String,
    partitions: i32,
    retention_ms: String,
}

impl Topic {
    pub(crate) fn new(config: &Config) -> Self {
        let retention_ms = match config.topic_retention_seconds {
            0 => "-1".to_owned(),
            seconds => seconds.saturating_mul(1000).to_string(),
        };
        let (name, partitions) = (config.topic.clone(), config.topic_partitions);
        Self { client: client(config), name, partitions, retention_ms }
    }

    /// Waits until the topic is there, creating it if nobody has.
    pub(crate) async fn ensure(&self) {
        let (mut pause, longest) = PAUSES;
        loop {
            match self.create().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, topic = self.name, "waiting for Kafka");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn create(&self) -> Result<(), KafkaError> {
        let admin: AdminClient<DefaultClientContext> = self.client.create()?;
        let topic = NewTopic::new(&self.name, self.partitions.max(1), TopicReplication::Fixed(1));
        let topic = topic.set("retention.ms", &self.retention_ms).set("segment.ms", SEGMENT_MS);
        let options = AdminOptions::new().operation_timeout(Some(CREATE)).request_timeout(Some(CREATE));
        for created in admin.create_topics([&topic], &options).await? {
            match created {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(())
    }
}
