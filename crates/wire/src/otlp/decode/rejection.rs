//! Items of a request that cannot be kept, and warnings about kept ones.

use throughline_model::Signal;

/// Counts rejected items and remembers the first reason.
#[derive(Debug, Default)]
pub(super) struct Rejection {
    rejected: u64,
    reason: Option<String>,
    warned: u64,
    warning: Option<String>,
}

impl Rejection {
    /// An item was left out.
    #[cold]
    pub(super) fn reject(&mut self, reason: impl FnOnce() -> String) {
        self.rejected += 1;
        self.reason.get_or_insert_with(reason);
    }

    /// An item was kept without a part of it.
    #[cold]
    pub(super) fn warn(&mut self, warning: impl FnOnce() -> String) {
        self.warned += 1;
        self.warning.get_or_insert_with(warning);
    }

    pub(super) fn count(&self) -> u64 {
        self.rejected
    }

    /// English for the sender's log.
    pub(super) fn message(&self, signal: Signal) -> Option<String> {
        let items = signal.items().replace('_', " ");
        let rejected = self
            .reason
            .as_ref()
            .map(|reason| format!("{} {items} rejected, the first because {reason}", self.rejected));
        let warned = self
            .warning
            .as_ref()
            .map(|warning| format!("{} {items} kept in part, the first because {warning}", self.warned));
        match (rejected, warned) {
            (Some(rejected), Some(warned)) => Some(format!("{rejected}; {warned}")),
            (rejected, warned) => rejected.or(warned),
        }
    }
}
