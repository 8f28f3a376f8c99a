//! A collector that takes everything and keeps nothing, on a thread of its own.

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;

/// Starts it; the address for `OTEL_EXPORTER_OTLP_ENDPOINT`.
pub(crate) fn start() -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(|body: Bytes| async move { drop(body) });
    std::thread::spawn(move || {
        runtime.block_on(async { axum::serve(listener, router.layer(DefaultBodyLimit::disable())).await })
    });
    Ok(address)
}
