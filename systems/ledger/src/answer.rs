//! A final answer to an order: given again, byte for byte, whenever the order comes again.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::error::Refusal;

/// Says `true` on an answer that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Marks the final answer to an order. An answer without it says nothing about the order.
pub(crate) const DECIDED: HeaderName = HeaderName::from_static("order-decided");

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// JSON.
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn created(body: &Value) -> Self {
        Self { status: StatusCode::CREATED, body: body.to_string() }
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self { status: refusal.code.status(), body: refusal.body().to_string() }
    }

    /// An answer that was kept somewhere. `None`: the status is none.
    pub(crate) fn kept(status: u16, body: String) -> Option<Self> {
        StatusCode::from_u16(status).ok().map(|status| Self { status, body })
    }

    /// Why it was refused, if it was.
    pub(crate) fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body["error"]["code"].as_str().map(str::to_owned)
    }

    /// The answer as it is sent, with marks on it.
    pub(crate) fn into_response(self, marks: impl IntoIterator<Item = HeaderName>) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for mark in marks {
            headers.insert(mark, HeaderValue::from_static("true"));
        }
        response
    }
}
