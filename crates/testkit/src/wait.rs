//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

/// Asks again and again until the answer is `Some`; after `limit` an error that says what was
/// waited for.
///
/// # Errors
/// The condition did not come true in time.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if started.elapsed() > limit {
            anyhow::bail!("{what}: not within {limit:?}");
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
