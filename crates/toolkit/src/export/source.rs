//! What a lane takes from: the queue of one signal, and the way its items are encoded.

use tokio::sync::{Notify, oneshot};

use super::encode::{Encoder, ResourceBytes};
use super::{log, span};
use crate::DropReason;
use crate::core::Core;
use crate::layer::event::LogData;
use crate::layer::span_data::SpanData;
use crate::settings::Signal;

/// One export request.
pub(super) struct Batch {
    pub(super) items: u64,
    pub(super) body: Vec<u8>,
    /// Who made the request and waits for its end.
    pub(super) answer: Option<oneshot::Sender<()>>,
}

/// A queue and its encoder.
#[expect(
    clippy::vec_box,
    reason = "boxes move from the queue to here and back to the pool, never their contents"
)]
pub(super) enum Source {
    Spans { taken: Vec<Box<SpanData>>, encoder: Encoder, resource: ResourceBytes },
    Logs { taken: Vec<Box<LogData>>, encoder: Encoder, resource: ResourceBytes },
    Metrics,
}

impl Source {
    pub(super) fn signal(&self) -> Signal {
        match self {
            Self::Spans { .. } => Signal::Traces,
            Self::Logs { .. } => Signal::Logs,
            Self::Metrics => Signal::Metrics,
        }
    }

    pub(super) fn ready<'a>(&self, core: &'a Core) -> &'a Notify {
        match self {
            Self::Spans { .. } => &core.spans.ready,
            Self::Logs { .. } => &core.logs.ready,
            Self::Metrics => &core.metrics.ready,
        }
    }

    pub(super) fn waiting(&self, core: &Core) -> usize {
        match self {
            Self::Spans { .. } => core.spans.len(),
            Self::Logs { .. } => core.logs.len(),
            Self::Metrics => core.metrics.len(),
        }
    }

    /// The oldest items as a request; their memory goes back to the pool.
    pub(super) fn take(&mut self, core: &Core) -> Option<Batch> {
        match self {
            Self::Spans { taken, encoder, resource } => {
                core.spans.take(taken);
                for data in taken.iter_mut() {
                    #[cfg(feature = "audit")]
                    if let Some(auditor) = &core.auditor {
                        auditor.span(data);
                    }
                    span::add(encoder, data);
                    data.reset();
                }
                let items = taken.len() as u64;
                core.span_pool.put_all(taken.drain(..));
                (items > 0).then(|| Batch { items, body: encoder.request(resource), answer: None })
            }
            Self::Logs { taken, encoder, resource } => {
                core.logs.take(taken);
                for record in taken.iter_mut() {
                    #[cfg(feature = "audit")]
                    if let Some(auditor) = &core.auditor {
                        auditor.log(record);
                    }
                    log::add(encoder, record);
                    record.reset();
                }
                let items = taken.len() as u64;
                core.log_pool.put_all(taken.drain(..));
                (items > 0).then(|| Batch { items, body: encoder.request(resource), answer: None })
            }
            Self::Metrics => {
                let mut taken = Vec::with_capacity(1);
                core.metrics.take(&mut taken);
                let request = taken.pop()?;
                Some(Batch { items: request.points, body: request.body, answer: Some(request.answer) })
            }
        }
    }

    pub(super) fn settle(&self, core: &Core, exported: u64, dropped: u64, reason: DropReason) {
        match self {
            Self::Spans { .. } => core.spans.settle(exported, dropped, reason),
            Self::Logs { .. } => core.logs.settle(exported, dropped, reason),
            Self::Metrics => core.metrics.settle(exported, dropped, reason),
        }
    }

    /// Takes no more in; what waits is still sent.
    pub(super) fn seal(&self, core: &Core) {
        match self {
            Self::Spans { .. } => core.spans.seal(),
            Self::Logs { .. } => core.logs.seal(),
            Self::Metrics => core.metrics.seal(),
        }
    }

    /// Takes no more in and drops what waits.
    pub(super) fn close(&self, core: &Core) {
        match self {
            Self::Spans { .. } => core.spans.close(|_| 1),
            Self::Logs { .. } => core.logs.close(|_| 1),
            Self::Metrics => core.metrics.close(|request| request.points),
        }
    }
}
