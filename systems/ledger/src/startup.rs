//! Waiting at start for the servers that a service cannot do without.

use std::fmt::Display;
use std::time::Duration;

use anyhow::anyhow;

use crate::config::Config;

/// Pause after the first try; it doubles up to the configured one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Tries `reach` until it works, saying what is waited for.
///
/// # Errors
/// It did not work as often as the configuration allows.
pub(crate) async fn reached<T, E: Display>(
    what: &str,
    config: &Config,
    mut reach: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    let mut pause = FIRST_PAUSE;
    let tries = config.start_tries.max(1);
    for number in 1.. {
        match reach().await {
            Ok(reached) => return Ok(reached),
            Err(error) if number >= tries => {
                return Err(anyhow!("{what} could not be reached in {tries} tries: {error:#}"));
            }
            Err(error) => {
                tracing::warn!(%what, error = format!("{error:#}"), number, tries, "waiting for a server");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(config.start_pause_ms));
    }
    Err(anyhow!("{what} was never tried"))
}
