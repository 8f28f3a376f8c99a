//! Waiting for a condition instead of for a time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Asks again and again until the answer is good; gives up after ten seconds with the last error.
pub(crate) fn until<T, E: Debug>(what: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(10), "{what}: {error:?}"),
        }
        std::thread::sleep(Duration::from_millis(10)); // sleeps: between two questions
    }
}
