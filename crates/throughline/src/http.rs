//! The HTTP servers of the query side: one with everything, and the foreign APIs on the ports
//! where their clients expect them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_http::compression::CompressionLayer;

/// How long requests under way may take after the stop.
const DRAIN: Duration = Duration::from_secs(1);

/// Running servers, stopped together.
#[derive(Debug)]
pub struct Servers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    addresses: Vec<(&'static str, SocketAddr)>,
}

impl Servers {
    /// No server yet.
    pub fn new() -> Self {
        Self { stop: watch::channel(false).0, tasks: Vec::new(), addresses: Vec::new() }
    }

    /// Binds and serves; an address that is taken is an error.
    pub async fn serve(&mut self, name: &'static str, endpoint: &str, routes: Router) -> anyhow::Result<()> {
        let listener = TcpListener::bind(endpoint).await.with_context(|| {
            format!("{name}: cannot listen on {endpoint} (see `server` in `throughline config print`)")
        })?;
        self.addresses.push((name, listener.local_addr()?));
        let routes = routes.layer(CompressionLayer::new());
        let mut stop = self.stop.subscribe();
        let mut stopped = stop.clone();
        let serve = axum::serve(listener, routes).with_graceful_shutdown(async move {
            // An error means that the sender is gone, which is a stop as well.
            stop.wait_for(|stop| *stop).await.ok();
        });
        self.tasks.push(tokio::spawn(async move {
            tokio::select! {
                served = serve => {
                    if let Err(error) = served {
                        tracing::error!(name, %error, "an HTTP server stopped");
                    }
                }
                () = async {
                    stopped.wait_for(|stop| *stop).await.ok();
                    tokio::time::sleep(DRAIN).await;
                } => tracing::debug!(name, "connections were closed under way"),
            }
        }));
        Ok(())
    }

    /// As [`serve`](Self::serve), but an address that is taken is only a warning.
    pub async fn serve_if_free(&mut self, name: &'static str, endpoint: &str, routes: Router) {
        if endpoint.is_empty() {
            return;
        }
        if let Err(error) = self.serve(name, endpoint, routes).await {
            tracing::warn!("{error:#}; the same API is on the main address under /{name}");
        }
    }

    /// Names and addresses in the order of their start.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Stops accepting, lets requests under way finish for a moment, and waits for all servers.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "an HTTP server did not stop well");
            }
        }
    }
}
