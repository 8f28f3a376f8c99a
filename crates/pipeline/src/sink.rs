//! Where deliveries end.

use async_trait::async_trait;

use crate::{Delivery, Refusal};

/// Takes deliveries: the store, a log for exporters, a debug printer, a connector.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Takes one delivery. For a sink whose acknowledgement counts, `Ok` means durable.
    ///
    /// # Errors
    /// The delivery was not taken.
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal>;
}
