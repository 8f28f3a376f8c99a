//! OTLP over HTTP: protobuf and JSON, one path a signal.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue,
};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Incoming};
use throughline_model::{Signal, Tenant};
use throughline_wire::otlp::Encoding;
use tokio_util::task::TaskTracker;

use super::CorsSettings;
use super::answer;
use super::body::{BodyReader, discard};
use super::compression::{ACCEPTED, Coding};
use super::door::{Door, Visit};
use super::fault::Fault;
use super::intake::{Intake, Parcel, Taken};
use super::listener::{Handler, ResponseBody};
use super::meters::Meters;
use super::settings::HttpSettings;

/// Serves the signals' paths.
#[derive(Debug)]
pub(super) struct HttpService {
    intake: Arc<Intake>,
    door: Arc<Door>,
    paths: [(String, Signal); 3],
    cors: Option<CorsSettings>,
    body_bytes_max: usize,
    body_idle: Duration,
    meters: Meters,
    tasks: TaskTracker,
}

/// What the head of a request says, once it is let in.
#[derive(Debug)]
struct Admitted {
    signal: Signal,
    tenant: Tenant,
    encoding: Encoding,
    coding: Coding,
    visit: Visit,
}

impl HttpService {
    pub(super) fn new(
        settings: &HttpSettings,
        intake: Arc<Intake>,
        door: Arc<Door>,
        body_idle: Duration,
        tasks: TaskTracker,
    ) -> Self {
        let meters = Meters::new(intake.receiver(), "http", intake.registry());
        let paths = [
            (settings.traces_url_path.clone(), Signal::Traces),
            (settings.metrics_url_path.clone(), Signal::Metrics),
            (settings.logs_url_path.clone(), Signal::Logs),
        ];
        let (cors, body_bytes_max) = (settings.cors.clone(), settings.body_bytes_max());
        Self { intake, door, paths, cors, body_bytes_max, body_idle, meters, tasks }
    }

    /// Decides from the head alone.
    fn admit(&self, signal: Signal, method: &Method, headers: &HeaderMap) -> Result<Admitted, Fault> {
        if method != Method::POST {
            return Err(Fault::Method);
        }
        self.intake.takes(signal)?;
        let encoding = encoding(headers)?;
        let coding = Coding::from_header(headers.get(CONTENT_ENCODING))?;
        let tenant = tenant(headers)?;
        let announced = announced_bytes(headers);
        let limit_bytes = self.body_bytes_max;
        if announced > limit_bytes as u64 {
            return Err(Fault::TooLarge { limit_bytes });
        }
        Ok(Admitted { signal, tenant, encoding, coding, visit: self.door.enter(announced)? })
    }

    async fn export(&self, admitted: Admitted, body: &mut Incoming) -> Result<Taken, Fault> {
        let Admitted { signal, tenant, encoding, coding, mut visit } = admitted;
        let limit_bytes = self.body_bytes_max;
        let body = BodyReader::new(body, &mut visit.memory, limit_bytes, self.body_idle).finish().await?;
        let parcel = Parcel { signal, tenant, encoding, coding, body, limit_bytes, visit };
        self.intake.take(parcel, self.meters.of(signal)).await
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let (head, mut body) = request.into_parts();
        let path = head.uri.path();
        let Some((_, signal)) = self.paths.iter().find(|(served, _)| served == path) else {
            let response = failure(Encoding::Json, &Fault::NoRoute(path.to_owned()));
            self.forget(&head, body);
            return response;
        };
        let answer = match self.admit(*signal, &head.method, &head.headers) {
            Ok(admitted) => self.export(admitted, &mut body).await,
            Err(fault) => Err(fault),
        };
        if head.method == Method::POST {
            self.meters.of(*signal).answered(&answer);
        }
        let encoding = encoding(&head.headers).unwrap_or(Encoding::Json);
        let response = match &answer {
            Ok(taken) => {
                let bytes = answer::response(*signal, encoding, taken);
                with_body(StatusCode::OK, encoding, bytes)
            }
            Err(fault) => failure(encoding, fault),
        };
        self.forget(&head, body);
        response
    }

    /// Over HTTP/1, reads on while the answer is written; see [`discard`].
    fn forget(&self, head: &http::request::Parts, body: Incoming) {
        let expects = head.headers.contains_key(EXPECT);
        if head.version < Version::HTTP_2 && !body.is_end_stream() && !expects {
            self.tasks.spawn(discard(body));
        }
    }
}

impl Handler for HttpService {
    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        let Some(cors) = &self.cors else {
            return self.answer(request).await;
        };
        if let Some(preflight) = cors.preflight::<_, Empty<Bytes>>(&request) {
            return preflight.map(BodyExt::boxed_unsync);
        }
        let asked = request.headers().clone();
        let mut response = self.answer(request).await;
        cors.decorate(&asked, response.headers_mut());
        response
    }
}

/// Whose data it is: `X-Scope-OrgID`, or the default tenant.
pub(super) fn tenant(headers: &HeaderMap) -> Result<Tenant, Fault> {
    match headers.get("x-scope-orgid") {
        None => Ok(Tenant::default()),
        Some(name) => Ok(Tenant::new(&String::from_utf8_lossy(name.as_bytes()))?),
    }
}

fn announced_bytes(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or_default()
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Fault> {
    let text =
        headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        _ => Err(Fault::MediaType(text.into_owned())),
    }
}

fn failure(encoding: Encoding, fault: &Fault) -> Response<ResponseBody> {
    if fault.is_ours() {
        tracing::error!(%fault, "an OTLP request failed");
    }
    let (status, body) = answer::http_status(encoding, fault);
    let mut response = with_body(status, encoding, body);
    let headers = response.headers_mut();
    match fault {
        Fault::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Fault::Coding(_) => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        }
        Fault::Refused(refusal) => answer::write_retry_after(refusal.retry_after, headers),
        _ => {}
    }
    response
}

fn with_body(status: StatusCode, encoding: Encoding, bytes: Vec<u8>) -> Response<ResponseBody> {
    let mut response = Response::new(Full::new(Bytes::from(bytes)).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(encoding.media_type()));
    response
}
