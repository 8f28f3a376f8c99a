//! A sink that does as told and keeps what it accepts.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use throughline_pipeline::{Delivery, Refusal, Sink};
use tokio::sync::{Notify, watch};

/// What the sink does with a delivery.
pub(crate) enum Behaviour {
    Accept,
    Refuse(Refusal),
    /// Waits until told, then accepts.
    WaitFor(Arc<Notify>),
    Hang,
}

/// Follows its script, then accepts everything.
pub(crate) struct FakeSink {
    script: Mutex<VecDeque<Behaviour>>,
    accepted: Mutex<Vec<Delivery>>,
    arrivals: watch::Sender<usize>,
}

impl FakeSink {
    pub(crate) fn new(script: impl IntoIterator<Item = Behaviour>) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            accepted: Mutex::default(),
            arrivals: watch::Sender::new(0),
        })
    }

    pub(crate) fn accepted(&self) -> Vec<Delivery> {
        self.accepted.lock().clone()
    }

    pub(crate) fn accepted_items(&self) -> u64 {
        self.accepted.lock().iter().map(Delivery::items).sum()
    }

    /// Waits until so many deliveries have arrived, whatever became of them.
    pub(crate) async fn arrived(&self, count: usize) {
        self.arrivals.subscribe().wait_for(|arrived| *arrived >= count).await.unwrap();
    }
}

#[async_trait]
impl Sink for FakeSink {
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        let behaviour = self.script.lock().pop_front().unwrap_or(Behaviour::Accept);
        self.arrivals.send_modify(|arrived| *arrived += 1);
        match behaviour {
            Behaviour::Accept => {}
            Behaviour::Refuse(refusal) => return Err(refusal),
            Behaviour::WaitFor(signal) => signal.notified().await,
            Behaviour::Hang => std::future::pending().await,
        }
        self.accepted.lock().push(delivery);
        Ok(())
    }
}
