//! `throughline trace`: a waterfall in the terminal.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::ClientArgs;
use crate::client::{get, number};
use crate::output;

/// Fetches a trace and prints it.
pub async fn run(id: &str, args: &ClientArgs) -> anyhow::Result<()> {
    let id = throughline_model::TraceId::from_hex(id)?;
    let trace = get(args, &format!("/api/v1/traces/{id}"), &[]).await?;
    if args.json {
        return output::line(&serde_json::to_string_pretty(&trace)?);
    }
    output::text(&waterfall(&trace, output::width(), output::colour()))
}

const RED: &str = "\x1b[31m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

fn waterfall(trace: &Value, width: usize, colour: bool) -> String {
    let spans = trace["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (start, end) = (number(&trace["startNs"]), number(&trace["endNs"]));
    let errors = spans.iter().filter(|span| span["status"] == "error").count();
    let mut out = format!(
        "{}  {} spans, {errors} errors, {}\n",
        trace["traceId"].as_str().unwrap_or_default(),
        spans.len(),
        output::duration(end - start)
    );
    let depths = depths(spans);
    let bar_width = width / 3;
    let label_width = width - bar_width - 12;
    for (span, depth) in spans.iter().zip(depths) {
        let text = |key: &str| span[key].as_str().unwrap_or_default();
        let failed = text("status") == "error";
        let mark = match (failed, span["orphan"] == Value::Bool(true)) {
            (true, _) => "✗ ",
            (false, true) => "? ",
            _ => "",
        };
        let label = format!("{}{mark}{} {}", "  ".repeat(depth.min(20)), text("service"), text("name"));
        let label = clip(&label, label_width);
        let bar = bar(number(&span["startNs"]) - start, number(&span["durationNs"]), end - start, bar_width);
        let took = output::duration(number(&span["durationNs"]));
        let (open, close) = match (colour, failed) {
            (false, _) => ("", ""),
            (true, true) => (RED, RESET),
            (true, false) => (DIM, RESET),
        };
        // Writing to a String cannot fail.
        writeln!(out, "{label:label_width$} {open}{bar}{close} {took:>9}").ok();
        if failed && !text("statusMessage").is_empty() {
            writeln!(out, "{}  {}", "  ".repeat(depth.min(20)), clip(text("statusMessage"), width - 4)).ok();
        }
    }
    out
}

/// How deep each span is; spans come in waterfall order, parents first.
fn depths(spans: &[Value]) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let depth = |span| {
        let span: &Value = span;
        let parent = span["parentSpanId"].as_str();
        let depth = parent.and_then(|parent| known.get(parent)).map_or(0, |depth| depth + 1);
        known.insert(span["spanId"].as_str().unwrap_or_default(), depth);
        depth
    };
    spans.iter().map(depth).collect()
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn bar(offset_ns: i64, duration_ns: i64, total_ns: i64, width: usize) -> String {
    let cells = |ns: i64| {
        let total = u128::from(total_ns.max(1).unsigned_abs());
        let cells = u128::from(ns.max(0).unsigned_abs()) * width as u128 / total;
        usize::try_from(cells).unwrap_or(width)
    };
    let from = cells(offset_ns).min(width - 1);
    let length = cells(duration_ns).max(1).min(width - from);
    format!("{}{}{}", "·".repeat(from), "█".repeat(length), "·".repeat(width - from - length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waterfall_shows_depth_time_and_errors() {
        let trace = serde_json::json!({"traceId": "01", "startNs": "0", "endNs": "9000000", "spans": [
            {"spanId": "a", "parentSpanId": null, "service": "web", "name": "GET /", "startNs": "0", "durationNs": "9000000", "status": "unset"},
            {"spanId": "b", "parentSpanId": "a", "service": "db", "name": "SELECT", "startNs": "3000000", "durationNs": "3000000", "status": "error", "statusMessage": "locked"},
            {"spanId": "c", "parentSpanId": "z", "service": "db", "name": "x", "startNs": "9000000", "durationNs": "0", "status": "ok", "orphan": true},
        ]});
        expect_test::expect![[r"
            01  3 spans, 1 errors, 9.00 ms
            web GET /                    ████████████████████   9.00 ms
              ✗ db SELECT                ······██████········   3.00 ms
                locked
            ? db x                       ···················█      0 ns
        "]]
        .assert_eq(&waterfall(&trace, 60, false));
    }
}
