//! Trouble made on purpose, visible in traces as what it pretends to be.

use std::time::Duration;

use rand::Rng as _;
use tracing::Instrument as _;

use crate::config::FaultConfig;
use crate::error::{ApiError, observed};

/// Now and then calls a slow dependency, or one that fails.
pub(crate) async fn strike(faults: FaultConfig) -> Result<(), ApiError> {
    let (slow, fail) = {
        let mut random = rand::rng();
        (random.random::<f64>() < faults.slow_share, random.random::<f64>() < faults.fail_share)
    };
    if slow {
        let span = tracing::info_span!(
            "query reporting replica",
            otel.kind = "client",
            peer.service = "reporting-replica"
        );
        tokio::time::sleep(Duration::from_millis(faults.slow_ms)).instrument(span).await;
    }
    if fail {
        let span =
            tracing::info_span!("check entitlements", otel.kind = "client", peer.service = "entitlements");
        let failed =
            async { observed(Err(ApiError::Internal("entitlements: connection reset by peer".to_owned()))) };
        return failed.instrument(span).await;
    }
    Ok(())
}
