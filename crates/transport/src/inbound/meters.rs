//! What a receiver counts.

use throughline_model::Signal;
use throughline_pipeline::Registry;
use throughline_pipeline::metrics::{
    Counter, RECEIVER_BYTES, RECEIVER_REJECTED, RECEIVER_REQUESTS, receiver_accepted, receiver_refused,
};

use super::fault::{Fault, Outcome};
use super::intake::Taken;

/// The counters of one receiver and transport.
#[derive(Debug)]
pub(super) struct Meters([SignalMeters; 3]);

#[derive(Debug)]
pub(super) struct SignalMeters {
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
    rejected: Counter,
    pub(super) bytes: Counter,
    success: Counter,
    partial: Counter,
    turned_away: Counter,
    failure: Counter,
}

impl Meters {
    pub(super) fn new(receiver: &str, transport: &str, registry: &Registry) -> Self {
        Self(Signal::ALL.map(|signal| {
            let by_transport = [("receiver", receiver), ("transport", transport)];
            let by_signal = [("receiver", receiver), ("transport", transport), ("signal", signal.name())];
            let requests = |outcome| {
                let [receiver, transport, signal] = by_signal;
                registry.counter(&RECEIVER_REQUESTS, &[receiver, transport, signal, ("outcome", outcome)])
            };
            SignalMeters {
                accepted: registry.counter(receiver_accepted(signal), &by_transport),
                refused: registry.counter(receiver_refused(signal), &by_transport),
                rejected: registry.counter(&RECEIVER_REJECTED, &by_signal),
                bytes: registry.counter(&RECEIVER_BYTES, &by_signal),
                success: requests("success"),
                partial: requests("partial"),
                turned_away: requests("refused"),
                failure: requests("failure"),
            }
        }))
    }

    pub(super) fn of(&self, signal: Signal) -> &SignalMeters {
        let [traces, logs, metrics] = &self.0;
        match signal {
            Signal::Traces => traces,
            Signal::Logs => logs,
            Signal::Metrics => metrics,
        }
    }
}

impl SignalMeters {
    /// Counts an answer.
    pub(super) fn answered(&self, answer: &Result<Taken, Fault>) {
        let outcome = match answer {
            Ok(taken) => {
                self.rejected.add(taken.rejected);
                if taken.rejected > 0 { Outcome::Partial } else { Outcome::Success }
            }
            Err(fault) => fault.outcome(),
        };
        match outcome {
            Outcome::Success => &self.success,
            Outcome::Partial => &self.partial,
            Outcome::Refused => &self.turned_away,
            Outcome::Failure => &self.failure,
        }
        .add(1);
    }
}
