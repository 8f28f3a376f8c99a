//! Jaeger's HTTP APIs: the one that its UI and Grafana grew up with (`/api/…`) and the one on
//! OTLP (`/api/v3/…`).

mod error;
mod find;
mod legacy;
mod shared_parameters;
mod ui_json;
mod v3;

use std::sync::Arc;

use axum::Router;

use crate::Shared;

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    legacy::routes(Arc::clone(&shared)).merge(v3::routes(shared))
}
