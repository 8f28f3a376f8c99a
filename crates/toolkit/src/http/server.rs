//! Incoming requests: a SERVER span each, duration and active requests measured.

use std::sync::Arc;

use http::request::Parts;
use tower::Layer;

mod service;

pub use service::TraceService;

type Filter = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// A tower layer that makes a SERVER span for each request.
///
/// Put it on an axum router with `Router::layer`: the span is named `METHOD /route/{pattern}`.
#[derive(Clone, Default)]
pub struct TraceLayer {
    skip: Arc<[String]>,
    filter: Option<Filter>,
    public: bool,
}

impl TraceLayer {
    /// Traces every request and continues the caller's trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves requests to these paths untraced and unmeasured. A path ending in `/*` covers
    /// everything below it.
    #[must_use]
    pub fn skip_paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.skip = self
            .skip
            .iter()
            .cloned()
            .chain(paths.into_iter().map(Into::into))
            .collect();
        self
    }

    /// Traces only requests for which `filter` is true.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Declares that callers are not trusted: each request starts a new trace that is linked to
    /// the caller's instead of continuing it.
    #[must_use]
    pub fn public_endpoint(mut self, public: bool) -> Self {
        self.public = public;
        self
    }
}

impl std::fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TraceLayer")
            .field("skip", &self.skip)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = TraceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceService::new(inner, self.clone())
    }
}
