//! Bounded stages between a receiver and a sink.
//!
//! A receiver decodes a request into a [`Delivery`] and gives it to every [`Pipeline`] that names
//! the receiver. A pipeline runs its [`Processor`]s over the batch and then hands the delivery to
//! each of its [`Sink`]s; it answers OK only when every sink whose acknowledgement counts has
//! accepted. The [`MemoryLimiter`] stands before all of this: it is asked before a body is read.
//! Exporters do not stand in the path of an acknowledgement: they read a [`DurableQueue`].
//!
//! Invariants: an OK from [`Pipeline::run`] means that the data is durable; a [`Refusal`] says
//! whether to try again and when; data that is lost is counted in [`metrics`] with a reason.

pub mod batch;
mod delivery;
pub mod duration;
pub mod memory_limiter;
pub mod metrics;
mod pipeline;
mod processor;
pub mod queue;
mod refusal;
pub mod resource;
mod settings_error;
mod sink;

pub use batch::BatchSettings;
pub use delivery::Delivery;
pub use memory_limiter::{MemoryLimiter, MemoryLimiterSettings, MemoryPermit, Pressure};
pub use metrics::Registry;
pub use pipeline::{Acknowledgement, Output, Pipeline};
pub use processor::{ProcessError, Processor};
pub use queue::{DurableQueue, MemoryQueue, Position, QueueError, QueuedRequest};
pub use refusal::{Refusal, RefusalKind};
pub use resource::{ResourceProcessor, ResourceSettings};
pub use settings_error::SettingsError;
pub use sink::Sink;
