//! Why a sink or a limiter did not take a request, and what the sender should do.

use std::time::Duration;

/// What the sender should do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Too much at once: try again after a delay.
    Overloaded,
    /// Not possible for now (disk full, shutting down): try again after a delay.
    Unavailable,
    /// The data is wrong: do not try again.
    Invalid,
    /// A fault of ours that trying again does not mend.
    Internal,
}

/// A request that was not accepted. Nothing of it may be assumed stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What the sender should do.
    pub kind: RefusalKind,
    /// One English sentence for the sender.
    pub message: String,
    /// When to try again, for retryable kinds.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Refuses because there is too much at once.
    #[must_use]
    pub fn overloaded(message: impl Into<String>, retry_after: Duration) -> Self {
        Self { kind: RefusalKind::Overloaded, message: message.into(), retry_after: Some(retry_after) }
    }

    /// Refuses because it is not possible for now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>, retry_after: Duration) -> Self {
        Self { kind: RefusalKind::Unavailable, message: message.into(), retry_after: Some(retry_after) }
    }

    /// Refuses for good because the data is wrong.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Invalid, message: message.into(), retry_after: None }
    }

    /// Refuses for good because of a fault of ours.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Internal, message: message.into(), retry_after: None }
    }

    /// Whether the sender should try again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, RefusalKind::Overloaded | RefusalKind::Unavailable)
    }

    /// Of two refusals of the same request, the one to answer with: a retryable one, because the
    /// sink that gave it may still take the data; of two retryable ones, the longer delay.
    #[must_use]
    pub fn prevailing(self, other: Self) -> Self {
        match (self.is_retryable(), other.is_retryable()) {
            (true, false) => self,
            (false, true) => other,
            _ if other.retry_after > self.retry_after => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retryable_refusal_prevails_and_of_two_the_longer_delay() {
        let bad = Refusal::invalid("bad");
        let soon = Refusal::overloaded("soon", Duration::from_secs(1));
        let late = Refusal::unavailable("late", Duration::from_secs(9));
        assert_eq!(bad.clone().prevailing(soon.clone()), soon);
        assert_eq!(soon.clone().prevailing(bad.clone()), soon);
        assert_eq!(soon.prevailing(late.clone()), late);
        assert_eq!(bad.clone().prevailing(Refusal::internal("x")), bad);
    }
}
