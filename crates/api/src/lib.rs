//! The HTTP surfaces of the query side: our own, Tempo's, Jaeger's.
//!
//! Each foreign API has a folder with its routes, how its requests are read and how its answers
//! are written; kinds of query errors become its statuses and bodies in its one `error.rs`.
//! There is no query logic here: a handler reads a request, asks the [`Engine`], and renders.

mod jaeger;
mod native;
mod status;
mod tempo;
mod tenant;
mod time_parameter;
mod traceql_text;

use std::sync::Arc;

use axum::Router;
use throughline_query::Engine;

pub use status::{Status, StatusSource};

/// Largest request body taken.
const BODY_MAX: usize = 1 << 20;

/// What every handler needs.
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) status: Arc<dyn StatusSource>,
}

/// The APIs over one engine.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// APIs that ask this engine, and `status` about the process.
    #[must_use]
    pub fn new(engine: Arc<Engine>, status: Arc<dyn StatusSource>) -> Self {
        Self(Arc::new(Shared { engine, status }))
    }

    /// Our own API, under `/api/v1`.
    pub fn native(&self) -> Router {
        bounded(native::routes(Arc::clone(&self.0)))
    }

    /// Tempo's HTTP API, as from its root.
    pub fn tempo(&self) -> Router {
        bounded(tempo::routes(Arc::clone(&self.0)))
    }

    /// Jaeger's HTTP APIs, as from their root.
    pub fn jaeger(&self) -> Router {
        bounded(jaeger::routes(Arc::clone(&self.0)))
    }
}

fn bounded(routes: Router) -> Router {
    routes.layer(axum::extract::DefaultBodyLimit::max(BODY_MAX))
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
