//! Rows in the order in which they may be sent: one at a time of each destination and key.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::outbox::row::Row;

/// The rows of one destination and key, in order.
pub(super) type Lane = VecDeque<Row>;

/// A batch as it is worked off.
#[derive(Debug)]
pub(super) struct Lanes {
    waiting: VecDeque<Lane>,
    /// Destinations that turned out not to be there.
    closed: HashSet<String>,
}

impl Lanes {
    pub(super) fn of(rows: Vec<Row>) -> Self {
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        let mut waiting: VecDeque<Lane> = VecDeque::new();
        for row in rows {
            let key = (row.message.destination.clone(), row.message.key.clone());
            let at = *known.entry(key).or_insert(waiting.len());
            match waiting.get_mut(at) {
                Some(lane) => lane.push_back(row),
                None => waiting.push_back(Lane::from([row])),
            }
        }
        Self { waiting, closed: HashSet::new() }
    }

    /// The next row that may be sent, and those behind it.
    pub(super) fn next(&mut self) -> Option<(Row, Lane)> {
        while let Some(mut lane) = self.waiting.pop_front() {
            if let Some(row) = lane.pop_front()
                && !self.closed.contains(&row.message.destination)
            {
                return Some((row, lane));
            }
        }
        None
    }

    /// The row before these is dealt with.
    pub(super) fn go_on(&mut self, lane: Lane) {
        if !lane.is_empty() {
            self.waiting.push_back(lane);
        }
    }

    /// Sends nothing more to a destination. `false` when that was so already.
    pub(super) fn close(&mut self, destination: &str) -> bool {
        self.closed.insert(destination.to_owned())
    }
}
