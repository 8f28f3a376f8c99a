//! Where a consumer is in each of its partitions, and where these end.

use std::time::Duration;

use parking_lot::Mutex;

use super::instruments::{Behind, LagSource};
use super::record::{Client, Record};
use crate::clock;

/// The partitions of one consumer.
#[derive(Debug)]
pub(crate) struct Positions {
    client: Client,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    partitions: Vec<Partition>,
    /// The one that was touched last, and is likely to be next.
    last: usize,
}

#[derive(Debug)]
struct Partition {
    topic: Box<str>,
    number: i32,
    /// One above the last message there is, as far as known.
    end: Option<i64>,
    committed: Option<i64>,
    /// One above the last message that was received.
    received: Option<i64>,
    /// When that message was made, milliseconds since 1970.
    received_made: Option<i64>,
}

impl Positions {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, table: Mutex::default() }
    }

    /// The application was handed a message.
    pub(crate) fn received(&self, record: &Record<'_>) {
        let (Some(number), Some(offset)) = (record.partition, record.offset) else { return };
        self.update(record.topic, number, |partition| {
            partition.received = Some(offset.saturating_add(1));
            partition.received_made = record.timestamp.millis();
        });
    }

    /// The group will go on at `offset`.
    pub(crate) fn committed(&self, topic: &str, number: i32, offset: i64) {
        self.update(topic, number, |partition| partition.committed = Some(offset));
    }

    /// What the client knows of a partition. Its snapshot may be older than a commit seen here.
    pub(crate) fn known(&self, topic: &str, number: i32, end: Option<i64>, committed: Option<i64>) {
        self.update(topic, number, |partition| {
            partition.end = end.or(partition.end);
            partition.committed = partition.committed.max(committed);
        });
    }

    /// The partition is somebody else's now.
    #[cfg(any(feature = "rdkafka", test))]
    pub(crate) fn gone(&self, topic: &str, number: i32) {
        self.keep(|t, n| n != number || t != topic);
    }

    /// Forgets partitions that are somebody else's now.
    pub(crate) fn keep(&self, kept: impl Fn(&str, i32) -> bool) {
        self.table.lock().partitions.retain(|p| kept(&p.topic, p.number));
    }

    fn update(&self, topic: &str, number: i32, change: impl FnOnce(&mut Partition)) {
        let mut table = self.table.lock();
        let Table { partitions, last } = &mut *table;
        let same = |p: &Partition| p.number == number && *p.topic == *topic;
        if !partitions.get(*last).is_some_and(same) {
            *last = partitions.iter().position(same).unwrap_or(partitions.len());
            if *last == partitions.len() {
                partitions.push(Partition::new(topic, number));
            }
        }
        if let Some(partition) = partitions.get_mut(*last) {
            change(partition);
        }
    }
}

impl LagSource for Positions {
    fn visit(&self, see: &mut dyn FnMut(Behind<'_>)) {
        let table = self.table.lock();
        for partition in &table.partitions {
            let Some(messages) = partition.lag() else { continue };
            see(Behind {
                group: self.client.group_name(),
                topic: &partition.topic,
                partition: partition.number,
                messages,
                seconds: partition.age(messages),
            });
        }
    }
}

impl Partition {
    fn new(topic: &str, number: i32) -> Self {
        Self { topic: topic.into(), number, end: None, committed: None, received: None, received_made: None }
    }

    /// From where the group would go on, or from where this consumer is when the group commits
    /// nothing, to the end.
    fn lag(&self) -> Option<u64> {
        let at = self.committed.or(self.received)?;
        let end = self.end?.max(self.received.unwrap_or(0));
        Some(u64::try_from(end.saturating_sub(at)).unwrap_or(0))
    }

    fn age(&self, lag: u64) -> Option<f64> {
        if lag == 0 {
            return Some(0.0);
        }
        let millis = now_millis().saturating_sub(self.received_made?);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64())
    }
}

/// Milliseconds since 1970.
fn now_millis() -> i64 {
    i64::try_from(clock::now_ns() / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Timestamp;

    fn lag(positions: &Positions) -> Vec<(String, i32, u64)> {
        let mut seen = Vec::new();
        positions.visit(&mut |b| seen.push((b.topic.to_owned(), b.partition, b.messages)));
        seen
    }

    fn received(positions: &Positions, offset: i64) {
        let timestamp = Timestamp::Created(now_millis() - 2_000);
        let (partition, offset) = (Some(0), Some(offset));
        positions.received(&Record { topic: "orders", partition, offset, timestamp, ..Record::default() });
    }

    #[test]
    fn lag_is_what_the_group_has_not_committed() {
        let positions = Positions::new(Client::new().group("g"));
        positions.known("orders", 0, Some(10), None);
        assert_eq!(lag(&positions), [], "nobody knows where the group is");
        received(&positions, 3);
        assert_eq!(lag(&positions), [("orders".to_owned(), 0, 6)]);
        positions.committed("orders", 0, 2);
        assert_eq!(lag(&positions), [("orders".to_owned(), 0, 8)]);
        positions.known("orders", 0, Some(12), Some(1));
        assert_eq!(lag(&positions), [("orders".to_owned(), 0, 10)], "an older snapshot");
        positions.gone("orders", 0);
        assert_eq!(lag(&positions), []);
    }

    #[test]
    fn a_message_above_the_known_end_moves_the_end() {
        let positions = Positions::new(Client::new());
        positions.known("orders", 0, Some(3), Some(3));
        received(&positions, 7);
        assert_eq!(lag(&positions), [("orders".to_owned(), 0, 5)]);
    }

    #[test]
    fn age_is_that_of_the_last_message_and_nothing_at_the_end() {
        let positions = Positions::new(Client::new());
        let age = || {
            let mut seen = None;
            positions.visit(&mut |behind| seen = behind.seconds);
            seen
        };
        positions.known("orders", 0, Some(9), None);
        received(&positions, 3);
        assert!(age().is_some_and(|age| (2.0..10.0).contains(&age)), "{:?}", age());
        received(&positions, 8);
        assert_eq!(age(), Some(0.0));
    }
}
