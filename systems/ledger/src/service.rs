//! What a service consists of: routes, tasks beside them, a database.

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::database::Database;

/// Tells tasks to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until the service stops.
    pub(crate) async fn wait(mut self) {
        // A sender that is gone means the same.
        let _gone = self.0.wait_for(|stopping| *stopping).await.is_err();
    }

    /// Runs `work` unless the service stops first.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.clone().wait() => None,
        }
    }
}

/// A service that has been set up and does not yet answer.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) tasks: JoinSet<()>,
    databases: Vec<Database>,
    stop: watch::Sender<bool>,
}

impl Parts {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, tasks: JoinSet::new(), databases: Vec::new(), stop: watch::Sender::new(false) }
    }

    /// Hands over a database, to be closed at the end.
    pub(crate) fn keep(&mut self, database: Database) {
        self.databases.push(database);
    }

    /// Runs a task beside the requests. It ends when it is told to, and not before.
    pub(crate) fn spawn<F>(&mut self, task: impl FnOnce(Stopping) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(Stopping(self.stop.subscribe())));
    }

    /// Tells the tasks to stop and waits for them, then closes the databases.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task failed");
            }
        }
        for database in self.databases {
            database.pool().close().await;
        }
    }
}
