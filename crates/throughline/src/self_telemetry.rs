//! What the process says of itself: `/metrics`, readiness, health.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use http::{StatusCode, header};
use throughline_pipeline::Registry;
use throughline_pipeline::metrics::{Kind, Metric};
use throughline_store::store::Store;

/// Whether the process takes and answers requests.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether it is ready.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    /// Whether it is ready.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// `/metrics`, `/-/ready` and `/-/healthy`.
pub fn routes(registry: Registry, readiness: Readiness) -> Router {
    let metrics = move || async move {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], registry.render())
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(|| async { "ok\n" }))
        .route("/-/ready", get(move || async move { ready(&readiness) }))
}

/// The health endpoint of the Collector's extension.
pub fn health_check(readiness: Readiness) -> Router {
    Router::new().fallback(get(move || async move { ready(&readiness) }))
}

fn ready(readiness: &Readiness) -> (StatusCode, &'static str) {
    if readiness.get() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

const STORE_ROWS: Metric =
    Metric { name: "throughline_store_rows", help: "Rows stored, live ones included.", kind: Kind::Gauge };
static ROWS: Metric = STORE_ROWS;
static SEGMENTS: Metric =
    Metric { name: "throughline_store_segments", help: "Segment files in the catalog.", kind: Kind::Gauge };
static BYTES: Metric =
    Metric { name: "throughline_store_bytes", help: "Bytes of segment files.", kind: Kind::Gauge };

/// Shows what the store says of itself beside the pipelines' counters.
pub fn observe_store(registry: &Registry, store: &Arc<Store>) {
    let observe = |metric: &'static Metric, read: fn(&Store) -> u64| {
        let store = Arc::downgrade(store);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        registry.gauge_fn(metric, &[], move || store.upgrade().map_or(0.0, |store| read(&store) as f64));
    };
    observe(&ROWS, |store| store.stats().rows());
    observe(&SEGMENTS, |store| store.stats().segments);
    observe(&BYTES, |store| store.stats().segment_bytes);
}
