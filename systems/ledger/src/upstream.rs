//! The client with which services call each other.

use std::time::Duration;

use throughline_toolkit::http::client::TracedClient;

use crate::config::Config;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// A client with the configured time-out, which follows no redirects.
pub(crate) fn client(config: &Config) -> anyhow::Result<TracedClient> {
    let client = reqwest::Client::builder()
        .timeout(config.upstream_timeout())
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(TracedClient::new(client))
}
