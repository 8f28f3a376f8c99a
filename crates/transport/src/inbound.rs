//! Receives OTLP over gRPC and HTTP.
//!
//! Both listeners share one [`Intake`]. Invariants: a success answer means that every pipeline of
//! the signal accepted the request durably; overload is answered before a byte of the body is
//! read, with the protocol's retryable answer and a delay; no request, body, decompression or
//! connection count is without a bound.

mod answer;
mod body;
mod compression;
mod cors;
mod door;
mod fault;
mod grpc;
mod http;
mod intake;
mod listener;
mod meters;
mod receiver;
mod settings;

pub use cors::CorsSettings;
pub use door::{Door, ReceiverLimits};
pub use intake::Intake;
pub use listener::{BindError, DrainReport, bind};
pub use receiver::{Listeners, OtlpReceiver, StartError};
pub use settings::{
    GrpcSettings, HttpSettings, KeepaliveSettings, OtlpReceiverSettings, Protocols, ServerParameters,
};
