//! Accepts connections, bounds them, and closes them in good order.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use throughline_pipeline::metrics::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::ServerParameters;

pub(super) type ResponseBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Answers requests.
pub(super) trait Handler: Send + Sync + 'static {
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}")]
pub struct BindError {
    /// The address as configured.
    pub endpoint: String,
    /// What the operating system says.
    #[source]
    pub source: std::io::Error,
}

/// Listens on an endpoint as configurations write it: `host:port`, `:port`, `[::1]:port`.
///
/// # Errors
/// A name that does not resolve, or an address that is taken or not ours.
pub async fn bind(endpoint: &str) -> Result<std::net::TcpListener, BindError> {
    let address = match endpoint.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => endpoint.to_owned(),
    };
    let listen = async {
        // `localhost` resolves to ::1 first on many machines, while senders try 127.0.0.1.
        let mut found: Vec<SocketAddr> = tokio::net::lookup_host(&address).await?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        TcpListener::bind(found.as_slice()).await?.into_std()
    };
    listen.await.map_err(|source| BindError { endpoint: endpoint.to_owned(), source })
}

/// How a listener speaks.
#[derive(Debug, Clone)]
pub(super) struct Speech {
    pub(super) http2_only: bool,
    pub(super) streams_max: u32,
    pub(super) keepalive: ServerParameters,
}

/// What came of open connections at shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Connections that were cut because their requests did not end in time.
    pub aborted_connections: usize,
}

/// A listener at work. Dropping it cuts every connection.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
    connections: Gauge,
}

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: u32 = 64 << 10;

impl Server {
    pub(super) fn start<H: Handler>(
        listener: std::net::TcpListener,
        speech: Speech,
        connections_max: usize,
        connections: Gauge,
        tasks: TaskTracker,
        handler: Arc<H>,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let accepting = Accepting {
            slots: Arc::new(Semaphore::new(connections_max)),
            speech,
            stop: stop.clone(),
            abort: abort.clone(),
            tasks: tasks.clone(),
            connections: connections.clone(),
        };
        let stopped = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = accepting.run(listener, handler) => {}
            }
        });
        Ok(Self { address, tasks, stop, abort, connections })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, lets requests end, and cuts what is left after the grace.
    pub(super) async fn shutdown(self, grace: Duration) -> DrainReport {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return DrainReport::default();
        }
        let aborted_connections = usize::try_from(self.connections.value()).unwrap_or(usize::MAX);
        self.abort.cancel();
        self.tasks.wait().await;
        DrainReport { aborted_connections }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

struct Accepting {
    slots: Arc<Semaphore>,
    speech: Speech,
    stop: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    connections: Gauge,
}

impl Accepting {
    async fn run<H: Handler>(&self, listener: TcpListener, handler: Arc<H>) {
        loop {
            // Beyond the bound, connections wait in the operating system's backlog.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of descriptors: it does not get better by asking at once.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let serving = self.serve(stream, Arc::clone(&handler));
            let abort = self.abort.clone();
            let open = Open::count(&self.connections);
            self.tasks.spawn(async move {
                tokio::select! {
                    () = serving => {}
                    () = abort.cancelled() => {}
                }
                drop((slot, open));
            });
        }
    }

    fn serve<H: Handler>(
        &self,
        stream: TcpStream,
        handler: Arc<H>,
    ) -> impl Future<Output = ()> + Send + use<H> {
        let (stop, speech) = (self.stop.clone(), self.speech.clone());
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY is not to be had");
            }
            let builder = builder(&speech);
            let requested = CancellationToken::new();
            let first = requested.clone();
            let service = service_fn(move |request| {
                first.cancel();
                let handler = Arc::clone(&handler);
                async move { Ok::<_, std::convert::Infallible>(handler.handle(request).await) }
            });
            let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = stop.cancelled() => None,
                () = aged(speech.keepalive.max_connection_age) => None,
                () = silent(&requested) => None,
            };
            let ended = match ended {
                Some(ended) => ended,
                // There is nobody to say goodbye to; an HTTP/2 handshake would be waited for.
                None if !requested.is_cancelled() => return,
                None => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error = &*error, "a connection ended early");
            }
        }
    }
}

async fn aged(age: Duration) {
    if age.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(age).await;
}

/// How long a connection may be open before its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(300);

async fn silent(requested: &CancellationToken) {
    tokio::time::sleep(FIRST_REQUEST).await;
    if requested.is_cancelled() {
        std::future::pending::<()>().await;
    }
}

fn builder(speech: &Speech) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(75))
        .max_buf_size(HEAD_BYTES_MAX as usize * 4);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(speech.streams_max)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .keep_alive_interval((!speech.keepalive.time.is_zero()).then_some(speech.keepalive.time))
        .keep_alive_timeout(speech.keepalive.timeout);
    if speech.http2_only { builder.http2_only() } else { builder }
}

/// An open connection in the gauge.
struct Open(Gauge);

impl Open {
    fn count(connections: &Gauge) -> Self {
        connections.add(1);
        Self(connections.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.sub(1);
    }
}
