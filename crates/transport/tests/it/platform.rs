//! A receiver on free ports, with a fake sink behind it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use throughline_model::{Signal, SystemClock};
use throughline_pipeline::memory_limiter::MemoryProbe;
use throughline_pipeline::{
    Acknowledgement, MemoryLimiter, MemoryLimiterSettings, Output, Pipeline, Registry, Sink,
};
use throughline_transport::inbound::{
    Door, Intake, Listeners, OtlpReceiver, OtlpReceiverSettings, ReceiverLimits,
};

use crate::fake_sink::FakeSink;

/// A process that uses as much memory as the test says.
#[derive(Debug, Clone, Copy)]
struct UsedMemory(u64);

impl MemoryProbe for UsedMemory {
    fn used_bytes(&self) -> Option<u64> {
        Some(self.0)
    }
    fn available_bytes(&self) -> Option<u64> {
        None
    }
}

/// What a test wants different.
pub(crate) struct Options {
    pub(crate) settings: OtlpReceiverSettings,
    pub(crate) limits: ReceiverLimits,
    pub(crate) signals: Vec<Signal>,
    /// Used of the 1,000 MiB that are the limit.
    pub(crate) used_mib: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: OtlpReceiverSettings::built_in(),
            limits: ReceiverLimits::default(),
            signals: Signal::ALL.to_vec(),
            used_mib: 0,
        }
    }
}

/// Where a receiver listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl From<&Platform> for Addresses {
    fn from(platform: &Platform) -> Self {
        Self { grpc: platform.grpc, http: platform.http }
    }
}

pub(crate) struct Platform {
    pub(crate) receiver: OtlpReceiver,
    pub(crate) sink: Arc<FakeSink>,
    pub(crate) registry: Registry,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::with(FakeSink::new([]), Options::default()).await
    }

    pub(crate) async fn with(sink: Arc<FakeSink>, options: Options) -> Self {
        let registry = Registry::default();
        let settings = MemoryLimiterSettings { limit_mib: 1000, ..MemoryLimiterSettings::default() };
        let probe = Box::new(UsedMemory(options.used_mib << 20));
        let limiter = MemoryLimiter::with_probe(&settings, probe, Arc::new(SystemClock), &registry).unwrap();
        let pipelines = options.signals.iter().map(|signal| {
            let output = Output::new("fake", Arc::clone(&sink) as Arc<dyn Sink>, Acknowledgement::Required);
            Arc::new(Pipeline::new(signal.name(), *signal, vec![], vec![output], &registry))
        });
        let intake = Intake::new("otlp", pipelines.collect(), Arc::new(SystemClock), registry.clone());
        let free = || Some(TcpListener::bind("127.0.0.1:0").unwrap());
        let receiver = OtlpReceiver::start(
            &options.settings,
            Arc::new(intake),
            Arc::new(Door::new(limiter, options.limits)),
            options.limits,
            Listeners { grpc: free(), http: free() },
        );
        let receiver = receiver.await.unwrap();
        let (grpc, http) = (receiver.grpc_address().unwrap(), receiver.http_address().unwrap());
        Self { receiver, sink, registry, grpc, http }
    }

    /// The value of a counter, 0 when it is not there.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.registry.render();
        let line =
            text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0, |value| value.parse().unwrap())
    }
}
