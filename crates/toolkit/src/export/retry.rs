//! When a refused export is tried again, and after how long.

use std::time::Duration;

use crate::ids;

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The collector took the request, less `rejected` items.
    Accepted { rejected: u64, message: String },
    /// It may take the same request later; perhaps it said when.
    Retryable { why: String, after: Option<Duration>, unreachable: bool },
    /// It never will.
    Refused { why: String },
}

/// The answer to an HTTP status other than 2xx.
pub(super) fn http(status: u16, why: String, after: Option<Duration>) -> Attempt {
    match status {
        429 | 502 | 503 | 504 => Attempt::Retryable { why, after, unreachable: false },
        _ => Attempt::Refused { why },
    }
}

/// The answer to a gRPC status other than OK. RESOURCE_EXHAUSTED is retryable only when the
/// server said when to come back.
pub(super) fn grpc(code: u32, why: String, after: Option<Duration>) -> Attempt {
    match code {
        1 | 4 | 10 | 11 | 14 | 15 => Attempt::Retryable { why, after, unreachable: false },
        8 if after.is_some() => Attempt::Retryable { why, after, unreachable: false },
        _ => Attempt::Refused { why },
    }
}

/// Growing waits between attempts, spread so that a fleet does not return all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);
/// A server cannot make us wait longer than this.
const ASKED_MAX: Duration = Duration::from_secs(30);

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The wait before the next attempt: what the server asked for, or half to all of a delay
    /// that doubles.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(LAST);
        asked.map_or_else(|| delay / 2 + ids::jitter(delay / 2), |asked| asked.min(ASKED_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_exactly_the_statuses_of_the_specification() {
        for status in [429, 502, 503, 504] {
            assert!(matches!(http(status, String::new(), None), Attempt::Retryable { .. }));
        }
        for status in [400, 401, 403, 404, 408, 413, 415, 500, 501] {
            assert!(matches!(http(status, String::new(), None), Attempt::Refused { .. }), "{status}");
        }
        for code in [1, 4, 10, 11, 14, 15] {
            assert!(matches!(grpc(code, String::new(), None), Attempt::Retryable { .. }), "{code}");
        }
        for code in [2, 3, 5, 6, 7, 8, 9, 12, 13, 16] {
            assert!(matches!(grpc(code, String::new(), None), Attempt::Refused { .. }), "{code}");
        }
        let after = Some(Duration::from_secs(1));
        assert!(matches!(grpc(8, String::new(), after), Attempt::Retryable { .. }));
    }

    #[test]
    fn waits_longer_each_time_up_to_a_bound() {
        let mut backoff = Backoff::new();
        assert!(backoff.wait(None) <= FIRST);
        for _ in 0..20 {
            backoff.wait(None);
        }
        assert!(backoff.wait(None) <= LAST);
        assert_eq!(backoff.wait(Some(Duration::from_secs(999))), ASKED_MAX);
    }
}
