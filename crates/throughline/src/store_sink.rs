//! The end of every pipeline: the log, and behind it the store.

use std::sync::Arc;

use async_trait::async_trait;
use throughline_pipeline::{Delivery, Refusal, Sink};
use throughline_store::store::{Append, Store};
use throughline_store::{Error, ErrorKind};

/// How long a sender waits when the store does not say.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// Appends deliveries to the store's log; an OK means that they are synced.
#[derive(Debug)]
pub struct StoreSink {
    store: Arc<Store>,
    /// False when the pipeline has exporters but not `store`: the log keeps the request until
    /// they have sent it, and no row is stored.
    keeps_rows: bool,
}

impl StoreSink {
    /// A sink for one pipeline.
    pub fn new(store: Arc<Store>, keeps_rows: bool) -> Self {
        Self { store, keeps_rows }
    }
}

#[async_trait]
impl Sink for StoreSink {
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        let Delivery { tenant, signal, encoding, pipeline, received_ns, raw, batch } = delivery;
        let batch = if self.keeps_rows { batch } else { batch.slice(0, 0) };
        let append = Append { tenant, signal, encoding, pipeline, received_ns, raw, batch };
        self.store.append(append).await.map_err(|error| refusal(&error))
    }
}

fn refusal(error: &Error) -> Refusal {
    let retry_after = error.retry_after().unwrap_or(RETRY_AFTER);
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Invalid => Refusal::invalid(message),
        ErrorKind::Overloaded => Refusal::overloaded(message, retry_after),
        _ if error.is_retryable() => Refusal::unavailable(message, retry_after),
        _ => {
            tracing::error!(error = %message, "the store refused a request for good");
            Refusal::internal(message)
        }
    }
}
