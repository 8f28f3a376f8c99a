//! Waiting for the operating system to ask the process to stop.

/// Completes when the process receives SIGINT or SIGTERM.
///
/// Hand it to the server's graceful shutdown, then call [`crate::Telemetry::shutdown`].
/// It must run inside a tokio runtime with I/O enabled.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return interrupt().await;
        };
        tokio::select! {
            () = interrupt() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt().await;
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No handler can be installed: wait for ever rather than stop a healthy service.
        std::future::pending::<()>().await;
    }
}
