//! The life of one signal on the export thread: wait, take, send, retry, settle.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::retry::{Attempt, Backoff};
use super::source::{Batch, Source};
use super::transport::Transport;
use crate::DropReason;
use crate::core::Core;
use crate::diagnostics::ExportLog;
use crate::settings::BatchSettings;

/// Tells the one who waits whether everything was sent in time.
pub(super) type Done = Box<dyn FnOnce(bool) + Send>;

/// What the service's threads ask of a lane.
pub(super) enum Command {
    /// Send everything recorded so far.
    Flush { deadline: Instant, done: Done },
    /// Send everything, then stop. `after` completes when no more can come.
    Finish { deadline: Instant, after: Option<oneshot::Receiver<()>>, done: Done },
}

/// Where batches of one signal go.
pub(super) enum Sink {
    Otlp(Box<Transport>),
    Console,
}

pub(super) struct Lane {
    pub(super) core: Arc<Core>,
    pub(super) source: Source,
    pub(super) sink: Sink,
    pub(super) batch: BatchSettings,
    pub(super) control: Control,
    pub(super) log: ExportLog,
}

/// Commands received and not yet carried out.
pub(super) struct Control {
    commands: mpsc::Receiver<Command>,
    flushes: Vec<(Instant, Done)>,
    finish: Option<(Instant, Done)>,
    after: Option<oneshot::Receiver<()>>,
}

/// How waiting for something ended.
enum Driven<T> {
    Done(T),
    /// Shutdown began while waiting.
    Closing,
    /// Shutdown's time is over.
    Cut,
}

impl Control {
    pub(super) fn new(commands: mpsc::Receiver<Command>) -> Self {
        Self { commands, flushes: Vec::new(), finish: None, after: None }
    }

    fn accept(&mut self, command: Command) {
        match command {
            Command::Flush { deadline, done } => self.flushes.push((deadline, done)),
            Command::Finish { deadline, after, done } => {
                self.finish = Some((deadline, done));
                self.after = after;
            }
        }
    }

    fn closing(&self) -> bool {
        self.finish.is_some()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let finish = self.finish.as_ref().map(|(at, _)| *at);
        self.flushes.iter().map(|(at, _)| *at).chain(finish).min()
    }

    /// Answers flushes whose time is over. True when shutdown's is.
    fn expire(&mut self) -> bool {
        let now = Instant::now();
        let (over, waiting) = std::mem::take(&mut self.flushes).into_iter().partition(|f| f.0 <= now);
        self.flushes = waiting;
        let over: Vec<(Instant, Done)> = over;
        for (_, done) in over {
            done(false);
        }
        self.finish.as_ref().is_some_and(|(at, _)| *at <= now)
    }

    fn flushed(&mut self) {
        for (_, done) in self.flushes.drain(..) {
            done(true);
        }
    }

    /// Waits for `work` while taking commands and keeping deadlines. With `until_closing` it
    /// stops waiting as soon as shutdown begins.
    async fn drive<F: Future>(&mut self, work: F, until_closing: bool) -> Driven<F::Output> {
        let mut work = std::pin::pin!(work);
        loop {
            let deadline = self.next_deadline();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                output = &mut work => return Driven::Done(output),
                Some(command) = self.commands.recv() => {
                    self.accept(command);
                    if until_closing && self.closing() {
                        return Driven::Closing;
                    }
                }
                () = timer => {
                    if self.expire() {
                        return Driven::Cut;
                    }
                }
            }
        }
    }
}

impl Lane {
    /// Runs until [`Command::Finish`] has been carried out.
    pub(super) async fn run(mut self) {
        loop {
            let everything = tokio::select! {
                biased;
                command = self.control.commands.recv() => match command {
                    Some(command) => {
                        self.control.accept(command);
                        true
                    }
                    // The telemetry handle is gone: nothing more can be asked.
                    None => return self.source.close(&self.core),
                },
                () = after(&mut self.control.after) => {
                    self.control.after = None;
                    true
                }
                () = self.source.ready(&self.core).notified() => false,
                () = tokio::time::sleep(self.batch.delay) => true,
            };
            if self.control.closing() && self.control.after.is_none() {
                self.source.seal(&self.core);
            }
            let cut = self.drain(everything).await;
            if !cut && self.source.waiting(&self.core) == 0 {
                self.control.flushed();
            }
            if cut || (self.control.closing() && self.control.after.is_none()) {
                return self.stop(cut);
            }
        }
    }

    fn stop(mut self, cut: bool) {
        let complete = !cut && self.source.waiting(&self.core) == 0;
        self.source.close(&self.core);
        self.control.flushed();
        if let Some((_, done)) = self.control.finish {
            done(complete);
        }
    }

    /// Sends full batches, or everything when asked (again) by a command. True when shutdown ran
    /// out of time.
    async fn drain(&mut self, mut everything: bool) -> bool {
        loop {
            everything |= self.control.next_deadline().is_some();
            let enough = if everything { 1 } else { self.batch.queue.batch };
            if self.source.waiting(&self.core) < enough {
                return false;
            }
            let Some(batch) = self.source.take(&self.core) else { return false };
            if self.export(batch).await {
                return true;
            }
        }
    }

    /// Sends one batch and settles its account. True when shutdown ran out of time.
    async fn export(&mut self, batch: Batch) -> bool {
        let Batch { items, body, answer } = batch;
        let (exported, dropped, reason, cut) = match &self.sink {
            Sink::Console => {
                let text = super::transport::to_json(self.source.signal(), &body);
                self.core.output.console(&text);
                (items, 0, DropReason::ExportFailed, false)
            }
            Sink::Otlp(transport) => match transport.prepare(body) {
                Ok(body) => {
                    let mut sending = Sending {
                        transport,
                        control: &mut self.control,
                        log: &mut self.log,
                        budget: self.batch.export_timeout,
                    };
                    sending.send(body, items).await
                }
                Err(why) => {
                    self.log.failed(&why, items);
                    (0, items, DropReason::ExportFailed, false)
                }
            },
        };
        self.source.settle(&self.core, exported, dropped, reason);
        if let Some(answer) = answer {
            // The metric reader may have stopped waiting.
            let _nobody_waits = answer.send(()).is_err();
        }
        cut
    }
}

async fn after(receiver: &mut Option<oneshot::Receiver<()>>) {
    match receiver {
        // A dropped sender means the same: no more can come.
        Some(receiver) => drop(receiver.await),
        None => std::future::pending().await,
    }
}

/// How long an absent collector is waited for at shutdown before the second and last attempt.
const LAST_CHANCE: Duration = Duration::from_millis(100);

struct Sending<'a> {
    transport: &'a Transport,
    control: &'a mut Control,
    log: &'a mut ExportLog,
    budget: Duration,
}

impl Sending<'_> {
    /// Tries until the collector takes or refuses the request, or time is over. Answers what was
    /// exported, what was dropped and why, and whether shutdown ran out of time.
    async fn send(&mut self, body: Bytes, items: u64) -> (u64, u64, DropReason, bool) {
        let over = Instant::now() + self.budget;
        let mut backoff = Backoff::new();
        let mut absent_while_closing = 0;
        loop {
            let left = over.saturating_duration_since(Instant::now());
            let attempt = self.transport.attempt(body.clone(), left);
            let (why, after, unreachable) = match self.control.drive(attempt, false).await {
                Driven::Done(Attempt::Accepted { rejected, message }) => {
                    let rejected = rejected.min(items);
                    self.log.accepted(items - rejected, rejected, &message);
                    return (items - rejected, rejected, DropReason::Rejected, false);
                }
                Driven::Done(Attempt::Refused { why }) => {
                    self.log.failed(&why, items);
                    return (0, items, DropReason::ExportFailed, false);
                }
                Driven::Done(Attempt::Retryable { why, after, unreachable }) => (why, after, unreachable),
                Driven::Closing | Driven::Cut => return (0, items, DropReason::Shutdown, true),
            };
            absent_while_closing += u32::from(self.control.closing() && unreachable);
            let wait = match backoff.wait(after) {
                wait if unreachable && self.control.closing() => wait.min(LAST_CHANCE),
                wait => wait,
            };
            let timed_out = Instant::now() + wait >= over;
            // Nobody listens and the process wants to end: do not wait for a miracle.
            if timed_out || absent_while_closing > 1 {
                self.log.failed(&why, items);
                let reason = if timed_out { DropReason::ExportTimeout } else { DropReason::ExportFailed };
                return (0, items, reason, false);
            }
            self.log.retrying(&why);
            if let Driven::Cut = self.control.drive(tokio::time::sleep(wait), true).await {
                return (0, items, DropReason::Shutdown, true);
            }
        }
    }
}
