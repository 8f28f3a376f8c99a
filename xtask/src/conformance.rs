//! Others' test data, run by path and never copied here.

use std::path::Path;

use anyhow::bail;

use crate::command::{cargo, command, run as run_command, target};

const SUITES: &[&str] = &["traceql", "otlp", "jaeger", "grafana"];

/// Runs one suite or all.
pub(crate) fn run(suite: &str, data: &Path) -> anyhow::Result<()> {
    if !data.is_dir() {
        bail!("no folder {}", data.display());
    }
    let chosen: Vec<&str> = SUITES.iter().copied().filter(|name| suite == "all" || suite == *name).collect();
    if chosen.is_empty() {
        bail!("no suite {suite:?}; there are: {}, all", SUITES.join(", "));
    }
    for name in chosen {
        println!("── conformance: {name} ──");
        one(name, data)?;
    }
    Ok(())
}

fn one(suite: &str, data: &Path) -> anyhow::Result<()> {
    let path = |below: &str| data.join(below).display().to_string();
    match suite {
        "traceql" => {
            let files = [
                path("traceql/test_examples.yaml"),
                path("grafana/ql-inventory/traceql-feature-inventory.json"),
            ];
            example("throughline-lang", "traceql_conformance", &files)
        }
        "otlp" => example("throughline-wire", "otlp_conformance", &[path("otlp")]),
        "jaeger" => against_server("jaeger_conformance", &path("jaeger")),
        _ => against_server("grafana_conformance", &path("grafana/requests")),
    }
}

fn example(package: &str, example: &str, data: &[String]) -> anyhow::Result<()> {
    let mut arguments = vec!["run", "--quiet", "-p", package, "--example", example, "--"];
    arguments.extend(data.iter().map(String::as_str));
    cargo(&arguments)
}

/// Suites that talk HTTP to a running server, which the example starts.
fn against_server(name: &str, data: &str) -> anyhow::Result<()> {
    cargo(&["build", "--quiet", "--workspace", "--all-features", "--bins", "--examples"])?;
    let program = target().join("debug/examples").join(name).display().to_string();
    run_command(command(&program, &[data]).env("THROUGHLINE_BIN", target().join("debug/throughline")))
}
