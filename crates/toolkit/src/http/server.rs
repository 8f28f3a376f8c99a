//! Incoming requests: a SERVER span each, duration and active requests measured.

use std::sync::Arc;

use http::request::Parts;
use tower::Layer;

mod body;
mod exchange;
mod forwarded;
mod service;

pub use body::TracedBody;
pub use service::{TraceFuture, TraceService};

type Filter = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// A tower layer that makes a SERVER span for each request.
///
/// Put it on an axum router with `Router::layer`: the span is named `METHOD /route/{pattern}` as
/// the router matched it. Around anything else that has no route the name is the method alone.
///
/// The span ends with the response body. Status 5xx, an error of the handler and an error of the
/// body are errors of the span; 4xx is not, and neither is a client that went away, which leaves
/// the event `request.cancelled`. `error.type` is on the span and on the duration metric alike.
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
        self.skip = self.skip.iter().cloned().chain(paths.into_iter().map(Into::into)).collect();
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

impl TraceLayer {
    fn traces(&self, head: &Parts) -> bool {
        let path = head.uri.path();
        let skipped = self.skip.iter().any(|skip| match skip.strip_suffix("/*") {
            Some(above) => path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => skip == path,
        });
        !skipped && self.filter.as_ref().is_none_or(|filter| filter(head))
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
