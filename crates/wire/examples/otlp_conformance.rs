//! Runs the OTLP JSON examples of the specification through the codec.
//!
//! `otlp_conformance DIRECTORY` (or `OTLP_CONFORMANCE_DATA`): every `*.json` there must decode,
//! hold at least one item, and come back equal through protobuf and JSON. No directory, or one
//! without examples, is a failure.

#![allow(clippy::print_stdout, reason = "a test program")]

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use throughline_model::Signal;
use throughline_wire::otlp::{self, Encoding};

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os()
        .nth(1)
        .or_else(|| std::env::var_os("OTLP_CONFORMANCE_DATA"))
        .context("name the directory of examples, as argument or in OTLP_CONFORMANCE_DATA")?;
    let mut examples = 0;
    for entry in std::fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let items = check(&path).with_context(|| path.display().to_string())?;
            println!("{}: {items} items", path.display());
            examples += 1;
        }
    }
    ensure!(examples > 0, "no examples in {}", directory.display());
    println!("{examples} examples passed");
    Ok(())
}

fn check(path: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read(path)?;
    let document: Value = serde_json::from_slice(&text)?;
    let signal = if document.get("resourceSpans").is_some() {
        Signal::Traces
    } else if document.get("resourceLogs").is_some() {
        Signal::Logs
    } else if document.get("resourceMetrics").is_some() {
        Signal::Metrics
    } else {
        bail!("not a request of any signal");
    };
    let decoded = otlp::decode(signal, Encoding::Json, &text)?;
    ensure!(decoded.accepted > 0, "nothing was accepted");
    ensure!(decoded.rejected == 0 && decoded.rejection.is_none(), "rejected: {:?}", decoded.rejection);
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let again = otlp::encode(signal, &decoded.batch, encoding)?;
        let again = otlp::decode(signal, encoding, &again)?;
        ensure!(again.batch == decoded.batch, "another batch through {encoding:?}");
    }
    let ours: Value = serde_json::from_slice(&otlp::encode(signal, &decoded.batch, Encoding::Json)?)?;
    ensure!(normal(&ours) == normal(&document), "our JSON says something else:\n{ours:#}");
    Ok(decoded.accepted)
}

/// What may differ: the case of ids, how numbers are written, fields with default values, and the
/// order of attributes.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match (name.as_str(), value) {
                ("traceId" | "spanId" | "parentSpanId", Value::String(id)) => {
                    (name.clone(), id.to_lowercase().into())
                }
                _ => (name.clone(), normal(value)),
            });
            Value::Object(fields.filter(|(name, value)| !is_default(name, value)).collect())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(normal).collect();
            if values.iter().all(|value| value.get("key").is_some()) {
                values.sort_by_key(|value| value.get("key").map(ToString::to_string));
            }
            Value::Array(values)
        }
        Value::Number(number) => {
            number.as_f64().map_or(Value::Null, |number| Value::String(number.to_string()))
        }
        other => other.clone(),
    }
}

fn is_default(name: &str, value: &Value) -> bool {
    // Zero of a field without presence is the same as none; `min`, `max` and values have presence.
    matches!(name, "scale" | "zeroThreshold" | "zeroCount" | "flags") && *value == Value::String("0".into())
}
