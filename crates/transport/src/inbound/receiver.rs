//! The `otlp` receiver: both listeners, started and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use throughline_pipeline::SettingsError;
use throughline_pipeline::metrics::{Gauge, RECEIVER_CONNECTIONS};
use tokio_util::task::TaskTracker;

use super::door::{Door, ReceiverLimits};
use super::grpc::GrpcService;
use super::http::HttpService;
use super::intake::Intake;
use super::listener::{BindError, DrainReport, Server, Speech, bind};
use super::settings::{GrpcSettings, HttpSettings, OtlpReceiverSettings, ServerParameters};

/// Sockets to listen on in place of the configured endpoints.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For gRPC.
    pub grpc: Option<std::net::TcpListener>,
    /// For HTTP.
    pub http: Option<std::net::TcpListener>,
}

/// A receiver that did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An endpoint is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The operating system does not give a listener.
    #[error("the listener does not work")]
    Listen(#[from] std::io::Error),
}

/// A receiver at work.
#[derive(Debug)]
pub struct OtlpReceiver {
    grpc: Option<Server>,
    http: Option<Server>,
}

impl OtlpReceiver {
    /// Starts to listen. The protocols that `settings` names are served; sockets in `listeners`
    /// take the place of their endpoints.
    ///
    /// # Errors
    /// Settings that make no sense, or an endpoint that is not to be had.
    pub async fn start(
        settings: &OtlpReceiverSettings,
        intake: Arc<Intake>,
        door: Arc<Door>,
        limits: ReceiverLimits,
        listeners: Listeners,
    ) -> Result<Self, StartError> {
        settings.validate()?;
        let mut receiver = Self { grpc: None, http: None };
        if let Some(grpc) = &settings.protocols.grpc {
            let listener = or_bind(listeners.grpc, &grpc.endpoint).await?;
            receiver.grpc = Some(serve_grpc(grpc, listener, &intake, &door, limits)?);
        }
        if let Some(http) = &settings.protocols.http {
            let listener = or_bind(listeners.http, &http.endpoint).await?;
            receiver.http = Some(serve_http(http, listener, &intake, &door, limits)?);
        }
        Ok(receiver)
    }

    /// Where gRPC is served.
    #[must_use]
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(Server::address)
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Server::address)
    }

    /// Stops accepting, lets requests that are being handled be answered, and cuts connections
    /// that are still open after the grace.
    pub async fn shutdown(self, grace: Duration) -> DrainReport {
        let drain = |server: Option<Server>| async move {
            match server {
                Some(server) => server.shutdown(grace).await,
                None => DrainReport::default(),
            }
        };
        let (grpc, http) = tokio::join!(drain(self.grpc), drain(self.http));
        DrainReport { aborted_connections: grpc.aborted_connections + http.aborted_connections }
    }
}

async fn or_bind(
    given: Option<std::net::TcpListener>,
    endpoint: &str,
) -> Result<std::net::TcpListener, BindError> {
    match given {
        Some(listener) => Ok(listener),
        None => bind(endpoint).await,
    }
}

fn connections(intake: &Intake, transport: &str) -> Gauge {
    let labels = [("receiver", intake.receiver()), ("transport", transport)];
    intake.registry().gauge(&RECEIVER_CONNECTIONS, &labels)
}

fn serve_grpc(
    settings: &GrpcSettings,
    listener: std::net::TcpListener,
    intake: &Arc<Intake>,
    door: &Arc<Door>,
    limits: ReceiverLimits,
) -> std::io::Result<Server> {
    let streams_max =
        if settings.max_concurrent_streams == 0 { 256 } else { settings.max_concurrent_streams };
    let speech =
        Speech { http2_only: true, streams_max, keepalive: settings.keepalive.server_parameters.clone() };
    let service = GrpcService::new(
        Arc::clone(intake),
        Arc::clone(door),
        settings.message_bytes_max(),
        limits.body_idle,
    );
    let gauge = connections(intake, "grpc");
    Server::start(listener, speech, limits.connections_max, gauge, TaskTracker::new(), Arc::new(service))
}

fn serve_http(
    settings: &HttpSettings,
    listener: std::net::TcpListener,
    intake: &Arc<Intake>,
    door: &Arc<Door>,
    limits: ReceiverLimits,
) -> std::io::Result<Server> {
    let speech = Speech { http2_only: false, streams_max: 256, keepalive: ServerParameters::default() };
    let tasks = TaskTracker::new();
    let service =
        HttpService::new(settings, Arc::clone(intake), Arc::clone(door), limits.body_idle, tasks.clone());
    Server::start(
        listener,
        speech,
        limits.connections_max,
        connections(intake, "http"),
        tasks,
        Arc::new(service),
    )
}
