//! Relays that take turns, by a lease: on SQLite, and on PostgreSQL without a session.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Pool, SqlitePool};
use throughline_toolkit::outbox::{Event, Message, Outbox, OutboxConnection, Relay};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{HandClock, Recorder, event, eventually, postgres};

const ROWS: usize = 500;
const SHORT: Duration = Duration::from_millis(5);

/// An outbox in a file, and a pool to it as each process has one.
struct File {
    directory: tempfile::TempDir,
}

impl File {
    async fn new() -> Self {
        let file = Self { directory: tempfile::tempdir().unwrap() };
        Outbox::create_table(&file.open().await).await.unwrap();
        file
    }

    async fn open(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(self.directory.path().join("db"));
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap()
    }
}

/// A relay at work, and what it alone sent.
struct Running {
    recorder: Recorder,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), sqlx::Error>>,
}

impl Running {
    fn start<DB>(of: impl FnOnce(Recorder) -> Relay<DB, Recorder>) -> Self
    where
        DB: sqlx::Database,
        DB::Connection: OutboxConnection,
    {
        let recorder = Recorder::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let relay = of(recorder.clone()).batch(20).poll_every(SHORT);
        Self { recorder, stop, task: tokio::spawn(relay.run(async { drop(stopped.await) })) }
    }

    fn sent(&self) -> usize {
        self.recorder.taken().len()
    }

    /// Ends it in order, and tells what it sent.
    async fn stop(self) -> Vec<Message> {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        self.recorder.taken()
    }
}

async fn stage_rows<DB>(pool: &Pool<DB>, from: usize, to: usize)
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    let mut tx = pool.begin().await.unwrap();
    for n in from..to {
        let event = event("EntryPosted", &format!("a{}", n % 37));
        Outbox::new().without_session().stage(&mut *tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// How many different messages there are.
fn different(taken: &[Message]) -> usize {
    taken.iter().map(|message| message.id).collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_on_one_file_send_each_row_once() {
    let file = File::new().await;
    let pools = [file.open().await, file.open().await];
    let relays = pools.each_ref().map(|pool| Running::start(|recorder| Relay::new(pool.clone(), recorder)));
    let sent = || relays.iter().map(Running::sent).sum::<usize>();
    for from in (0..ROWS).step_by(50) {
        stage_rows(&pools[0], from, from + 50).await;
        eventually("these rows", || async { sent() >= from + 50 }).await;
    }
    assert!(relays.iter().any(|relay| relay.sent() == 0), "one waits");
    let [first, second] = relays;
    let taken = [first.stop().await, second.stop().await].concat();
    assert_eq!((taken.len(), different(&taken)), (ROWS, ROWS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_ends_hands_over_at_once() {
    let file = File::new().await;
    let (pool, other) = (file.open().await, file.open().await);
    let hour = Duration::from_secs(3600);
    let first = Running::start(|recorder| Relay::new(pool.clone(), recorder).lease(hour));
    stage_rows(&pool, 0, 100).await;
    eventually("half the rows", || async { first.sent() >= 50 }).await;
    let second = Running::start(|recorder| Relay::new(other, recorder).lease(hour));
    let before = first.stop().await;
    stage_rows(&pool, 100, 200).await;
    eventually("the rest", || async { before.len() + second.sent() >= 200 }).await;
    let taken = [before, second.stop().await].concat();
    assert_eq!((taken.len(), different(&taken)), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_is_followed_when_its_lease_lapses() {
    let (file, clock) = (File::new().await, HandClock::start());
    let (pool, other) = (file.open().await, file.open().await);
    let first = Running::start(|recorder| Relay::new(pool.clone(), recorder).clock(clock.read()));
    stage_rows(&pool, 0, ROWS / 2).await;
    eventually("some rows", || async { first.sent() >= 100 }).await;
    let second = Running::start(|recorder| Relay::new(other, recorder).clock(clock.read()));
    first.task.abort();
    assert!(first.task.await.unwrap_err().is_cancelled());
    stage_rows(&pool, ROWS / 2, ROWS).await;
    // It has looked, and looked again.
    let mut once = Relay::new(pool, Recorder::new()).clock(clock.read());
    for _ in 0..3 {
        assert_eq!(once.once().await.unwrap().sent, 0);
    }
    assert_eq!(second.sent(), 0, "the lease has not lapsed");
    clock.advance(Duration::from_secs(11));
    let before = first.recorder.taken();
    let all = || [before.clone(), second.recorder.taken()].concat();
    eventually("every row", || async { different(&all()) == ROWS }).await;
    let (before, after) = (before.len(), second.stop().await);
    assert!(before + after.len() <= ROWS + 32, "twice is sent at most what was on its way");
    assert_eq!(different(&after), after.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_while_nothing_happens_and_while_the_broker_takes_its_time() {
    let file = File::new().await;
    let (pool, other) = (file.open().await, file.open().await);
    let lease = Duration::from_secs(2);
    let slow = Recorder::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let publisher = Slow { inner: slow.clone(), takes: lease * 2 };
    let first = Relay::new(pool.clone(), publisher).lease(lease).poll_every(Duration::from_secs(3600));
    let wake = Outbox::new();
    let first = tokio::spawn(first.woken_by(&wake).run(async { drop(stopped.await) }));
    eventually("it has the lease", || async { owners(&pool).await == 1 }).await;
    let second = Running::start(|recorder| Relay::new(other, recorder).lease(lease));
    // sleeps: that nothing lapses shows only after as long as it would take to.
    tokio::time::sleep(lease * 2).await;
    stage_rows(&pool, 0, 1).await;
    wake.notify();
    eventually("the row", || async { slow.taken().len() + second.sent() == 1 }).await;
    assert_eq!((slow.taken().len(), second.sent()), (1, 0));
    stop.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(second.stop().await.len(), 0);
}

async fn owners(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM outbox_relay").fetch_one(pool).await.unwrap()
}

/// A broker that takes its time.
struct Slow {
    inner: Recorder,
    takes: Duration,
}

impl throughline_toolkit::outbox::Publisher for Slow {
    fn broker(&self) -> throughline_toolkit::outbox::Broker {
        self.inner.broker()
    }

    async fn publish(
        &self,
        message: &Message,
    ) -> Result<throughline_toolkit::outbox::Receipt, throughline_toolkit::outbox::PublishError> {
        tokio::time::sleep(self.takes).await;
        self.inner.publish(message).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_without_a_session_take_turns_on_postgresql_and_leave_nothing_in_it() {
    let pool = postgres().await;
    let of = |recorder| Relay::new(pool.clone(), recorder).without_session().lease(Duration::from_secs(3));
    let relays = [Running::start(of), Running::start(of)];
    stage_rows(&pool, 0, ROWS / 2).await;
    let sent = || relays.iter().map(Running::sent).sum::<usize>();
    eventually("half the rows", || async { sent() >= ROWS / 2 }).await;
    assert!(relays.iter().any(|relay| relay.sent() == 0), "one waits");
    let [dies, lives] = if relays[0].sent() > 0 {
        relays
    } else {
        relays.into_iter().rev().collect::<Vec<_>>().try_into().unwrap_or_else(|_| unreachable!())
    };
    dies.task.abort();
    assert!(dies.task.await.unwrap_err().is_cancelled());
    stage_rows(&pool, ROWS / 2, ROWS).await;
    let before = dies.recorder.taken();
    let all = || [before.clone(), lives.recorder.taken()].concat();
    eventually("every row", || async { different(&all()) == ROWS }).await;
    lives.stop().await;
    for _ in 0..8 {
        let mut connection = pool.acquire().await.unwrap();
        const KEPT: &str = "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%outbox%') \
            + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())";
        let kept: i64 = sqlx::query_scalar(KEPT).persistent(false).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(kept, 0);
        connection.close().await.unwrap();
    }
    let mut once = of(Recorder::new());
    stage_one(&pool).await;
    assert_eq!(once.once().await.unwrap().sent, 1, "what ends hands over");
}

async fn stage_one(pool: &sqlx::PgPool) {
    let mut tx = pool.begin().await.unwrap();
    let event = Event::new("EntryPosted", "a", super::TOPIC, "");
    Outbox::new().stage(&mut *tx, event).await.unwrap();
    tx.commit().await.unwrap();
}
