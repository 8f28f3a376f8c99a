//! Making rows of logged requests again: what the store does after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use throughline_pipeline::Processor;
use throughline_store::recovery::Replay;
use throughline_store::wal::WalRecord;
use throughline_wire::otlp::{self, Encoding};

/// The processors of a pipeline, and whether its rows are stored.
#[derive(Clone)]
pub struct ReplayPipeline {
    /// Processors in order.
    pub processors: Vec<Arc<dyn Processor>>,
    /// Whether the pipeline has the exporter `store`.
    pub keeps_rows: bool,
}

/// A replay through the configured pipelines. A record of a pipeline that is no longer configured
/// is stored as it came: it was acknowledged.
pub fn replay(pipelines: BTreeMap<String, ReplayPipeline>) -> Replay {
    Arc::new(move |record| {
        let batch = decode(record)?;
        match pipelines.get(record.pipeline.as_ref()) {
            None => Ok(batch),
            Some(pipeline) if !pipeline.keeps_rows => Ok(batch.slice(0, 0)),
            Some(pipeline) => {
                let process = |batch, processor: &Arc<dyn Processor>| processor.process(record.signal, batch);
                pipeline.processors.iter().try_fold(batch, process).map_err(|error| error.to_string())
            }
        }
    })
}

fn decode(record: &WalRecord) -> Result<RecordBatch, String> {
    let encoding = Encoding::from_code(record.encoding)
        .ok_or_else(|| format!("encoding {} is unknown to this version", record.encoding))?;
    otlp::decode(record.signal, encoding, &record.raw)
        .map(|decoded| decoded.batch)
        .map_err(|error| error.to_string())
}
