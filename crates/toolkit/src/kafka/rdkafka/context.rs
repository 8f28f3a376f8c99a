//! The context of a client that has no hooks of its own for consumers.

use std::error::Error;

use ::rdkafka::client::{ClientContext, OAuthToken};
use ::rdkafka::config::RDKafkaLogLevel;
use ::rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use ::rdkafka::error::{KafkaError, KafkaResult};
use ::rdkafka::{ClientConfig, TopicPartitionList};

use super::observer::Observer;

/// The context of a traced client: feeds an [`Observer`], then hands on to another context.
///
/// `C` is asked for what belongs to any client: log lines, statistics, faults, tokens. The hooks
/// of consumers get the consumer itself and cannot be handed on; a context that needs them keeps
/// an [`Observer`] instead.
#[derive(Debug, Clone)]
pub struct Context<C = Silent> {
    observer: Observer,
    inner: C,
}

impl<C> Context<C> {
    /// The context of a client with this configuration.
    pub fn new(config: &ClientConfig, inner: C) -> Self {
        Self { observer: Observer::new(config), inner }
    }

    /// What it feeds.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// The context that it hands on to.
    pub fn inner(&self) -> &C {
        &self.inner
    }
}

/// A context that does nothing with statistics, which the client's own default writes to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl ClientContext for Silent {
    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl<C: ClientContext> ClientContext for Context<C> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = C::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.inner.log(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.observer.statistics(statistics);
        self.inner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.observer.error(&error, reason);
        self.inner.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.inner.generate_oauth_token(config)
    }
}

impl<C: ClientContext> ConsumerContext for Context<C> {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.observer.rebalance(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.observer.committed(&result, offsets);
    }
}
