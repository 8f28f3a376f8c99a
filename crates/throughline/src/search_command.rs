//! `throughline search`: a table of the traces found.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::client::{get, number};
use crate::output;

/// Searches and prints.
pub async fn run(query: &str, since: &str, limit: usize, args: &ClientArgs) -> anyhow::Result<()> {
    let since = humantime::parse_duration(since)
        .with_context(|| format!("--since {since:?}: expected 15m, 2h or 7d"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let start = now.saturating_sub(since);
    let parameters = [
        ("q", query.to_owned()),
        ("start", start.as_secs().to_string()),
        ("end", (now.as_secs() + 1).to_string()),
        ("limit", limit.to_string()),
    ];
    let found = get(args, "/api/v1/search", &parameters).await?;
    if args.json {
        return output::line(&serde_json::to_string_pretty(&found)?);
    }
    output::text(&table(&found))
}

fn table(found: &Value) -> String {
    let traces = found["traces"].as_array().map(Vec::as_slice).unwrap_or_default();
    if traces.is_empty() {
        return "no trace matches; try a longer --since, or `{}` to see whether any arrived\n".to_owned();
    }
    let mut out = format!("{:32}  {:>9}  {:>5}  {:>6}  {}\n", "trace", "duration", "spans", "errors", "root");
    for trace in traces {
        let text = |key: &str| trace[key].as_str().unwrap_or_default();
        // Writing to a String cannot fail.
        writeln!(
            out,
            "{:32}  {:>9}  {:>5}  {:>6}  {}: {}",
            text("traceId"),
            output::duration(number(&trace["durationNs"])),
            trace["spanCount"].to_string(),
            trace["errorCount"].to_string(),
            text("rootService"),
            text("rootName"),
        )
        .ok();
    }
    if found["complete"] == Value::Bool(false) {
        out.push_str("there are more, or a limit was reached: narrow the query or raise --limit\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_trace_and_a_hint_when_there_is_none() {
        let found = serde_json::json!({"complete": true, "traces": [{"traceId": "0af7651916cd43dd8448eb211c80319c",
            "rootService": "shop", "rootName": "GET /", "durationNs": "1500000", "spanCount": 3, "errorCount": 1}]});
        expect_test::expect![[r"
            trace                              duration  spans  errors  root
            0af7651916cd43dd8448eb211c80319c    1.50 ms      3       1  shop: GET /
        "]]
        .assert_eq(&table(&found));
        assert!(table(&serde_json::json!({"traces": []})).contains("longer --since"));
    }
}
