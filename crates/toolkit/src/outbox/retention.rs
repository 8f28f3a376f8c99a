//! How long an inbox remembers.

use std::time::Duration;

use sqlx::{Database, Pool};

use super::connection::OutboxConnection;
use super::inbox::Inbox;
use super::relay::Trouble;

/// Messages forgotten by one statement: nobody waits long for a lock.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

/// Forgets what an inbox received long ago, for as long as it runs: once a minute, and at most 1,000
/// messages by one statement.
///
/// Several may run on one table. A message that comes again after its time is taken for a new one:
/// see [`InboxRetention::new`].
///
/// ```
/// use std::time::Duration;
/// use throughline_toolkit::outbox::InboxRetention;
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), tokio::task::JoinError> {
/// let retention = InboxRetention::new(pool, Duration::from_hours(14 * 24));
/// let forgetting = tokio::spawn(retention.run(throughline_toolkit::shutdown_signal()));
/// // … serve; then
/// forgetting.await
/// # }
/// ```
#[must_use = "a retention forgets nothing until it runs"]
#[derive(Debug)]
pub struct InboxRetention<DB: Database> {
    pool: Pool<DB>,
    age: Duration,
    every: Duration,
}

impl<DB> InboxRetention<DB>
where
    DB: Database,
    DB::Connection: OutboxConnection,
{
    /// Forgets messages that were received longer than `age` ago.
    ///
    /// That must be longer than anybody can deliver a message again: than the topic keeps it
    /// (Kafka's `retention.ms`, a stream's `max_age`: a consumer may be set back to the beginning),
    /// and than the outbox it came from may hold it up.
    pub fn new(pool: Pool<DB>, age: Duration) -> Self {
        Self { pool, age, every: Duration::from_mins(1) }
    }

    /// How often it looks: once a minute unless said otherwise.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Forgets all that is old enough now, and says how many messages that were.
    ///
    /// # Errors
    /// As sqlx's queries. What was forgotten before stays forgotten.
    pub async fn once(&self) -> Result<u64, sqlx::Error> {
        let mut forgotten = 0;
        loop {
            let mut connection = self.pool.acquire().await?;
            let rows = Inbox::forget(&mut *connection, self.age, FORGOTTEN_AT_ONCE).await?;
            forgotten += rows;
            if rows < u64::from(FORGOTTEN_AT_ONCE) {
                break;
            }
        }
        if forgotten > 0 {
            tracing::info!(messages = forgotten, "messages received long ago are forgotten");
        }
        Ok(forgotten)
    }

    /// Goes on until `shutdown` ends, whatever becomes of the database meanwhile.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let work = async {
            let mut trouble = Trouble::new("the retention of the inbox");
            loop {
                match self.once().await {
                    Ok(_) => trouble.over(),
                    Err(error) => drop(trouble.again(&error)),
                }
                tokio::time::sleep(self.every).await;
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = work => {}
        }
    }
}
