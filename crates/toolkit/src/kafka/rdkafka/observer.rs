//! What librdkafka tells its client besides messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::rdkafka::ClientConfig;
use ::rdkafka::TopicPartitionList;
use ::rdkafka::consumer::Rebalance;
use ::rdkafka::error::{KafkaError, KafkaResult};
use opentelemetry::KeyValue;
use parking_lot::Mutex;
use tracing::Dispatch;

use super::error::error_type;
use super::statistics;
use crate::kafka::Client;
use crate::kafka::instruments::Watched;
use crate::kafka::positions::Positions;
use crate::kafka::semconv::{REBALANCE_EVENT, SYSTEM};
use crate::layer::TelemetryLayer;
use crate::messaging::names;

const TARGET: &str = "throughline_toolkit::kafka";
/// A fault of the same type is logged at most this often.
const QUIET: Duration = Duration::from_secs(60);

/// Turns what librdkafka tells a client besides messages into metrics and log records.
///
/// | told by | becomes |
/// | --- | --- |
/// | statistics, commits | gauges `consumer_lag` and `consumer_lag_seconds` |
/// | rebalances | counter `messaging.kafka.consumer.rebalances`, log records |
/// | faults, such as all brokers down | counter `messaging.kafka.client.errors`, log records |
///
/// [`Context`](super::Context) does this for clients without hooks of their own. A context that
/// has some keeps an observer, calls it from its methods of the same names, and gives a clone to
/// [`TracedConsumer::observed_by`](super::TracedConsumer::observed_by):
///
/// ```
/// use rdkafka::client::ClientContext;
/// use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance, StreamConsumer};
/// use rdkafka::error::{KafkaError, KafkaResult};
/// use rdkafka::{ClientConfig, TopicPartitionList};
/// use throughline_toolkit::kafka::rdkafka::{Observer, TracedConsumer};
///
/// struct Mine(Observer);
///
/// impl ClientContext for Mine {
///     fn stats_raw(&self, json: &[u8]) {
///         self.0.statistics(json);
///     }
///     fn error(&self, error: KafkaError, reason: &str) {
///         self.0.error(&error, reason);
///     }
/// }
///
/// impl ConsumerContext for Mine {
///     fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
///         self.0.rebalance(rebalance); // and what else has to be done
///     }
///     fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
///         self.0.committed(&result, offsets);
///     }
/// }
///
/// # fn f() -> KafkaResult<()> {
/// let mut config = ClientConfig::new();
/// config.set("group.id", "read-model").set("statistics.interval.ms", "5000");
/// let observer = Observer::new(&config);
/// let consumer: StreamConsumer<Mine> = config.create_with_context(Mine(observer.clone()))?;
/// let consumer = TracedConsumer::new(consumer).observed_by(observer);
/// # drop(consumer); Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async { f().unwrap() });
/// ```
#[derive(Debug, Clone)]
pub struct Observer {
    client: Client,
    client_id: Arc<str>,
    positions: Arc<Positions>,
    watched: Arc<Watched>,
    /// The client calls from threads of its own as well, which know of no subscriber but the
    /// global one.
    dispatch: Dispatch,
    said: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Observer {
    /// An observer of a client with this configuration.
    #[must_use]
    pub fn new(config: &ClientConfig) -> Self {
        let mut client = Client::new();
        if let Some(group) = config.get("group.id") {
            client = client.group(group);
        }
        let servers = config.get("bootstrap.servers").or_else(|| config.get("metadata.broker.list"));
        if let Some(servers) = servers {
            client = client.server(servers);
        }
        let client_id = config.get("client.id");
        if let Some(id) = client_id {
            client = client.id(id);
        }
        Self {
            client_id: client_id.unwrap_or("rdkafka").into(),
            positions: Arc::new(Positions::new(client.clone())),
            watched: Arc::default(),
            client,
            dispatch: tracing::dispatcher::get_default(Clone::clone),
            said: Arc::default(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Has the lag reported by the current telemetry, once there is one.
    pub(super) fn be_watched(&self) {
        self.watched.by_current(&self.positions);
    }

    /// For [`ClientContext::stats_raw`](::rdkafka::ClientContext::stats_raw).
    pub fn statistics(&self, json: &[u8]) {
        statistics::take(json, &self.positions);
    }

    /// For [`ClientContext::error`](::rdkafka::ClientContext::error).
    pub fn error(&self, error: &KafkaError, reason: &str) {
        let error_type = error_type(error);
        if error_type == "partition_eof" {
            return;
        }
        self.told(|| {
            if let Some(core) = TelemetryLayer::current() {
                let labels = [
                    KeyValue::new(names::SYSTEM, SYSTEM.name),
                    KeyValue::new(names::CLIENT_ID, Arc::clone(&self.client_id)),
                    KeyValue::new("error.type", error_type.clone()),
                ];
                core.kafka.errors.add(1, &labels);
            }
            if self.is_news(&error_type) {
                let client = &*self.client_id;
                tracing::warn!(
                    target: TARGET,
                    { error.type = %error_type, messaging.client.id = client },
                    "Kafka client: {reason}"
                );
            }
        });
    }

    /// For [`ConsumerContext::pre_rebalance`](::rdkafka::consumer::ConsumerContext::pre_rebalance).
    pub fn rebalance(&self, rebalance: &Rebalance<'_>) {
        let group = self.client.group_name().unwrap_or("");
        self.told(|| match rebalance {
            Rebalance::Assign(partitions) => {
                self.count_rebalance("assign");
                let partitions = list(partitions);
                tracing::info!(
                    target: TARGET,
                    { messaging.consumer.group.name = group, partitions },
                    "Kafka partitions assigned"
                );
            }
            Rebalance::Revoke(partitions) => {
                for partition in partitions.elements() {
                    self.positions.gone(partition.topic(), partition.partition());
                }
                self.count_rebalance("revoke");
                let partitions = list(partitions);
                tracing::info!(
                    target: TARGET,
                    { messaging.consumer.group.name = group, partitions },
                    "Kafka partitions revoked"
                );
            }
            Rebalance::Error(error) => {
                self.count_rebalance("error");
                tracing::warn!(
                    target: TARGET,
                    { messaging.consumer.group.name = group, error.type = %error_type(error) },
                    "Kafka rebalance failed"
                );
            }
        });
    }

    /// For [`ConsumerContext::commit_callback`](::rdkafka::consumer::ConsumerContext::commit_callback).
    pub fn committed(&self, result: &KafkaResult<()>, offsets: &TopicPartitionList) {
        match result {
            Ok(()) => self.positions_committed(offsets),
            // There was nothing to commit.
            Err(error) if error_type(error) == "no_offset" => {}
            Err(error) => self.error(error, "offsets were not committed"),
        }
    }

    pub(super) fn positions_committed(&self, offsets: &TopicPartitionList) {
        for partition in offsets.elements() {
            if let (Ok(()), Some(offset)) = (partition.error(), partition.offset().to_raw())
                && offset >= 0
            {
                self.positions.committed(partition.topic(), partition.partition(), offset);
            }
        }
    }

    fn count_rebalance(&self, event: &'static str) {
        let Some(core) = TelemetryLayer::current() else { return };
        let mut labels =
            vec![KeyValue::new(names::SYSTEM, SYSTEM.name), KeyValue::new(REBALANCE_EVENT, event)];
        if let Some(group) = self.client.group_name() {
            labels.push(KeyValue::new(names::CONSUMER_GROUP, group.to_owned()));
        }
        core.kafka.rebalances.add(1, &labels);
    }

    /// Runs `f` with the telemetry of this thread, else with that of where the client was made.
    fn told(&self, f: impl FnOnce()) {
        if TelemetryLayer::current().is_some() {
            f();
        } else {
            tracing::dispatcher::with_default(&self.dispatch, f);
        }
    }

    fn is_news(&self, error_type: &str) -> bool {
        let mut said = self.said.lock();
        let now = Instant::now();
        let quiet = said.get(error_type).is_some_and(|at| now.duration_since(*at) < QUIET);
        if !quiet {
            said.insert(error_type.to_owned(), now);
        }
        !quiet
    }
}

/// `orders/0 orders/1`.
fn list(partitions: &TopicPartitionList) -> String {
    let elements = partitions.elements();
    let named = elements.iter().map(|p| format!("{}/{}", p.topic(), p.partition()));
    named.collect::<Vec<_>>().join(" ")
}
