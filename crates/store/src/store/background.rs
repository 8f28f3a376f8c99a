//! The store's own tasks: flushing, merging live data, housekeeping, compaction, retention. Owned here, stopped and joined at shutdown.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::live::Live;
use crate::store::flush::Flusher;
use crate::store::{Store, flush_now, upkeep};
use crate::wal::Wal;

/// How often the flush looks at the age of live data.
const FLUSH_TICK: Duration = Duration::from_millis(250);
/// The first and longest wait after a failed flush.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// How often positions are saved and files released.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Housekeepings without a request after which spare log files are given up.
const IDLE_TICKS: u32 = 30;
/// How long a stop waits for tasks before it aborts them.
const STOP_MAX: Duration = Duration::from_millis(500);

/// The running tasks. Dropped, it aborts them.
#[derive(Debug)]
pub(super) struct Background {
    tasks: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
}

impl Default for Background {
    fn default() -> Self {
        Self { tasks: Mutex::default(), stop: watch::channel(false).0 }
    }
}

impl Background {
    /// Tells every task to end, and waits for them; those that take too long are aborted (what they left on a blocking thread
    /// ends on its own and can commit nothing once the flusher is closed).
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let joined = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a background task of the store failed");
                }
            }
        };
        if timeout(STOP_MAX, joined).await.is_err() {
            tasks.shutdown().await;
        }
    }

    fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let mut stop = self.stop.subscribe();
        self.tasks.get_mut().spawn(async move {
            tokio::select! {
                () = task => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Starts the tasks of a store.
pub(super) fn start(store: &mut Store) {
    let (flushing, flusher) = (store.flushing.clone(), store.flusher.clone());
    let (wal, live) = (store.wal.clone(), store.live.clone());
    store.background.run(flush_when_due(flushing, flusher, wal, live));
    store.background.run(merge(store.live.clone(), store.config.live.merge_interval));
    store.background.run(keep_house(store.wal.clone(), store.flusher.clone()));
    let upkeep = store.upkeep.clone();
    store.background.run(upkeep::compact(upkeep.clone(), store.config.compaction.clone()));
    store.background.run(upkeep::retain(
        upkeep,
        store.config.retention.clone(),
        store.config.compaction.delete_grace,
    ));
}

async fn flush_when_due(
    flushing: Arc<tokio::sync::Mutex<()>>,
    flusher: Arc<Flusher>,
    wal: Arc<Wal>,
    live: Arc<Live>,
) {
    let mut wait = RETRY_FIRST;
    loop {
        if live.frozen().is_none() && !live.is_flush_due() {
            tokio::select! {
                () = live.due.notified() => {}
                () = sleep(FLUSH_TICK) => {}
            }
            continue;
        }
        match flush_now(&flushing, &flusher, &wal, &live).await {
            Ok(()) => wait = RETRY_FIRST,
            Err(error) => {
                tracing::warn!(%error, cause = error.source_text(), "cannot flush; it is repeated");
                sleep(wait).await;
                wait = (wait * 2).min(RETRY_LONGEST);
            }
        }
    }
}

async fn merge(live: Arc<Live>, interval: Duration) {
    let mut next = Instant::now();
    loop {
        next = Instant::now().max(next + interval);
        sleep_until(next).await;
        let live = live.clone();
        match spawn_blocking(move || live.merge()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "cannot merge live data"),
            Err(error) => tracing::error!(%error, "merging live data was stopped"),
        }
    }
}

async fn keep_house(wal: Arc<Wal>, flusher: Arc<Flusher>) {
    let (mut records, mut idle) = (0, 0);
    loop {
        sleep(HOUSEKEEPING).await;
        let (wal, flusher) = (wal.clone(), flusher.clone());
        let written = wal.stats().records;
        idle = if written == records { idle + 1 } else { 0 };
        records = written;
        let work = move || {
            if idle == IDLE_TICKS {
                wal.ledger().drop_spares();
            }
            wal.ledger().save_positions();
            wal.ledger().release();
            flusher.reserve.hold();
        };
        if let Err(error) = spawn_blocking(work).await {
            tracing::error!(%error, "housekeeping of the log was stopped");
        }
    }
}
