//! Relays that hear of commits in other processes.

use std::convert::Infallible;
use std::time::Duration;

use sqlx::Postgres;
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::watch;

use super::Relay;

/// The channel of [`crate::outbox::statements::ANNOUNCE`].
const CHANNEL: &str = "throughline_outbox";
/// Between attempts to listen again; polling goes on meanwhile.
const RETRY: Duration = Duration::from_secs(1);

impl<P> Relay<Postgres, P> {
    /// Looks as soon as an outbox that is [`super::super::Outbox::announcing`] commits, in
    /// whatever process. Takes another connection of the pool for good.
    pub fn listen(mut self) -> Self {
        let (heard, receiver) = watch::channel(());
        self.heard = Some(receiver);
        self.ears = Some(Box::pin(listen(self.pool.clone(), heard)));
        self
    }
}

/// Ends when the pool is closed.
async fn listen(pool: PgPool, heard: watch::Sender<()>) {
    loop {
        match hear(&pool, &heard).await {
            Err(sqlx::Error::PoolClosed) => return,
            Err(_) => tokio::time::sleep(RETRY).await,
            Ok(never) => match never {},
        }
    }
}

async fn hear(pool: &PgPool, heard: &watch::Sender<()>) -> Result<Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Also after a connection was lost, with whatever was announced meanwhile.
        heard.send_replace(());
        listener.try_recv().await?;
    }
}
