//! Running one service: telemetry, database, routes, graceful stop.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use throughline_toolkit::Telemetry;
use throughline_toolkit::http::client::TracedClient;
use throughline_toolkit::http::server::TraceLayer;
use tokio::net::TcpListener;

use crate::config::{Config, Service};
use crate::{auth, proxy, users};

/// Largest body that a service takes.
pub(crate) const BODY_MAX: usize = 64 * 1024;

/// Runs a service until `shutdown` completes, then drains requests and telemetry. `ready` is told
/// the address once requests are served.
///
/// # Errors
/// Telemetry, the database or the listener cannot be set up.
pub async fn run(
    service: Service,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    let telemetry = Telemetry::builder()
        .service(service.name())
        .version(env!("CARGO_PKG_VERSION"))
        .config(config.tracing.clone())
        .install()?;
    let address = config.listen_address(service);
    let router = router(service, &config).await?;
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, service = service.name(), "listening");
    ready(address);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    telemetry.shutdown(Duration::from_secs(5)).await.log();
    Ok(())
}

async fn router(service: Service, config: &Config) -> anyhow::Result<Router> {
    let client = reqwest::Client::builder()
        .timeout(config.upstream_timeout())
        .connect_timeout(Duration::from_secs(1))
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let client = TracedClient::new(client);
    let routes = match service {
        Service::ApiGateway => proxy::routes(config, client),
        Service::UserService => users::routes(config, client).await?,
        Service::AuthService => auth::routes(config).await?,
    };
    Ok(routes
        .route("/health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(TraceLayer::new().skip_paths(["/health"])))
}
