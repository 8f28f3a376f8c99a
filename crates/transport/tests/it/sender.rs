//! Senders that are not ours: tonic for gRPC, reqwest for HTTP.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use throughline_model::Signal;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

use crate::platform::Addresses;
use crate::requests::Request;

/// The three ways to send OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// An answer, whatever it came over.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// gRPC's code, or that in the status of an HTTP body.
    pub(crate) code: i32,
    /// 200 for every gRPC answer.
    pub(crate) http: u16,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    /// Names of fields in a `BadRequest`.
    pub(crate) violations: Vec<String>,
    /// Rejected items and message of a partial success.
    pub(crate) partial: Option<(i64, String)>,
    pub(crate) headers: http::HeaderMap,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<ProtoDuration>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    violations: Vec<Violation>,
}

#[derive(Clone, PartialEq, Message)]
struct Violation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

impl Wire {
    pub(crate) async fn send(self, to: impl Into<Addresses>, request: &Request) -> Answer {
        self.send_with(to, request, Coding::Identity, &[]).await
    }

    pub(crate) async fn send_with(
        self,
        to: impl Into<Addresses>,
        request: &Request,
        coding: Coding,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let to = to.into();
        match self {
            Self::Grpc => grpc(to.grpc, request, coding, headers).await,
            Self::HttpProtobuf | Self::HttpJson => self.http(to.http, request, coding, headers).await,
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::HttpProtobuf => "application/x-protobuf",
            Self::HttpJson => "application/json",
        }
    }

    pub(crate) fn body(self, request: &Request) -> &[u8] {
        match self {
            Self::HttpJson => &request.json,
            _ => &request.protobuf,
        }
    }

    async fn http(
        self,
        address: SocketAddr,
        request: &Request,
        coding: Coding,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let url = format!("http://{address}/v1/{}", request.signal);
        let mut sending = reqwest::Client::new().post(url).header("content-type", self.media_type());
        for (name, value) in headers {
            sending = sending.header(*name, *value);
        }
        let body = self.body(request);
        sending = match coding {
            Coding::Identity => sending.body(body.to_vec()),
            Coding::Gzip => sending.header("content-encoding", "gzip").body(gzip(body)),
            Coding::Zstd => {
                sending.header("content-encoding", "zstd").body(zstd::encode_all(body, 1).unwrap())
            }
        };
        Answer::of_http(sending.send().await.unwrap()).await
    }
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

impl Answer {
    pub(crate) async fn of_http(response: reqwest::Response) -> Self {
        let (http, headers) = (response.status().as_u16(), response.headers().clone());
        let retry_after = headers
            .get("retry-after")
            .map(|value| Duration::from_secs(value.to_str().unwrap().parse().unwrap()));
        let json = headers.get("content-type").is_some_and(|kind| kind == "application/json");
        let body = response.bytes().await.unwrap();
        let mut answer = match (http, json) {
            (200, true) => Self::of_json_success(&serde_json::from_slice(&body).unwrap()),
            (200, false) => Self::of_success(&ExportResponse::decode(&body[..]).unwrap()),
            (204, _) => Self::default(),
            (_, true) => Self::of_json_status(&serde_json::from_slice(&body).unwrap()),
            (_, false) => Self::of_status(&body),
        };
        if answer.retry_after.is_some() {
            assert!(retry_after >= answer.retry_after, "the header and the body tell the same delay");
        }
        (answer.http, answer.headers, answer.retry_after) = (http, headers, retry_after);
        answer
    }

    fn of_success(response: &ExportResponse) -> Self {
        let partial = response.partial_success.clone().map(|partial| (partial.rejected, partial.message));
        Self { http: 200, partial, ..Self::default() }
    }

    fn of_json_success(response: &serde_json::Value) -> Self {
        let partial = response.get("partialSuccess").map(|partial| {
            let rejected = partial.as_object().unwrap().iter().find(|(key, _)| key.starts_with("rejected"));
            let rejected = rejected.map(|(_, value)| value.as_str().unwrap().parse().unwrap());
            (rejected.unwrap_or_default(), partial["errorMessage"].as_str().unwrap().to_owned())
        });
        Self { partial, ..Self::default() }
    }

    fn of_status(body: &[u8]) -> Self {
        let status = RpcStatus::decode(body).unwrap();
        let mut answer = Self { code: status.code, message: status.message, ..Self::default() };
        for detail in status.details {
            if detail.type_url.ends_with("RetryInfo") {
                let delay = RetryInfo::decode(&detail.value[..]).unwrap().delay.unwrap();
                answer.retry_after = Some(Duration::new(delay.seconds as u64, delay.nanos as u32));
            } else if detail.type_url.ends_with("BadRequest") {
                let bad = BadRequest::decode(&detail.value[..]).unwrap();
                answer.violations = bad.violations.into_iter().map(|violation| violation.field).collect();
            }
        }
        answer
    }

    fn of_json_status(status: &serde_json::Value) -> Self {
        let mut answer = Self {
            code: status["code"].as_i64().unwrap() as i32,
            message: status["message"].as_str().unwrap().to_owned(),
            ..Self::default()
        };
        for detail in status["details"].as_array().into_iter().flatten() {
            if let Some(delay) = detail["retryDelay"].as_str() {
                let seconds = delay.strip_suffix('s').unwrap().parse().unwrap();
                answer.retry_after = Some(Duration::from_secs_f64(seconds));
            }
            for violation in detail["fieldViolations"].as_array().into_iter().flatten() {
                answer.violations.push(violation["field"].as_str().unwrap().to_owned());
            }
        }
        answer
    }

    fn of_grpc(status: &tonic::Status) -> Self {
        assert!(std::error::Error::source(status).is_none(), "not an answer: {status:?}");
        let mut answer = match status.details() {
            [] => Self::default(),
            details => Self::of_status(details),
        };
        (answer.code, answer.http) = (status.code() as i32, 200);
        answer.message = status.message().to_owned();
        answer.headers = status.metadata().clone().into_headers();
        answer
    }
}

pub(crate) fn method(signal: Signal) -> http::uri::PathAndQuery {
    http::uri::PathAndQuery::from_static(match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    })
}

pub(crate) fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

async fn grpc(
    address: SocketAddr,
    request: &Request,
    coding: Coding,
    headers: &[(&'static str, &str)],
) -> Answer {
    let mut message = tonic::Request::new(Bytes::from(request.protobuf.clone()));
    for (name, value) in headers {
        message.metadata_mut().insert(*name, MetadataValue::try_from(*value).unwrap());
    }
    let client = tonic::client::Grpc::new(channel(address));
    let mut client = match coding {
        Coding::Identity => client,
        Coding::Gzip => client.send_compressed(CompressionEncoding::Gzip),
        Coding::Zstd => client.send_compressed(CompressionEncoding::Zstd),
    };
    client.ready().await.unwrap();
    match client.unary(message, method(request.signal), RawCodec).await {
        Ok(response) => Answer::of_success(response.get_ref()),
        Err(status) => Answer::of_grpc(&status),
    }
}

pub(crate) fn answer_of(result: Result<tonic::Response<ExportResponse>, tonic::Status>) -> Answer {
    match result {
        Ok(response) => Answer::of_success(response.get_ref()),
        Err(status) => Answer::of_grpc(&status),
    }
}

/// Sends bytes as they are, good or bad.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = ExportResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = ExportResponse;
    type Error = tonic::Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<ExportResponse>, tonic::Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(ExportResponse::decode(bytes).unwrap()))
    }
}

/// Makes a test of a rule on each of the three ways to send.
macro_rules! on_each_wire {
    ($($(#[$doc:meta])* async fn $rule:ident($wire:ident) $body:block)+) => {$(
        $(#[$doc])*
        mod $rule {
            #[allow(unused_imports, reason = "not each rule needs all of it")]
            use super::*;

            async fn check($wire: Wire) $body

            #[tokio::test]
            async fn on_grpc() {
                check(Wire::Grpc).await;
            }
            #[tokio::test]
            async fn on_http_protobuf() {
                check(Wire::HttpProtobuf).await;
            }
            #[tokio::test]
            async fn on_http_json() {
                check(Wire::HttpJson).await;
            }
        }
    )+};
}
pub(crate) use on_each_wire;
