//! A collector in this process: takes OTLP over HTTP and gRPC, remembers it, misbehaves on demand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// How the collector behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Works,
    /// Accepts connections and requests and never answers.
    Hangs,
    /// Answers every request with this HTTP status (over gRPC: with this gRPC status).
    Status(u32),
    /// Refuses this many requests as overloaded, then works.
    RecoversAfter(u32),
    /// Closes the connection in the middle of the answer.
    DiesMidStream,
    /// Rejects this many items of each request.
    Rejects(i64),
}

/// Everything that was received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) spans: Vec<Span>,
    /// Scope of each span, by position.
    pub(crate) scopes: Vec<String>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) resource: Option<Resource>,
    pub(crate) headers: Vec<HeaderMap>,
    pub(crate) requests: u32,
}

pub(crate) struct Collector {
    pub(crate) address: String,
    received: Arc<Mutex<Received>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn start(mode: Mode) -> Self {
        Self::launch(mode, None)
    }

    /// A collector that speaks TLS and trusts only the test client.
    pub(crate) fn start_tls(mode: Mode, config: ServerConfig) -> Self {
        Self::launch(mode, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn launch(mode: Mode, tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let received = Arc::new(Mutex::new(Received::default()));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let state = Arc::clone(&received);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("localhost:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, tls, mode, state) => {}
                    _ = stopped => {}
                }
            });
        });
        let address: SocketAddr = told.recv().unwrap();
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address: format!("{scheme}://localhost:{}", address.port()), received, stop, thread }
    }

    pub(crate) fn received(&self) -> std::sync::MutexGuard<'_, Received> {
        self.received.lock().unwrap()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received().spans.clone()
    }

    /// The one span of this name.
    pub(crate) fn span(&self, name: &str) -> Span {
        let spans = self.spans();
        let mut found: Vec<_> = spans.iter().filter(|s| s.name == name).cloned().collect();
        assert_eq!(found.len(), 1, "spans named {name} among {:?}", names(&spans));
        found.pop().unwrap()
    }
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|s| s.name.as_str()).collect()
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The value of an attribute as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|a| a.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(v) => v.clone(),
        Value::IntValue(v) => v.to_string(),
        Value::BoolValue(v) => v.to_string(),
        Value::DoubleValue(v) => format!("{v:?}"),
        Value::ArrayValue(v) => format!("{:?}", v.values.iter().map(text).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    })
}

/// The attributes of each point of the histogram of this name.
pub(crate) fn attributes_of_points(collector: &Collector, name: &str) -> Vec<Vec<KeyValue>> {
    let received = collector.received();
    let metric = received.metrics.iter().find(|m| m.name == name).unwrap();
    let Some(Data::Histogram(data)) = &metric.data else { panic!("{name} is no histogram") };
    data.data_points.iter().map(|p| p.attributes.clone()).collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(v)) => v.clone(),
        other => format!("{other:?}"),
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, mode: Mode, state: Arc<Mutex<Received>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (state, tls) = (Arc::clone(&state), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => talk(stream, mode, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        talk(stream, mode, state).await;
                    }
                }
            }
        });
    }
}

async fn talk<S>(stream: S, mode: Mode, state: Arc<Mutex<Received>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, mode, state).await) }
    });
    let connection = auto::Builder::new(TokioExecutor::new());
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: Request<Incoming>, mode: Mode, state: Arc<Mutex<Received>>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let grpc = head.headers.get("content-type").is_some_and(|v| v == "application/grpc");
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let requests = {
        let mut state = state.lock().unwrap();
        state.requests += 1;
        state.headers.push(head.headers.clone());
        state.requests
    };
    match mode {
        Mode::Hangs => std::future::pending().await,
        Mode::Status(status) => return refusal(grpc, status),
        Mode::RecoversAfter(n) if requests <= n => return refusal(grpc, if grpc { 14 } else { 503 }),
        Mode::DiesMidStream => return Answer::dying(grpc),
        _ => {}
    }
    let encoding = head.headers.get("content-encoding").or(head.headers.get("grpc-encoding"));
    let payload = if grpc { body.slice(5..) } else { body };
    let payload = match encoding.map(|v| v.to_str().unwrap()) {
        Some("gzip") => gunzip(&payload),
        Some("zstd") => zstd::decode_all(&payload[..]).unwrap(),
        _ => payload.to_vec(),
    };
    let json = head.headers.get("content-type").is_some_and(|v| v == "application/json");
    state.lock().unwrap().take(head.uri.path(), &payload, json);
    let rejected = if let Mode::Rejects(n) = mode { n } else { 0 };
    accepted(grpc, json, rejected)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out).unwrap();
    out
}

fn decode<M: Message + Default + serde::de::DeserializeOwned>(bytes: &[u8], json: bool) -> M {
    if json { serde_json::from_slice(bytes).unwrap() } else { M::decode(bytes).unwrap() }
}

impl Received {
    fn take(&mut self, path: &str, bytes: &[u8], json: bool) {
        if path == "/v1/traces" || path.ends_with("trace.v1.TraceService/Export") {
            let request: ExportTraceServiceRequest = decode(bytes, json);
            for resource in request.resource_spans {
                self.resource = resource.resource;
                for scope in resource.scope_spans {
                    let name = scope.scope.unwrap_or_default().name;
                    self.scopes.extend(scope.spans.iter().map(|_| name.clone()));
                    self.spans.extend(scope.spans);
                }
            }
        } else if path == "/v1/logs" || path.ends_with("logs.v1.LogsService/Export") {
            let request: ExportLogsServiceRequest = decode(bytes, json);
            let scopes = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
            self.logs.extend(scopes.flat_map(|s| s.log_records));
        } else if path == "/v1/metrics" || path.ends_with("metrics.v1.MetricsService/Export") {
            let request: ExportMetricsServiceRequest = decode(bytes, json);
            let scopes = request.resource_metrics.into_iter().flat_map(|r| r.scope_metrics);
            self.metrics.extend(scopes.flat_map(|s| s.metrics));
        } else {
            panic!("unexpected path {path}");
        }
    }
}

fn refusal(grpc: bool, status: u32) -> Response<Answer> {
    let response = Response::builder();
    let response = if grpc {
        response.header("content-type", "application/grpc").header("grpc-status", status.to_string())
    } else {
        response.status(u16::try_from(status).unwrap())
    };
    response.body(Answer::default()).unwrap()
}

fn accepted(grpc: bool, json: bool, rejected: i64) -> Response<Answer> {
    let mut message = Vec::new();
    if rejected > 0 {
        // partial_success { rejected, error_message: "no" }
        let inner = [8, u8::try_from(rejected).unwrap(), 18, 2, b'n', b'o'];
        message.extend([10, 6]);
        message.extend(inner);
    }
    if grpc {
        let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
        frame.extend(message);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let body = Answer { data: Some(frame.into()), trailers: Some(trailers), dies: false };
        return Response::builder().header("content-type", "application/grpc").body(body).unwrap();
    }
    if json {
        let text = format!("{{\"partialSuccess\":{{\"rejectedSpans\":\"{rejected}\"}}}}");
        let body = Answer { data: Some(text.into()), ..Answer::default() };
        return Response::builder().header("content-type", "application/json").body(body).unwrap();
    }
    let body = Answer { data: Some(message.into()), ..Answer::default() };
    Response::builder().header("content-type", "application/x-protobuf").body(body).unwrap()
}

/// A response body with trailers, or one that breaks off.
#[derive(Default)]
pub(crate) struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    dies: bool,
}

impl Answer {
    fn dying(grpc: bool) -> Response<Self> {
        let response = Response::builder().header("content-length", "1000");
        let kind = if grpc { "application/grpc" } else { "application/x-protobuf" };
        let body = Self { data: Some(Bytes::from_static(b"\0\0")), trailers: None, dies: true };
        response.header("content-type", kind).body(body).unwrap()
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.dies {
            return Poll::Ready(Some(Err(std::io::Error::other("collector died"))));
        }
        Poll::Ready(self.trailers.take().map(|t| Ok(Frame::trailers(t))))
    }
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(2)); // sleeps: between two looks
    }
}
