//! `nats.client.*`: events and traffic of connections, and how far behind consumers are.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use async_nats::Statistics;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Meter};
use parking_lot::Mutex;

use super::lag::LagInstruments;
use crate::messaging::names;

/// Instruments of NATS connections.
#[derive(Debug)]
pub(crate) struct NatsInstruments {
    events: Counter<u64>,
    errors: Counter<u64>,
    dropped: Counter<u64>,
    meter: Meter,
    pub(super) lag: LagInstruments,
    /// Observed from the first connection on.
    traffic: OnceLock<Arc<Traffic>>,
}

impl NatsInstruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let counter = |name: &'static str, unit: &'static str, text: &'static str| {
            meter.u64_counter(name).with_unit(unit).with_description(text).build()
        };
        Self {
            events: counter(
                "nats.client.connection.events",
                "{event}",
                "Changes of the state of connections to NATS.",
            ),
            errors: counter("nats.client.errors", "{error}", "Errors of connections to NATS."),
            dropped: counter(
                "nats.client.messages.dropped",
                "{message}",
                "Messages that were dropped because their subscription was full.",
            ),
            lag: LagInstruments::new(meter),
            meter: meter.clone(),
            traffic: OnceLock::new(),
        }
    }

    pub(super) fn connection_event(&self, event: &'static str) {
        self.events.add(1, &[KeyValue::new("nats.client.connection.event", event)]);
    }

    pub(super) fn error(&self, error_type: &'static str) {
        self.errors.add(1, &[KeyValue::new("error.type", error_type)]);
    }

    pub(super) fn message_dropped(&self) {
        self.dropped.add(1, &[]);
    }

    /// Reports the traffic of a connection, once for each.
    pub(super) fn observe(&self, statistics: &Arc<Statistics>, server: Option<(Arc<str>, u16)>) {
        self.traffic.get_or_init(|| Traffic::observed_by(&self.meter)).add(statistics, server);
    }
}

type Observed = (&'static str, &'static str, &'static str, fn(&Totals) -> u64);

const OBSERVED: &[Observed] = &[
    ("nats.client.connects", "{connection}", "Connections that were established.", |t| t.connects),
    ("nats.client.messages.sent", "{message}", "Messages sent.", |t| t.messages_sent),
    ("nats.client.messages.received", "{message}", "Messages received.", |t| t.messages_received),
    ("nats.client.bytes.sent", "By", "Bytes sent, without the protocol's own.", |t| t.bytes_sent),
    ("nats.client.bytes.received", "By", "Bytes received, without the protocol's own.", |t| t.bytes_received),
];

/// What connections have carried, by server.
#[derive(Debug, Default)]
struct Traffic {
    servers: Mutex<Vec<Server>>,
}

#[derive(Debug)]
struct Server {
    address: Option<(Arc<str>, u16)>,
    labels: Vec<KeyValue>,
    live: Vec<Arc<Statistics>>,
    /// Of connections that are gone.
    past: Totals,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    connects: u64,
    messages_sent: u64,
    messages_received: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

impl Totals {
    fn add(&mut self, statistics: &Statistics) {
        self.connects += statistics.connects.load(Ordering::Relaxed);
        self.messages_sent += statistics.out_messages.load(Ordering::Relaxed);
        self.messages_received += statistics.in_messages.load(Ordering::Relaxed);
        self.bytes_sent += statistics.out_bytes.load(Ordering::Relaxed);
        self.bytes_received += statistics.in_bytes.load(Ordering::Relaxed);
    }
}

impl Traffic {
    fn observed_by(meter: &Meter) -> Arc<Self> {
        let traffic = Arc::new(Self::default());
        for (name, unit, text, read) in OBSERVED {
            let (traffic, read) = (Arc::clone(&traffic), *read);
            let observed = meter.u64_observable_counter(*name).with_unit(*unit).with_description(*text);
            observed.with_callback(move |observer| traffic.observe(observer, read)).build();
        }
        traffic
    }

    fn add(&self, statistics: &Arc<Statistics>, address: Option<(Arc<str>, u16)>) {
        let mut servers = self.servers.lock();
        if servers.iter().flat_map(|s| &s.live).any(|known| Arc::ptr_eq(known, statistics)) {
            return;
        }
        let live = Arc::clone(statistics);
        match servers.iter_mut().find(|server| server.address == address) {
            Some(server) => server.live.push(live),
            None => servers.push(Server::new(address, live)),
        }
    }

    fn observe(&self, observer: &dyn AsyncInstrument<u64>, read: fn(&Totals) -> u64) {
        for server in self.servers.lock().iter_mut() {
            observer.observe(read(&server.totals()), &server.labels);
        }
    }
}

impl Server {
    fn new(address: Option<(Arc<str>, u16)>, live: Arc<Statistics>) -> Self {
        let labels = address.iter().flat_map(|(address, port)| {
            [
                KeyValue::new(names::SERVER_ADDRESS, Arc::clone(address)),
                KeyValue::new(names::SERVER_PORT, i64::from(*port)),
            ]
        });
        Self { labels: labels.collect(), address, live: vec![live], past: Totals::default() }
    }

    fn totals(&mut self) -> Totals {
        let past = &mut self.past;
        self.live.retain(|statistics| {
            // A connection that is gone holds its statistics no more.
            let gone = Arc::strong_count(statistics) == 1;
            if gone {
                past.add(statistics);
            }
            !gone
        });
        let mut totals = *past;
        for statistics in &self.live {
            totals.add(statistics);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_outlive_their_connections() {
        let traffic = Traffic::default();
        let (first, second) = (Arc::new(Statistics::default()), Arc::new(Statistics::default()));
        first.out_messages.store(3, Ordering::Relaxed);
        second.out_messages.store(4, Ordering::Relaxed);
        for statistics in [&first, &second, &first] {
            traffic.add(statistics, Some(("nats.example".into(), 4222)));
        }
        drop(first);
        let mut servers = traffic.servers.lock();
        assert_eq!(servers.len(), 1);
        assert_eq!((servers[0].totals().messages_sent, servers[0].live.len()), (7, 1));
        second.out_messages.store(5, Ordering::Relaxed);
        assert_eq!(servers[0].totals().messages_sent, 8);
    }
}
