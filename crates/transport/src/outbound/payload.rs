//! From a queued request to what is sent: decode, run the pipeline's processors, encode.

use bytes::Bytes;
use throughline_pipeline::{Pipeline, QueuedRequest};
use throughline_wire::otlp::{self, Encoding};

/// A request ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) body: Bytes,
    pub(super) items: u64,
}

/// Prepares a request. Its bytes go out as they came when they are in the right encoding, nothing
/// in them was rejected, and no processor stands between.
pub(super) fn prepare(request: &QueuedRequest, pipeline: &Pipeline, json: bool) -> Result<Payload, String> {
    let wanted = if json { Encoding::Json } else { Encoding::Protobuf };
    let came = Encoding::from_code(request.encoding)
        .ok_or_else(|| format!("the log holds a request in unknown encoding {}", request.encoding))?;
    let decoded = otlp::decode(request.signal, came, &request.raw).map_err(|error| error.to_string())?;
    if came == wanted && decoded.rejected == 0 && !pipeline.has_processors() {
        return Ok(Payload { body: request.raw.clone(), items: decoded.accepted });
    }
    let batch = pipeline.process(decoded.batch).map_err(|error| error.to_string())?;
    let items = batch.num_rows() as u64;
    let body = otlp::encode(request.signal, &batch, wanted).map_err(|error| error.to_string())?;
    Ok(Payload { body: body.into(), items })
}
