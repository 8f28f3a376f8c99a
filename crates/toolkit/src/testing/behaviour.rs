//! How a sink answers, and the answers of one that misbehaves.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};

/// How a [`super::Sink`] treats requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// Takes everything.
    #[default]
    Works,
    /// Accepts connections and requests and never answers.
    Hangs,
    /// Takes everything and answers this much later.
    Delays(Duration),
    /// Refuses every request with this HTTP status; over gRPC, with this gRPC status.
    Status(u32),
    /// Refuses this many requests as overloaded (503, or gRPC UNAVAILABLE), then works.
    RecoversAfter(u32),
    /// Closes the connection in the middle of the answer.
    DiesMidStream,
    /// Takes each request but rejects this many of its items (partial success).
    Rejects(u32),
}

/// The form of a request, which the answer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
    Grpc,
}

impl Form {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
            Some(kind) if kind.starts_with(b"application/grpc") => Self::Grpc,
            Some(kind) if kind.starts_with(b"application/json") => Self::Json,
            _ => Self::Protobuf,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
            Self::Grpc => "application/grpc",
        }
    }
}

/// A response body with trailers, or one that breaks off.
#[derive(Debug, Default)]
pub(super) struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    dies: bool,
}

impl Answer {
    /// The request was taken but for `rejected` items.
    pub(super) fn accepted(form: Form, rejected: u32) -> Response<Self> {
        let data = match form {
            Form::Json => format!(
                r#"{{"partialSuccess":{{"rejectedSpans":"{rejected}","errorMessage":"{}"}}}}"#,
                if rejected > 0 { REJECTED } else { "" }
            )
            .into_bytes(),
            Form::Protobuf => partial_success(rejected),
            Form::Grpc => frame(&partial_success(rejected)),
        };
        let trailers = (form == Form::Grpc).then(|| status_headers(0));
        respond(form, Self { data: Some(data.into()), trailers, dies: false })
    }

    /// The request was refused.
    pub(super) fn refused(form: Form, status: u32) -> Response<Self> {
        let mut response = respond(form, Self::default());
        if form == Form::Grpc {
            response.headers_mut().extend(status_headers(status));
        } else {
            let status = u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok());
            *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        }
        response
    }

    /// The connection closes after the first bytes.
    pub(super) fn dying(form: Form) -> Response<Self> {
        let body = Self { data: Some(Bytes::from_static(b"\0\0")), trailers: None, dies: true };
        let mut response = respond(form, body);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1000"));
        response
    }
}

const REJECTED: &str = "rejected by the sink";

/// An `Export*ServiceResponse`: the three services share its numbers.
fn partial_success(rejected: u32) -> Vec<u8> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Partial {
        #[prost(int64, tag = "1")]
        rejected: i64,
        #[prost(string, tag = "2")]
        error_message: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Response {
        #[prost(message, optional, tag = "1")]
        partial_success: Option<Partial>,
    }
    let partial = Partial { rejected: i64::from(rejected), error_message: REJECTED.to_owned() };
    prost::Message::encode_to_vec(&Response { partial_success: (rejected > 0).then_some(partial) })
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(0);
    [&[0][..], &length.to_be_bytes(), message].concat()
}

fn status_headers(status: u32) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from(status))])
}

fn respond(form: Form, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    response
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
            return Poll::Ready(Some(Err(std::io::Error::other("the sink died"))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
