//! Asking a running server.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::cli::ClientArgs;

/// GETs a path of the native API; errors in the server's own words.
pub async fn get(args: &ClientArgs, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
    let url = format!("{}{path}", args.server.trim_end_matches('/'));
    let request = reqwest::Client::new().get(&url).query(query).header("X-Scope-OrgID", &args.tenant);
    let hint =
        || format!("{} does not answer; is `throughline serve` running? (--server says where)", args.server);
    let answer = request.send().await.with_context(hint)?;
    let status = answer.status();
    let body: Value = answer.json().await.with_context(|| format!("{url} did not answer with JSON"))?;
    if status.is_success() {
        return Ok(body);
    }
    let message = body["error"]["message"].as_str().unwrap_or("no reason given");
    match body["error"]["position"].as_u64() {
        Some(position) => bail!("{message} (at character {position})"),
        None => bail!("{message}"),
    }
}

/// A number that the API sends as text.
pub fn number(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_i64()).unwrap_or_default()
}
