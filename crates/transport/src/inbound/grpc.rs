//! OTLP over gRPC: the three unary `Export` methods, on bytes.
//!
//! A unary call is one framed message each way, so the framing is done here: the message's bytes
//! go to the decoder as they are, its announced length is checked before it is read, and the
//! memory limiter is asked before that.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use throughline_model::Signal;
use throughline_wire::otlp::Encoding;

use super::answer;
use super::body::BodyReader;
use super::compression::{ACCEPTED, Coding};
use super::door::{Door, Visit};
use super::fault::Fault;
use super::http::tenant;
use super::intake::{Intake, Parcel, Taken};
use super::listener::{Handler, ResponseBody};
use super::meters::Meters;

/// Serves the collector services of OTLP.
#[derive(Debug)]
pub(super) struct GrpcService {
    intake: Arc<Intake>,
    door: Arc<Door>,
    message_bytes_max: usize,
    body_idle: Duration,
    meters: Meters,
}

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

impl GrpcService {
    pub(super) fn new(
        intake: Arc<Intake>,
        door: Arc<Door>,
        message_bytes_max: usize,
        body_idle: Duration,
    ) -> Self {
        let meters = Meters::new(intake.receiver(), "grpc", intake.registry());
        Self { intake, door, message_bytes_max, body_idle, meters }
    }

    async fn export(&self, signal: Signal, request: Request<Incoming>) -> Result<Taken, Fault> {
        self.intake.takes(signal)?;
        let mut visit = self.door.enter(0)?;
        let tenant = tenant(request.headers())?;
        let coding = Coding::from_header(request.headers().get("grpc-encoding"))?;
        let (compressed, body) = self.message(request.into_body(), &mut visit).await?;
        let coding = match (compressed, coding) {
            (false, _) => Coding::Identity,
            (true, Coding::Identity) => {
                let message = "the message is marked as compressed, but no grpc-encoding is named".to_owned();
                return Err(Fault::Malformed { message, field: None });
            }
            (true, coding) => coding,
        };
        let limit_bytes = self.message_bytes_max;
        let parcel =
            Parcel { signal, tenant, encoding: Encoding::Protobuf, coding, body, limit_bytes, visit };
        self.intake.take(parcel, self.meters.of(signal)).await
    }

    /// Reads the one message of a unary call.
    async fn message(&self, mut body: Incoming, visit: &mut Visit) -> Result<(bool, Bytes), Fault> {
        let broken = |message: &str| Fault::Malformed { message: message.to_owned(), field: None };
        let limit_bytes = self.message_bytes_max;
        let mut reader =
            BodyReader::new(&mut body, &mut visit.memory, limit_bytes + PREFIX_BYTES, self.body_idle);
        reader.fill(PREFIX_BYTES).await?;
        let Some([compressed, length @ ..]) = reader.head::<PREFIX_BYTES>() else {
            return Err(broken("the call has no message"));
        };
        let length = u32::from_be_bytes(length) as usize;
        if length > limit_bytes {
            return Err(Fault::TooLarge { limit_bytes });
        }
        let mut read = reader.finish().await?;
        if read.len() != PREFIX_BYTES + length {
            return Err(broken("the call does not have exactly one message"));
        }
        Ok((compressed == 1, read.split_off(PREFIX_BYTES)))
    }
}

impl Handler for GrpcService {
    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !content_type.starts_with(b"application/grpc") || request.method() != Method::POST {
            let mut response = Response::new(Empty::new().boxed_unsync());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        let Some(signal) = method(request.uri().path()) else {
            return failure(&Fault::NoRoute(request.uri().path().to_owned()));
        };
        let patience = deadline(request.headers());
        let export = self.export(signal, request);
        let answer = match patience {
            Some(patience) => tokio::time::timeout(patience, export).await.unwrap_or(Err(Fault::Deadline)),
            None => export.await,
        };
        self.meters.of(signal).answered(&answer);
        match answer {
            Ok(taken) => success(signal, &taken),
            Err(fault) => failure(&fault),
        }
    }
}

/// The signal of a method's path.
fn method(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        _ => None,
    }
}

/// How long the caller waits, from `grpc-timeout`: digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(amount.saturating_mul(60))),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn success(signal: Signal, taken: &Taken) -> Response<ResponseBody> {
    let message = answer::response(signal, Encoding::Protobuf, taken);
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or_default());
    framed.put_slice(&message);
    let trailers = HeaderMap::from_iter([(answer::GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(framed.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    with_grpc_head(body.boxed_unsync())
}

/// A call that fails is answered by headers alone.
fn failure(fault: &Fault) -> Response<ResponseBody> {
    if fault.is_ours() {
        tracing::error!(%fault, "an OTLP request failed");
    }
    let mut response = with_grpc_head(Empty::new().boxed_unsync());
    answer::write_grpc_status(fault, response.headers_mut());
    response
}

fn with_grpc_head(body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_of_a_deadline_and_ignores_nonsense() {
        for (text, expected) in [
            ("2H", Some(7_200_000)),
            ("3M", Some(180_000)),
            ("5S", Some(5_000)),
            ("100m", Some(100)),
            ("2000u", Some(2)),
            ("3000000n", Some(3)),
            ("5", None),
            ("", None),
            ("\u{e9}", None),
            ("x5S", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(deadline(&headers), expected.map(Duration::from_millis), "{text}");
        }
    }
}
