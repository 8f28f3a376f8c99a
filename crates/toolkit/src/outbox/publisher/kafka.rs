//! To Kafka, through librdkafka.

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::{Broker, KeyValue, Message, PublishError, Publisher, Receipt, UnknownDestination};

/// Sends the messages of an outbox to Kafka. The event's key is the record's.
///
/// It uses the bare producer: the relay's `publishEvent` is the span of the sending.
pub struct KafkaPublisher<C: ClientContext + 'static = DefaultClientContext> {
    producer: FutureProducer<C>,
    unknown: UnknownDestination,
}

impl KafkaPublisher {
    /// Makes a producer that answers only when all replicas in sync have the record
    /// (`acks=all`), neither repeats nor swaps records on its own retries
    /// (`enable.idempotence=true`), and does not wait for company (`linger.ms=0`), over whatever
    /// `config` says of these.
    ///
    /// # Errors
    /// When librdkafka does not take the configuration.
    pub fn from_config(config: &ClientConfig) -> Result<Self, KafkaError> {
        let mut config = config.clone();
        config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "0");
        Ok(Self::new(config.create()?))
    }
}

impl<C: ClientContext + 'static> KafkaPublisher<C> {
    /// Uses this producer, which must have `acks=all` (librdkafka's default): with less, a message
    /// counts as sent that the cluster may still lose.
    #[must_use]
    pub fn new(producer: FutureProducer<C>) -> Self {
        Self { producer, unknown: UnknownDestination::default() }
    }

    /// What to do with messages for a topic that does not exist. librdkafka says so only after
    /// `topic.metadata.propagation.max.ms` (30 s), when the relay's patience may have ended
    /// ([`crate::outbox::Relay::send_timeout`]).
    #[must_use]
    pub fn unknown_topic(mut self, what: UnknownDestination) -> Self {
        self.unknown = what;
        self
    }

    fn fault(&self, error: KafkaError) -> PublishError {
        use RDKafkaErrorCode as Code;
        let Some(code) = error.rdkafka_error_code() else {
            return PublishError::permanent(error).error_type("invalid");
        };
        let name = format!("{code:?}");
        let fault = match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                self.unknown.error(error)
            }
            Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::InvalidTopic
            | Code::InvalidTimestamp
            | Code::InvalidArgument
            | Code::BadMessage
            | Code::KeySerialization
            | Code::ValueSerialization
            | Code::PolicyViolation
            | Code::TopicAuthorizationFailed
            | Code::UnsupportedForMessageFormat => PublishError::permanent(error),
            Code::Unknown | Code::Fail | Code::ThrottlingQuotaExceeded => PublishError::transient(error),
            // The cluster, the way to it, or the producer itself.
            _ => PublishError::unavailable(error),
        };
        fault.error_type(name)
    }
}

impl<C: ClientContext + 'static> std::fmt::Debug for KafkaPublisher<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaPublisher").field("unknown", &self.unknown).finish_non_exhaustive()
    }
}

impl<C: ClientContext + 'static> Publisher for KafkaPublisher<C> {
    fn broker(&self) -> Broker {
        Broker::Kafka
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for (key, value) in &message.headers {
            headers = headers.insert(Header { key, value: Some(value.as_bytes()) });
        }
        let record = FutureRecord::to(&message.destination)
            .key(message.key.as_bytes())
            .payload(&message.payload[..])
            .headers(headers);
        // A full queue is no reason to wait here: the relay waits, with everything else.
        match self.producer.send(record, Timeout::After(std::time::Duration::ZERO)).await {
            Ok(delivery) => Ok(Receipt::default()
                .with(KeyValue::new("messaging.destination.partition.id", delivery.partition.to_string()))
                .with(KeyValue::new("messaging.kafka.offset", delivery.offset))),
            Err((error, _)) => Err(self.fault(error)),
        }
    }
}
