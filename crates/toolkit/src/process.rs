//! Metrics of the process, by the conventions for operating system processes (v1.44): taken by
//! every telemetry unless [`crate::TelemetryBuilder::process_metrics`] turns them off.
//!
//! | metric | kind, unit | attributes |
//! | --- | --- | --- |
//! | `process.cpu.time` | counter, `s` | `cpu.mode`: user, system |
//! | `process.memory.usage` | up-down counter, `By` | |
//! | `process.memory.virtual` | up-down counter, `By` | |
//! | `process.disk.io` | counter, `By` | `disk.io.direction`: read, write |
//! | `process.thread.count` | up-down counter, `{thread}` | |
//! | `process.unix.file_descriptor.count` | up-down counter, `{file_descriptor}` | |
//! | `process.context_switches` | counter, `{context_switch}` | `process.context_switch.type`: voluntary, involuntary |
//! | `process.paging.faults` | counter, `{fault}` | `system.paging.fault.type`: minor, major |
//! | `process.uptime` | gauge, `s` | |
//!
//! ```
//! let builder = throughline_toolkit::Telemetry::builder().process_metrics(false);
//! # drop(builder);
//! ```
//!
//! Which process they are of, the resource says: `process.pid` and `process.creation.time`.
//!
//! They come from `/proc/self`, which is read once for each collection. On other systems than
//! Linux there are none, and a file that cannot be read leaves its metrics out. CPU time counts in
//! hundredths of a second. Context switches are added up over threads: those of threads that come
//! and go between two collections are missing.

#[cfg(target_os = "linux")]
mod clock_ticks;
#[cfg(target_os = "linux")]
mod creation;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod parse;

#[cfg(target_os = "linux")]
pub(crate) use creation::creation_time;
use opentelemetry::metrics::Meter;

/// Takes the metrics of this process with `meter`, where they can be had.
pub(crate) fn register(meter: &Meter) {
    #[cfg(target_os = "linux")]
    linux::register(meter);
    #[cfg(not(target_os = "linux"))]
    let _nowhere_to_read = meter;
}

/// `process.creation.time`, where it can be had.
#[cfg(not(target_os = "linux"))]
pub(crate) fn creation_time() -> Option<String> {
    None
}
