//! An operation that nothing is done inside of: a send, an acknowledgement.

use std::borrow::Cow;
use std::error::Error;

use super::operation::{Account, Operation, begin, give_up, given_up};
use crate::SpanStatus;
use crate::clock;
use crate::core::Core;
use crate::layer::span_data::SpanData;
use crate::layer::{Slot, TelemetryLayer};
use crate::propagation::TraceContext;
use crate::record_error::{Exception, mark_current, record_on};

/// Such an operation on its way. Its span is never the current one, so that it is kept here and
/// not by `tracing`. Dropped without an outcome it counts as cancelled, or as failed when that
/// happens in a panic.
#[derive(Debug)]
pub(crate) struct Leaf {
    account: Account,
    cx: TraceContext,
    /// Present when the span is recorded.
    data: Option<Box<SpanData>>,
    decided: bool,
}

impl Leaf {
    /// Starts the operation below `parent`, or below the current span when there is none; `more`
    /// describes it further if its span is recorded. `None` when no telemetry runs.
    pub(crate) fn begin(
        operation: &Operation<'_>,
        parent: Option<&TraceContext>,
        more: impl FnOnce(&mut SpanData, &Core),
    ) -> Option<Self> {
        let core = TelemetryLayer::current()?;
        let (slot, started) = begin(&core, operation, parent, more);
        let Slot { cx, data } = slot.unwrap_or_else(|| Slot { cx: TraceContext::current(), data: None });
        if data.is_some() {
            core.span_started();
        }
        Some(Self { account: Account::open(core, operation, started), cx, data, decided: false })
    }

    /// What is to be carried by the message.
    pub(crate) fn context(&self) -> &TraceContext {
        &self.cx
    }

    /// How many messages it sends or delivers; one unless said.
    pub(crate) fn set_messages(&mut self, messages: usize) {
        self.account.messages = messages as u64;
    }

    /// Says that the operation started earlier, at this monotonic time.
    pub(crate) fn started_at(&mut self, monotonic_ns: u64) {
        self.account.started_at(monotonic_ns);
        if let Some(data) = &mut self.data {
            data.start_at(clock::wall_ns(monotonic_ns));
        }
    }

    /// Describes its span further, if that is recorded.
    pub(crate) fn more(&mut self, f: impl FnOnce(&mut SpanData, &Core)) {
        if let Some(data) = &mut self.data {
            f(data, self.account.core());
        }
    }

    /// Ends it as `outcome` says; an error is recorded on the span with `error_type` of it.
    pub(crate) fn finish<T, E: Error + 'static>(
        self,
        outcome: Result<T, E>,
        error_type: impl FnOnce(&E) -> Cow<'static, str>,
    ) -> Result<T, E> {
        match &outcome {
            Ok(_) => self.succeed(),
            Err(error) => {
                let error_type = error_type(error);
                self.fail(error, &error_type);
            }
        }
        outcome
    }

    pub(crate) fn succeed(mut self) {
        self.decide(None);
    }

    pub(crate) fn fail(mut self, error: &(dyn Error + 'static), error_type: &str) {
        if let Some(data) = &mut self.data {
            let exception = Exception::of(error);
            if record_on(data, self.account.core(), &self.cx, &exception, error_type) {
                mark_current(&exception);
            }
        }
        self.decide(Some(error_type));
    }

    /// Ends it as failed because an answer says so: no error of this process.
    pub(crate) fn refused(mut self, error_type: &str, reason: &str) {
        if let Some(data) = &mut self.data {
            let limits = self.account.core().settings.span_limits.fields;
            data.fields.set_str("error.type", error_type, limits);
            data.set_status(SpanStatus::Error(reason.to_owned()));
        }
        self.decide(Some(error_type));
    }

    fn decide(&mut self, error_type: Option<&str>) {
        self.decided = true;
        let now = clock::monotonic_ns();
        self.account.close(&self.cx, now, error_type);
        if let Some(mut data) = self.data.take() {
            data.end_at(now);
            data.finish(std::mem::take(&mut self.cx));
            self.account.core().span_ended(data);
        }
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        if !self.decided {
            let core = self.account.core();
            let error_type = self.data.as_mut().map_or_else(given_up, |data| give_up(data, core));
            self.decide(error_type);
        }
    }
}
