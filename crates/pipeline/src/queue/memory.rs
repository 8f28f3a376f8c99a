//! A bounded queue without a disk, for tests and for senders that may lose data on a crash.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{DurableQueue, Position, QueueError, QueuedRequest};
use crate::{Delivery, Refusal, Sink};

/// Keeps at most a given number of requests between acceptance and commit.
#[derive(Debug)]
pub struct MemoryQueue {
    state: Mutex<State>,
    changed: Notify,
    requests_max: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Accepted and not committed, by rising position.
    kept: VecDeque<QueuedRequest>,
    /// How many at the front of `kept` were handed out by `next`.
    handed_out: usize,
    last: u64,
    committed: Position,
    closed: bool,
}

impl MemoryQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(requests_max: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), requests_max })
    }

    /// Takes no more requests; readers get what is left and then the end.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// The last committed position.
    #[must_use]
    pub fn committed(&self) -> Position {
        self.state.lock().committed
    }

    /// How many requests wait for their commit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().kept.len()
    }

    /// Whether all requests are committed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Resolves once all requests are committed.
    pub async fn drained(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Hands out again what was not committed, as a restart does.
    pub fn rewind(&self) {
        self.state.lock().handed_out = 0;
        self.changed.notify_waiters();
    }

    fn take(&self) -> Option<Option<QueuedRequest>> {
        let mut state = self.state.lock();
        if let Some(request) = state.kept.get(state.handed_out).cloned() {
            state.handed_out += 1;
            return Some(Some(request));
        }
        state.closed.then_some(None)
    }
}

#[async_trait]
impl Sink for MemoryQueue {
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refusal::unavailable("the queue is closed", Duration::from_secs(1)));
        }
        if state.kept.len() >= self.requests_max {
            return Err(Refusal::overloaded("the queue is full", Duration::from_secs(1)));
        }
        state.last += 1;
        let position = Position(state.last);
        state.kept.push_back(QueuedRequest {
            position,
            tenant: delivery.tenant,
            signal: delivery.signal,
            encoding: delivery.encoding,
            pipeline: delivery.pipeline,
            received_ns: delivery.received_ns,
            raw: delivery.raw,
        });
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

#[async_trait]
impl DurableQueue for MemoryQueue {
    async fn next(&self) -> Result<Option<QueuedRequest>, QueueError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(next) = self.take() {
                return Ok(next);
            }
            changed.await;
        }
    }

    async fn commit(&self, position: Position) -> Result<(), QueueError> {
        let mut state = self.state.lock();
        while state.kept.front().is_some_and(|request| request.position <= position) {
            state.kept.pop_front();
            state.handed_out = state.handed_out.saturating_sub(1);
        }
        state.committed = state.committed.max(position);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::tests::delivery;

    #[tokio::test]
    async fn hands_out_in_order_and_again_after_a_restart_what_was_not_committed() {
        let queue = MemoryQueue::new(3);
        for _ in 0..3 {
            queue.accept(delivery(1)).await.unwrap();
        }
        assert!(queue.accept(delivery(1)).await.unwrap_err().is_retryable(), "full");
        for expected in 1..=3 {
            assert_eq!(queue.next().await.unwrap().unwrap().position, Position(expected));
        }
        queue.commit(Position(2)).await.unwrap();
        queue.rewind();
        assert_eq!(queue.next().await.unwrap().unwrap().position, Position(3));
        queue.close();
        assert!(queue.next().await.unwrap().is_none());
        assert_eq!((queue.len(), queue.committed()), (1, Position(2)));
    }

    #[tokio::test]
    async fn a_waiting_reader_wakes_when_a_request_comes() {
        let queue = MemoryQueue::new(1);
        let (read, accepted) = tokio::join!(queue.next(), queue.accept(delivery(1)));
        accepted.unwrap();
        assert_eq!(read.unwrap().unwrap().position, Position(1));
    }
}
