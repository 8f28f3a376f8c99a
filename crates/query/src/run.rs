//! Running scans: batches one after another, costs counted, a limit that is reached no error.

use futures::StreamExt;
use throughline_store::scan::ScanRequest;
use throughline_store::{ErrorKind, Store};

use arrow::array::RecordBatch;

use crate::limits::Meter;
use crate::{Error, Result};

/// Runs a scan to its end, or until the query has spent all it may: then what was read so far is
/// the answer, and the meter knows that it is not complete.
///
/// # Errors
/// What the store says, but for reached limits.
pub(crate) async fn scan(
    store: &Store,
    mut request: ScanRequest,
    meter: &mut Meter,
    mut visit: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    request.budget = meter.budget();
    let mut stream = store.scan(request)?;
    let mut outcome = Ok(());
    while let Some(batch) = stream.next().await {
        outcome = batch.map_err(Error::from).and_then(&mut visit);
        if outcome.is_err() {
            break;
        }
    }
    meter.add_scan(stream.stats());
    within_limits(outcome, meter)
}

/// A limit that was reached cuts the answer short; it is no error.
pub(crate) fn within_limits(outcome: Result<()>, meter: &mut Meter) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == crate::ErrorKind::LimitExceeded => {
            meter.cut_short();
            Ok(())
        }
        outcome => outcome,
    }
}

/// Runs a store call that has no budget of its own; `None` when the time is up.
///
/// # Errors
/// What the store says.
pub(crate) async fn bounded<T>(
    meter: &mut Meter,
    call: impl Future<Output = std::result::Result<T, throughline_store::Error>>,
) -> Result<Option<T>> {
    match tokio::time::timeout(meter.time_left(), call).await {
        Ok(Ok(value)) => Ok(Some(value)),
        Ok(Err(error)) if error.kind() == ErrorKind::LimitExceeded => {
            meter.cut_short();
            Ok(None)
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            meter.cut_short();
            Ok(None)
        }
    }
}
