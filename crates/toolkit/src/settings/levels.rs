//! Which spans and events are made at all: `RUST_LOG`, or the builder's filter.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::Reader;

/// Level filters. Events follow the filter; spans are made at INFO and above whatever the filter
/// says about logs, and at lower levels where the filter is that verbose, so that quieter logs do
/// not cut traces.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    events: Targets,
    max: LevelFilter,
    /// The Kafka client's own spans double ours; they are made for those who ask for them.
    #[cfg(feature = "krafka")]
    krafka: bool,
}

impl Levels {
    pub(crate) fn parse(filter: Option<&str>, read: &mut Reader<'_>) -> Self {
        let events = match filter.map(str::parse::<Targets>) {
            Some(Ok(targets)) => targets,
            Some(Err(fault)) => {
                read.warn("RUST_LOG", fault);
                Targets::new().with_default(LevelFilter::INFO)
            }
            None => Targets::new().with_default(LevelFilter::INFO),
        };
        // The SDK's chatter is of interest only to those who ask for it.
        let asked = filter.is_some_and(|text| text.contains("opentelemetry"));
        let events = if asked { events } else { events.with_target("opentelemetry", LevelFilter::WARN) };
        let default = events.default_level().unwrap_or(LevelFilter::OFF);
        let max = events.iter().map(|(_, level)| level).fold(default, LevelFilter::max);
        Self {
            events,
            max: max.max(LevelFilter::INFO),
            #[cfg(feature = "krafka")]
            krafka: filter.is_some_and(|text| text.contains("krafka")),
        }
    }

    pub(crate) fn max(&self) -> LevelFilter {
        self.max
    }

    pub(crate) fn event(&self, metadata: &Metadata<'_>) -> bool {
        self.events.would_enable(metadata.target(), metadata.level())
    }

    pub(crate) fn span(&self, metadata: &Metadata<'_>) -> bool {
        #[cfg(feature = "krafka")]
        if !self.krafka && metadata.target().starts_with("krafka::") {
            return false;
        }
        *metadata.level() <= LevelFilter::INFO || self.event(metadata)
    }
}
