//! A scan's answer as a stream of batches. The scan starts when the stream is first polled, runs at
//! most a few batches ahead of its reader, and ends when the stream is dropped.

use super::job::Job;
use super::meter::{Meter, ScanStats};
use super::pool::CancelOnDrop;
use crate::Error;
use arrow::array::RecordBatch;
use futures::Stream;
use futures::future::BoxFuture;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Batches that wait for the reader.
const BATCHES_AHEAD: usize = 4;

/// The answer of a scan. Ends after the first error.
pub struct ScanStream {
    state: State,
    meter: Arc<Meter>,
    _cancel: CancelOnDrop,
}

enum State {
    /// Waits for a place among the running scans.
    Waiting(BoxFuture<'static, Result<OwnedSemaphorePermit, Error>>, Box<Job>),
    Running(mpsc::Receiver<Message>),
    Ended,
}

enum Message {
    Batch(RecordBatch),
    /// The last message: without it the thread did not get to its end.
    End(Result<(), Error>),
}

impl ScanStream {
    pub(super) fn new(job: Job, place: BoxFuture<'static, Result<OwnedSemaphorePermit, Error>>) -> Self {
        let meter = job.meter.clone();
        let cancel = CancelOnDrop(meter.clone());
        Self { state: State::Waiting(place, Box::new(job)), meter, _cancel: cancel }
    }

    /// What the scan looked at so far, or in all when the stream has ended.
    #[must_use]
    pub fn stats(&self) -> ScanStats {
        self.meter.stats()
    }

    /// The same, to be asked after the stream was given away.
    #[must_use]
    pub fn stats_handle(&self) -> ScanStatsHandle {
        ScanStatsHandle(self.meter.clone())
    }
}

/// Tells what a scan looked at, also after its stream is gone.
#[derive(Debug, Clone)]
pub struct ScanStatsHandle(Arc<Meter>);

impl ScanStatsHandle {
    /// What the scan looked at so far.
    #[must_use]
    pub fn stats(&self) -> ScanStats {
        self.0.stats()
    }
}

fn start(job: Job, permit: OwnedSemaphorePermit) -> mpsc::Receiver<Message> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let runtime = Handle::current();
    let work = move || {
        let send = |message| {
            let sent = match job.meter.time_left() {
                None => sender.blocking_send(message).is_ok(),
                Some(left) => {
                    let sent = runtime.block_on(async { timeout(left, sender.send(message)).await });
                    sent.map_err(|_| job.meter.deadline())?.is_ok()
                }
            };
            if sent { Ok(()) } else { Err(Error::cancelled("nobody reads the scan's answer")) }
        };
        let end = job.run(&mut |batch| send(Message::Batch(batch)));
        drop(permit);
        if !job.meter.is_cancelled() {
            // Room for the end is made by the reader or by its going away.
            let _gone = sender.blocking_send(Message::End(end));
        }
    };
    drop(tokio::task::spawn_blocking(work));
    receiver
}

impl Stream for ScanStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Ended => return Poll::Ready(None),
                State::Waiting(place, _) => {
                    let place = ready!(place.as_mut().poll(context));
                    let State::Waiting(_, job) = std::mem::replace(&mut this.state, State::Ended) else {
                        return Poll::Ready(None);
                    };
                    match place {
                        Ok(permit) => this.state = State::Running(start(*job, permit)),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                State::Running(receiver) => {
                    let message = ready!(receiver.poll_recv(context));
                    if let Some(Message::Batch(batch)) = message {
                        return Poll::Ready(Some(Ok(batch)));
                    }
                    this.state = State::Ended;
                    return Poll::Ready(match message {
                        Some(Message::End(Ok(()))) => None,
                        Some(Message::End(Err(error))) => Some(Err(error)),
                        _ => Some(Err(Error::internal("a scan's thread ended early"))),
                    });
                }
            }
        }
    }
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStream").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
