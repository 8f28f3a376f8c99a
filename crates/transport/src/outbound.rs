//! Sends telemetry on: OTLP over gRPC and HTTP, and a debug printer.
//!
//! A [`LogExporter`] reads acknowledged requests from a
//! [`DurableQueue`](throughline_pipeline::DurableQueue), runs their pipeline's processors, gathers
//! them into sends and tries each until it succeeds, fails for good or is given up. Invariants: a
//! position is committed only when every request up to it is done with; only what the OTLP
//! specification calls retryable is tried again; what is given up is counted with a reason.

mod client;
mod debug;
mod endpoint;
mod exporter;
mod gather;
mod grpc;
mod http;
mod meters;
mod parts;
mod payload;
mod progress;
mod receipt;
mod retry;
mod send;
mod sending_queue;
mod settings;

pub use client::{Client, Outgoing, Receipt, SendError};
pub use debug::{DebugExporter, DebugSettings, Verbosity};
pub use exporter::{ExporterReport, LogExporter};
pub use grpc::GrpcClient;
pub use http::HttpClient;
pub use parts::{ExportSource, ExporterParts};
pub use retry::RetrySettings;
pub use sending_queue::{QueueBatchSettings, SendingQueueSettings};
pub use settings::{
    ClientKeepalive, ClientTls, Compression, OtlpGrpcSettings, OtlpHttpSettings, PayloadEncoding,
};
