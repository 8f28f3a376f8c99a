//! Request bodies: compression, gRPC framing, JSON.

use std::io::Write;

use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::settings::{Compression, Signal};

pub(super) fn compressed(body: Vec<u8>, compression: Compression) -> Result<Vec<u8>, String> {
    match compression {
        Compression::None => Ok(body),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&body).and_then(|()| encoder.finish()).map_err(|e| e.to_string())
        }
        Compression::Zstd => zstd::encode_all(body.as_slice(), 1).map_err(|e| e.to_string()),
    }
}

/// One length-prefixed gRPC message.
pub(super) fn grpc_frame(body: &[u8], compression: Compression) -> Result<Vec<u8>, String> {
    let packed = compressed(body.to_vec(), compression)?;
    let length = u32::try_from(packed.len()).map_err(|_| "request over 4 GiB".to_owned())?;
    let mut frame = Vec::with_capacity(packed.len() + 5);
    frame.push(u8::from(compression != Compression::None));
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&packed);
    Ok(frame)
}

/// The request as OTLP JSON.
pub(super) fn json(signal: Signal, body: &[u8]) -> Result<Vec<u8>, String> {
    fn convert<M: Message + Default + serde::Serialize>(body: &[u8]) -> Result<Vec<u8>, String> {
        let message = M::decode(body).map_err(|e| e.to_string())?;
        serde_json::to_vec(&message).map_err(|e| e.to_string())
    }
    match signal {
        Signal::Traces => convert::<ExportTraceServiceRequest>(body),
        Signal::Metrics => convert::<ExportMetricsServiceRequest>(body),
        Signal::Logs => convert::<ExportLogsServiceRequest>(body),
    }
}
