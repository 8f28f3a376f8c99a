//! Running one service: telemetry, what it needs, routes, graceful stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use throughline_toolkit::http::server::TraceLayer;
use throughline_toolkit::{Telemetry, prometheus};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::{Config, Service};
use crate::error::{ApiError, Code, Refusal};
use crate::service::Parts;
use crate::{accounts, ledger, orchestrator, read_model};

/// Longest time of a request: a database that hangs says nothing, but we do. What was begun for it
/// is rolled back, or was committed and is found when the request comes again.
const REQUEST: Duration = Duration::from_secs(10);

/// How long requests that are being answered at the end may take.
const DRAIN: Duration = Duration::from_secs(10);

/// How long tasks and database connections may take to end.
const STOP: Duration = Duration::from_secs(10);

/// Runs a service until `shutdown` completes: then no request is taken any more, those under way
/// are answered, the tasks beside them stop and telemetry is flushed. `ready` is told the address
/// once requests are served.
///
/// # Errors
/// Telemetry or the listener cannot be set up; a server that the service needs is not there; a
/// task of the service ended by itself.
pub async fn run(
    service: Service,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let telemetry = Telemetry::builder()
        .service(service.name())
        .version(env!("CARGO_PKG_VERSION"))
        .config(config.tracing.clone())
        .install()?;
    let outcome = serve(service, &config, &telemetry, shutdown, ready).await;
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "the service failed");
    }
    telemetry.shutdown(Duration::from_secs(5)).await.log();
    outcome
}

async fn serve(
    service: Service,
    config: &Config,
    telemetry: &Telemetry,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let mut shutdown = Box::pin(shutdown);
    let mut parts = tokio::select! {
        parts = start(service, config, telemetry) => parts?,
        () = &mut shutdown => return Ok(()),
    };
    let address = config.listen_address(service);
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let (begin, begun) = oneshot::channel();
    let router = around(std::mem::take(&mut parts.router));
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        let _ended_before = begin.send(()).is_err();
    });
    tracing::info!(%address, "listening");
    ready(address);
    let outcome = tokio::select! {
        served = serving => served.context("the listener failed"),
        () = too_long(begun) => {
            tracing::warn!("requests were still under way and are given up");
            Ok(())
        }
        ended = parts.tasks.join_next(), if !parts.tasks.is_empty() => match ended {
            Some(Err(error)) => Err(error).context("a task failed"),
            _ => bail!("a task ended by itself"),
        },
    };
    if tokio::time::timeout(STOP, parts.stop()).await.is_err() {
        tracing::warn!("a task did not stop in time and is given up");
    }
    outcome
}

/// Completes when requests have been drained for too long.
async fn too_long(begun: oneshot::Receiver<()>) {
    if begun.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN).await;
}

async fn start(service: Service, config: &Config, telemetry: &Telemetry) -> anyhow::Result<Parts> {
    match service {
        Service::Accounts => accounts::start(config).await,
        Service::Ledger => ledger::start(config, telemetry).await,
        Service::Orchestrator => orchestrator::start(config, telemetry),
        Service::ReadModel => read_model::start(config, telemetry).await,
    }
}

/// What all services have around their own routes.
fn around(router: Router) -> Router {
    let refused = |code, message: &'static str| async move { ApiError::from(Refusal::new(code, message)) };
    router
        .route("/health", get(|| async { "ok" }))
        .merge(prometheus::route())
        .fallback(move || refused(Code::NotFound, "there is no such path"))
        .method_not_allowed_fallback(move || {
            refused(Code::MethodNotAllowed, "the path does not take this method")
        })
        .layer(middleware::from_fn(limited))
        .layer(TraceLayer::new().skip_paths(["/health", "/metrics"]))
}

async fn limited(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(REQUEST, next.run(request)).await;
    answered.unwrap_or_else(|late| {
        let error = ApiError::unavailable("the service", "too_slow", late);
        throughline_toolkit::record_error(&tracing::Span::current(), &error, error.code());
        error.into_response()
    })
}
