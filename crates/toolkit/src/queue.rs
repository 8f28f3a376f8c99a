//! The bounded hand-over from service threads to the export thread, and its accounts.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{DropReason, SignalReport};

/// Bounds of one signal's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
    /// The export thread is woken when this many items wait.
    pub(crate) batch: usize,
}

/// Items of this size leave together, at most: receivers refuse larger requests, the Collector those
/// over gRPC from 4 MiB on. An item of more leaves alone.
const REQUEST_BYTES: usize = 4_000_000;

/// Items waiting for export. Pushing never waits for the exporter: at a bound the new item is
/// dropped and counted.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limits: QueueLimits,
    state: Mutex<State<T>>,
    pub(crate) ready: Notify,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
    recorded: u64,
    exported: u64,
    reasons: [u64; 6],
}

impl<T> Queue<T> {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                items: VecDeque::new(),
                bytes: 0,
                closed: false,
                recorded: 0,
                exported: 0,
                reasons: [0; 6],
            }),
            ready: Notify::new(),
        }
    }

    /// Hands over an item of about `bytes` bytes, counting for `weight` in the report. Gives the
    /// item back when it was dropped, so that its memory can be reused.
    pub(crate) fn push(&self, item: T, bytes: usize, weight: u64) -> Result<(), T> {
        let mut state = self.state.lock();
        state.recorded += weight;
        let refused = if state.closed {
            Some(DropReason::Shutdown)
        } else if state.items.len() >= self.limits.items {
            Some(DropReason::QueueFull)
        } else if state.bytes + bytes > self.limits.bytes {
            Some(DropReason::QueueBytes)
        } else {
            None
        };
        if let Some(reason) = refused {
            state.count_dropped(reason, weight);
            return Err(item);
        }
        state.items.push_back((item, bytes));
        state.bytes += bytes;
        let wake = state.items.len() == self.limits.batch;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Takes the oldest items, at most `limits.batch`, and no more than fit into a request.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        let mut state = self.state.lock();
        let (mut n, mut bytes) = (0, 0);
        for (_, size) in state.items.iter().take(self.limits.batch) {
            if n > 0 && bytes + size > REQUEST_BYTES {
                break;
            }
            (n, bytes) = (n + 1, bytes + size);
        }
        into.extend(state.items.drain(..n).map(|(item, _)| item));
        state.bytes -= bytes;
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Settles a batch: `exported` reached the collector, `dropped` did not.
    pub(crate) fn settle(&self, exported: u64, dropped: u64, reason: DropReason) {
        let mut state = self.state.lock();
        state.exported += exported;
        state.count_dropped(reason, dropped);
    }

    /// Refuses further items and counts those still waiting as dropped.
    pub(crate) fn close(&self, weight_of: impl Fn(&T) -> u64) {
        let mut state = self.state.lock();
        state.closed = true;
        let left: u64 = state.items.drain(..).map(|(item, _)| weight_of(&item)).sum();
        state.bytes = 0;
        state.count_dropped(DropReason::Shutdown, left);
    }

    /// Refuses further items; those waiting can still be taken.
    pub(crate) fn seal(&self) {
        self.state.lock().closed = true;
    }

    pub(crate) fn report(&self) -> SignalReport {
        let state = self.state.lock();
        let dropped = state.reasons.iter().sum();
        SignalReport {
            recorded: state.recorded,
            exported: state.exported,
            dropped,
            waiting: state.recorded.saturating_sub(state.exported + dropped),
            reasons: state.reasons,
        }
    }
}

impl<T> State<T> {
    fn count_dropped(&mut self, reason: DropReason, n: u64) {
        let at = DropReason::ALL.iter().position(|r| *r == reason).unwrap_or(0);
        if let Some(counter) = self.reasons.get_mut(at) {
            *counter += n;
        }
    }
}

/// Objects whose buffers are reused instead of freed.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    free: Mutex<Vec<Box<T>>>,
    kept: usize,
}

impl<T: Default> Pool<T> {
    pub(crate) fn new(kept: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), kept }
    }

    pub(crate) fn get(&self) -> Box<T> {
        self.free.lock().pop().unwrap_or_default()
    }

    /// Moves up to `most` objects over, those used last first.
    pub(crate) fn take(&self, most: usize, into: &mut Vec<Box<T>>) {
        let mut free = self.free.lock();
        let kept = free.len().saturating_sub(most);
        into.extend(free.drain(kept..));
    }

    /// Takes back a cleared object.
    pub(crate) fn put(&self, item: Box<T>) {
        let mut free = self.free.lock();
        if free.len() < self.kept {
            free.push(item);
        }
    }

    pub(crate) fn put_all(&self, items: impl IntoIterator<Item = Box<T>>) {
        let mut free = self.free.lock();
        let room = self.kept.saturating_sub(free.len());
        free.extend(items.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue<u32> {
        Queue::new(QueueLimits { items: 3, bytes: 100, batch: 2 })
    }

    #[test]
    fn drops_and_counts_beyond_the_item_bound() {
        let queue = queue();
        for n in 0..5 {
            let taken = queue.push(n, 1, 1).is_ok();
            assert_eq!(taken, n < 3);
        }
        let report = queue.report();
        assert_eq!((report.recorded, report.waiting), (5, 3));
        assert_eq!(report.dropped_for(DropReason::QueueFull), 2);
    }

    #[test]
    fn drops_and_counts_beyond_the_byte_bound() {
        let queue = queue();
        assert!(queue.push(1, 60, 1).is_ok());
        assert_eq!(queue.push(2, 60, 1), Err(2));
        assert_eq!(queue.report().dropped_for(DropReason::QueueBytes), 1);
    }

    #[test]
    fn large_items_leave_in_requests_that_receivers_take() {
        let queue = Queue::new(QueueLimits { items: 9, bytes: usize::MAX, batch: 9 });
        for (n, bytes) in [REQUEST_BYTES - 1, 1, 1, 2 * REQUEST_BYTES, 1].into_iter().enumerate() {
            assert!(queue.push(n, bytes, 1).is_ok());
        }
        for expected in [&[0, 1][..], &[2], &[3], &[4], &[]] {
            let mut taken = Vec::new();
            queue.take(&mut taken);
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn accounts_add_up_after_close() {
        let queue = queue();
        for n in 0..3 {
            assert!(queue.push(n, 1, 1).is_ok());
        }
        let mut batch = Vec::new();
        queue.take(&mut batch);
        assert_eq!(batch, [0, 1]);
        queue.settle(1, 1, DropReason::Rejected);
        queue.close(|_| 1);
        assert_eq!(queue.push(9, 1, 1), Err(9));
        let report = queue.report();
        assert_eq!((report.recorded, report.exported, report.dropped), (4, 1, 3));
        assert_eq!(report.dropped_for(DropReason::Shutdown), 2);
        assert_eq!(report.waiting, 0);
    }
}
