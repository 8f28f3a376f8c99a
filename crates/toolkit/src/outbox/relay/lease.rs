//! One relay at a time where there are no locks that end with a session: on SQLite, and through a
//! pooler of PostgreSQL's connections. The relay that sends has its name in a row, and its time
//! there renewed; one that finds another's name waits.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::outbox::connection::{OutboxConnection, Preparation, Session, Value};
use crate::outbox::statements::{END_LEASE, LEASE, LEASED};

/// A relay's right to send.
#[derive(Debug)]
pub(super) struct Lease {
    owner: String,
    /// Until when it is this relay's, by a clock that nobody sets.
    until: Option<Instant>,
    /// Another has it, which was said.
    waiting: bool,
}

impl Lease {
    pub(super) fn new() -> Self {
        let owner = format!("process {} ({})", std::process::id(), Uuid::now_v7());
        Self { owner, until: None, waiting: false }
    }

    /// Whether no other relay may send now.
    pub(super) fn is_held(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// When it is to be renewed: a third of it is over. `None`: it is not held.
    pub(super) fn renewal(&self, length: Duration) -> Option<Instant> {
        self.until.filter(|_| self.is_held())?.checked_sub(length / 3 * 2)
    }

    /// Whether it is this relay's, which it becomes, or stays for `length` from now, unless another
    /// has it.
    pub(super) async fn take<C: OutboxConnection>(
        &mut self,
        connection: &mut C,
        preparation: Preparation,
        length: Duration,
        now: i64,
    ) -> Result<bool, sqlx::Error> {
        if self.renewal(length).is_some_and(|renewal| Instant::now() < renewal) {
            return Ok(true);
        }
        // Whoever waits only reads, and stands in no writer's way.
        if !self.is_held()
            && let Some((other, left)) = self.other(connection, preparation, now).await?
        {
            self.wait_for(&other, left);
            return Ok(false);
        }
        let began = Instant::now();
        let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 2);
        let values = [Value::Text(&self.owner), Value::Int(micros), Value::Int(now)];
        let session = Session::from(&mut *connection).prepared(preparation);
        if session.execute_silently(&LEASE, &values).await?.answer()? == 0 {
            self.until = None;
            return Ok(false);
        }
        self.until = began.checked_add(length);
        if std::mem::take(&mut self.waiting) {
            tracing::info!("the outbox's other relay is gone: this one sends now");
        }
        Ok(true)
    }

    /// Lets others have it at once.
    pub(super) async fn end<C: OutboxConnection>(
        &mut self,
        connection: &mut C,
        preparation: Preparation,
    ) -> Result<(), sqlx::Error> {
        if self.until.take().is_none() {
            return Ok(());
        }
        let session = Session::from(connection).prepared(preparation);
        session.execute_silently(&END_LEASE, &[Value::Text(&self.owner)]).await?.answer().map(drop)
    }

    /// Who else has it, and for how long yet.
    async fn other<C: OutboxConnection>(
        &self,
        connection: &mut C,
        preparation: Preparation,
        now: i64,
    ) -> Result<Option<(String, Duration)>, sqlx::Error> {
        let session = Session::from(connection).prepared(preparation);
        let now = [Value::Int(now)];
        let holders = session.fetch_silently(&LEASED, &now, |row| Ok((row.text(0)?, row.int(1)?))).await?;
        let holder = holders.answer()?.into_iter().next();
        Ok(holder.and_then(|(owner, left)| {
            let left = u64::try_from(left).ok().filter(|left| *left > 0 && owner != self.owner)?;
            Some((owner, Duration::from_micros(left)))
        }))
    }

    fn wait_for(&mut self, other: &str, left: Duration) {
        self.until = None;
        if !std::mem::replace(&mut self.waiting, true) {
            tracing::info!(
                other,
                seconds = left.as_secs(),
                "another relay sends what is in the outbox: \
                this one waits until it stops, or says nothing for so long"
            );
        }
    }
}
