//! Gathers requests into sends.
//!
//! OTLP's export requests have one repeated field, so protobuf requests of one signal become one
//! by putting their bytes behind each other. Requests of different pipelines or tenants stay
//! apart, and a request is never split.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use throughline_model::{Signal, Tenant};
use throughline_pipeline::{BatchSettings, Position, QueuedRequest};
use tokio::time::Instant;

use super::payload::Payload;

/// Requests that go out together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) signal: Signal,
    pub(super) tenant: Tenant,
    pub(super) payloads: Vec<Payload>,
    pub(super) positions: Vec<Position>,
}

/// The body of requests that are sent as one.
pub(super) fn join(payloads: &[Payload]) -> Bytes {
    if let [only] = payloads {
        return only.body.clone();
    }
    let mut joined = BytesMut::with_capacity(payloads.iter().map(|payload| payload.body.len()).sum());
    payloads.iter().for_each(|payload| joined.extend_from_slice(&payload.body));
    joined.freeze()
}

/// Destinations with a Collector's defaults take 4 MiB.
const BATCH_BYTES_MAX: usize = 3 << 20;

/// Pipelines and tenants that are gathered for at once.
const GROUPS_MAX: usize = 64;

type Key = (Arc<str>, Tenant, Signal);

/// What is gathered and not sent.
#[derive(Debug)]
pub(super) struct Gatherer {
    items_send: u64,
    items_max: u64,
    timeout: Duration,
    groups: HashMap<Key, Group>,
}

#[derive(Debug)]
struct Group {
    due: Instant,
    payloads: Vec<Payload>,
    bytes: usize,
    items: u64,
    positions: Vec<Position>,
}

impl Gatherer {
    pub(super) fn new(settings: &BatchSettings) -> Self {
        let items_max =
            if settings.send_batch_max_size == 0 { u64::MAX } else { settings.send_batch_max_size };
        Self {
            items_send: settings.items_max(),
            items_max,
            timeout: settings.timeout,
            groups: HashMap::new(),
        }
    }

    /// Adds a request; returns the sends that are complete with it.
    pub(super) fn add(&mut self, request: &QueuedRequest, payload: Payload, now: Instant) -> Vec<Batch> {
        let key = (Arc::clone(&request.pipeline), request.tenant.clone(), request.signal);
        let mut complete = Vec::new();
        let overflows = self.groups.get(&key).is_some_and(|group| {
            group.items + payload.items > self.items_max || group.bytes + payload.body.len() > BATCH_BYTES_MAX
        });
        if overflows {
            complete.extend(self.take(&key));
        }
        if !self.groups.contains_key(&key) && self.groups.len() >= GROUPS_MAX {
            let oldest = self.groups.iter().min_by_key(|(_, group)| group.due).map(|(key, _)| key.clone());
            complete.extend(oldest.and_then(|oldest| self.take(&oldest)));
        }
        let due = now + self.timeout;
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group::until(due));
        group.bytes += payload.body.len();
        group.items += payload.items;
        group.payloads.push(payload);
        group.positions.push(request.position);
        if group.items >= self.items_send || group.bytes >= BATCH_BYTES_MAX || self.timeout.is_zero() {
            complete.extend(self.take(&key));
        }
        complete
    }

    /// When the first send is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.groups.values().map(|group| group.due).min()
    }

    /// The sends that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Batch> {
        let due = self.groups.iter().filter(|(_, group)| group.due <= now).map(|(key, _)| key.clone());
        let due: Vec<Key> = due.collect();
        due.iter().filter_map(|key| self.take(key)).collect()
    }

    /// Everything, due or not.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        let keys: Vec<Key> = self.groups.keys().cloned().collect();
        keys.iter().filter_map(|key| self.take(key)).collect()
    }

    fn take(&mut self, key: &Key) -> Option<Batch> {
        let group = self.groups.remove(key)?;
        let (_, tenant, signal) = key.clone();
        Some(Batch { signal, tenant, payloads: group.payloads, positions: group.positions })
    }
}

impl Group {
    fn until(due: Instant) -> Self {
        Self { due, payloads: Vec::new(), bytes: 0, items: 0, positions: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(position: u64, tenant: &str) -> QueuedRequest {
        QueuedRequest {
            position: Position(position),
            tenant: Tenant::new(tenant).unwrap(),
            signal: Signal::Traces,
            encoding: 1,
            pipeline: "traces".into(),
            received_ns: 0,
            raw: Bytes::new(),
        }
    }

    fn payload(items: u64, bytes: usize) -> Payload {
        Payload { body: vec![b'x'; bytes].into(), items }
    }

    fn items(batch: &Batch) -> u64 {
        batch.payloads.iter().map(|payload| payload.items).sum()
    }

    fn gatherer(send: u64, max: u64) -> Gatherer {
        Gatherer::new(&BatchSettings {
            send_batch_size: send,
            send_batch_max_size: max,
            ..BatchSettings::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn sends_when_enough_is_gathered_or_it_is_due() {
        let mut gatherer = gatherer(10, 0);
        let now = Instant::now();
        assert!(gatherer.add(&request(1, "a"), payload(4, 5), now).is_empty());
        let complete = gatherer.add(&request(2, "a"), payload(6, 5), now);
        assert_eq!((items(&complete[0]), join(&complete[0].payloads).len()), (10, 10));
        assert_eq!(complete[0].positions, [Position(1), Position(2)]);
        assert!(gatherer.add(&request(3, "a"), payload(1, 1), now).is_empty());
        let due = gatherer.due().unwrap();
        assert_eq!(due - now, Duration::from_millis(200));
        assert!(gatherer.take_due(now).is_empty());
        assert_eq!(gatherer.take_due(due)[0].positions, [Position(3)]);
        assert_eq!(gatherer.due(), None);
    }

    #[tokio::test]
    async fn tenants_stay_apart_and_bounds_hold() {
        let mut gatherer = gatherer(10, 12);
        let now = Instant::now();
        assert!(gatherer.add(&request(1, "a"), payload(8, 1), now).is_empty());
        assert!(gatherer.add(&request(2, "b"), payload(8, 1), now).is_empty());
        let complete = gatherer.add(&request(3, "a"), payload(9, 1), now);
        assert_eq!(complete[0].positions, [Position(1)], "8 and 9 items are more than 12");
        let large = gatherer.add(&request(4, "a"), payload(1, BATCH_BYTES_MAX), now);
        assert_eq!(large.iter().map(items).collect::<Vec<_>>(), [9, 1]);
        assert_eq!(gatherer.take_all().len(), 1);
    }

    #[tokio::test]
    async fn tenants_beyond_the_bound_push_the_oldest_out() {
        let mut gatherer = gatherer(10, 0);
        let now = Instant::now();
        for i in 0..GROUPS_MAX as u64 {
            let later = now + Duration::from_millis(i);
            assert!(gatherer.add(&request(i, &format!("t{i}")), payload(1, 1), later).is_empty());
        }
        let pushed = gatherer.add(&request(99, "one-more"), payload(1, 1), now);
        assert_eq!(pushed[0].positions, [Position(0)]);
    }
}
