//! The sender of what was staged.

mod attempt;
mod backoff;
mod desk;
mod lanes;
mod lease;
mod listen;
mod outages;
mod pass;
mod shares;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, pending};
use sqlx::{Database, Pool};
use tokio::sync::watch;

use super::Outbox;
use super::connection::{OutboxConnection, Preparation};
use super::publisher::Publisher;
use super::stage::micros;
use backoff::Backoff;
pub(super) use backoff::Trouble;
use desk::Desk;
use outages::Outages;
use upkeep::Upkeep;

/// Sends the messages of an outbox. See [`super`] for what it promises.
#[must_use = "a relay sends nothing until it runs"]
pub struct Relay<DB: Database, P> {
    pool: Pool<DB>,
    publisher: P,
    settings: Settings,
    desk: Desk<DB>,
    outages: Outages,
    woken: Option<watch::Receiver<()>>,
    heard: Option<watch::Receiver<()>>,
    ears: Option<BoxFuture<'static, ()>>,
}

#[derive(Debug, Clone)]
struct Settings {
    batch: usize,
    concurrency: usize,
    poll_every: Duration,
    backoff: Backoff,
    attempts_max: u32,
    send_timeout: Duration,
    grace: Duration,
    lease: Duration,
    preparation: Preparation,
    retention: Duration,
    measure_every: Duration,
    clock: Clock,
}

/// Where the relay takes the time from.
#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Microseconds since 1970.
    fn now(&self) -> i64 {
        micros((self.0)())
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// What one look at the table came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// Messages the broker took.
    pub sent: u64,
    /// Attempts that failed and will be repeated.
    pub failed: u64,
    /// Messages put aside.
    pub dead: u64,
    /// There was more than a batch.
    more: bool,
    /// When the next attempt of those that failed is due.
    next: Option<Duration>,
}

/// Asks the relay to come to an end.
#[derive(Debug, Default)]
struct Stop {
    asked: AtomicBool,
    sending: AtomicBool,
}

impl Stop {
    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl<DB, P> Relay<DB, P>
where
    DB: Database,
    DB::Connection: OutboxConnection,
    P: Publisher,
{
    /// A relay from the table in `pool`'s database to `publisher`. On PostgreSQL it takes one
    /// connection out of the pool for itself, which the pool then replaces.
    pub fn new(pool: Pool<DB>, publisher: P) -> Self {
        let settings = Settings {
            batch: 100,
            concurrency: 32,
            poll_every: Duration::from_secs(1),
            backoff: Backoff::default(),
            attempts_max: 10,
            send_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(5),
            lease: Duration::from_secs(10),
            preparation: Preparation::Named,
            retention: Duration::from_hours(24),
            measure_every: Duration::from_secs(5),
            clock: Clock(Arc::new(SystemTime::now)),
        };
        let desk = Desk::new(pool.clone(), settings.preparation);
        let outages = Outages::default();
        Self { pool, publisher, settings, desk, outages, woken: None, heard: None, ears: None }
    }

    /// How many rows are read at a time: 100 unless said otherwise.
    pub fn batch(mut self, rows: usize) -> Self {
        self.settings.batch = rows.max(1);
        self
    }

    /// How many messages, of different keys, are on their way at the same time: 32 unless said
    /// otherwise.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.settings.concurrency = messages.max(1);
        self
    }

    /// How often the table is looked at when nothing wakes the relay: every second unless said
    /// otherwise.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.settings.poll_every = interval;
        self
    }

    /// The wait before the first retry, by what it grows with each further one, and the longest:
    /// 100 ms, 2 and 30 s unless said otherwise. Each is varied by up to a fifth, so that what
    /// failed together is not repeated together.
    pub fn retry(mut self, first: Duration, factor: f64, max: Duration) -> Self {
        self.settings.backoff = Backoff { first, factor: factor.max(1.0), max };
        self
    }

    /// After how many attempts a message that is refused ([`super::Fault::Transient`]) is put
    /// aside: 10 unless said otherwise. A broker that is not there counts for nothing.
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.settings.attempts_max = attempts.max(1);
        self
    }

    /// How long the broker may take for a message before it counts as not available: 10 s unless
    /// said otherwise.
    pub fn send_timeout(mut self, limit: Duration) -> Self {
        self.settings.send_timeout = limit;
        self
    }

    /// How long the end of [`Relay::run`] waits for the broker's answers to what is on its way: 5 s
    /// unless said otherwise. What it does not wait for is sent again by the next relay.
    pub fn grace(mut self, limit: Duration) -> Self {
        self.settings.grace = limit;
        self
    }

    /// How long a relay that says nothing counts as there, and another waits for it: 10 s unless
    /// said otherwise. It renews its time when a third of it is over, and gives it up when it ends.
    /// On SQLite, and [`Relay::without_session`].
    pub fn lease(mut self, length: Duration) -> Self {
        self.settings.lease = length.max(Duration::from_millis(10));
        self
    }

    /// On PostgreSQL: does with any connection what it does with one of its own else, so that the
    /// pool may lead through PgBouncer's transaction mode. One relay sends at a time, by a lease as
    /// on SQLite; no statement is prepared under a name, and each is a transaction. All relays of a
    /// table must be so, or none: those with a session look at no lease. See [`super`] for what else
    /// there is to do. Without effect on SQLite.
    pub fn without_session(mut self) -> Self {
        self.settings.preparation = Preparation::Alone;
        self.desk = Desk::new(self.pool.clone(), self.settings.preparation);
        self
    }

    /// How long rows stay in the table once they are sent: a day unless said otherwise,
    /// [`Duration::MAX`] for ever.
    pub fn retention(mut self, age: Duration) -> Self {
        self.settings.retention = age;
        self
    }

    /// How often the gauges are brought up to date and old rows removed: every 5 s unless said
    /// otherwise.
    pub fn measure_every(mut self, interval: Duration) -> Self {
        self.settings.measure_every = interval;
        self
    }

    /// Looks as soon as [`Outbox::notify`] is called on this outbox or a clone of it.
    pub fn woken_by(mut self, outbox: &Outbox) -> Self {
        self.woken = Some(outbox.wake_ups());
        self
    }

    /// Takes the time from here instead of the system's clock: for tests of what is to happen
    /// later.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.settings.clock = Clock(Arc::new(now));
        self
    }

    /// Looks at the table once and sends what is due, at most a batch. For tests, and for programs
    /// that are not there all the time.
    ///
    /// # Errors
    /// When the database does not answer. What was sent is then marked by the next call.
    pub async fn once(&mut self) -> Result<Passed, sqlx::Error> {
        let passed = self.pass(&Stop::default()).await;
        self.desk.release().await;
        passed
    }

    /// Sends what is staged until `shutdown` ends, whatever becomes of the broker and the database
    /// meanwhile. Then it begins nothing new, waits a while for what is on its way
    /// ([`Relay::grace`]), marks it and returns.
    ///
    /// # Errors
    /// When the pool was closed.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<(), sqlx::Error> {
        let stop = Stop::default();
        let grace = self.settings.grace;
        let upkeep = Upkeep::new(self.pool.clone(), &self.settings);
        let ears = self.ears.take().unwrap_or_else(|| Box::pin(pending()));
        let outcome = {
            let mut work = std::pin::pin!(self.work(&stop));
            tokio::select! {
                outcome = &mut work => outcome,
                never = upkeep.run() => match never {},
                () = ears => Err(sqlx::Error::PoolClosed),
                () = shutdown => {
                    stop.asked.store(true, Ordering::Relaxed);
                    match stop.sending.load(Ordering::Relaxed) {
                        true => tokio::time::timeout(grace, work).await.unwrap_or(Ok(())),
                        false => Ok(()),
                    }
                }
            }
        };
        self.desk.close(self.settings.clock.now()).await;
        outcome
    }

    async fn work(&mut self, stop: &Stop) -> Result<(), sqlx::Error> {
        let mut trouble = Trouble::new("the outbox's database");
        while !stop.is_asked() {
            match self.pass(stop).await {
                Ok(passed) => {
                    trouble.over();
                    if !passed.more {
                        let pause = passed.next.unwrap_or(Duration::MAX).min(self.settings.poll_every);
                        self.rest(pause).await;
                    }
                }
                Err(sqlx::Error::PoolClosed) => return Err(sqlx::Error::PoolClosed),
                Err(error) => {
                    let failures = trouble.again(&error);
                    tokio::time::sleep(self.settings.backoff.delay(failures)).await;
                }
            }
        }
        Ok(())
    }

    /// Waits, but not longer than until somebody says that there is something.
    async fn rest(&mut self, pause: Duration) {
        let Self { desk, settings, woken, heard, .. } = self;
        let rest = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = changed(woken) => {}
                () = changed(heard) => {}
            }
        };
        desk.meanwhile(settings, rest).await;
    }

    async fn pass(&mut self, stop: &Stop) -> Result<Passed, sqlx::Error> {
        pass::pass(&mut self.desk, &mut self.outages, &self.publisher, &self.settings, stop).await
    }
}

async fn changed(wake_ups: &mut Option<watch::Receiver<()>>) {
    if let Some(receiver) = wake_ups
        && receiver.changed().await.is_ok()
    {
        return;
    }
    // Nobody is left who could.
    pending().await
}

impl<DB: Database, P> std::fmt::Debug for Relay<DB, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("settings", &self.settings).finish_non_exhaustive()
    }
}
