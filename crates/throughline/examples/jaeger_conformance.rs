//! Runs Jaeger's storage fixtures against the program: every search must find exactly its traces,
//! through both generations of the API. Takes the folder with `queries.json` and `traces/`; the
//! program is named by `THROUGHLINE_BIN`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::exit, reason = "a test program")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use throughline_testkit::{Server, ServerOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let data = PathBuf::from(std::env::args().nth(1).context("usage: jaeger_conformance FOLDER")?);
    let program = std::env::var("THROUGHLINE_BIN").context("THROUGHLINE_BIN names the program")?;
    let server = Server::start(Path::new(&program), ServerOptions::default()).await?;
    for entry in std::fs::read_dir(data.join("traces"))? {
        let path = entry?.path();
        let body = std::fs::read(&path)?;
        let request = server.client().post(format!("{}/v1/traces", server.url("otlp/http")));
        let answer = request.header("content-type", "application/json").body(body).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{}: {}", path.display(), answer.text().await?);
    }
    let queries: Value = serde_json::from_slice(&std::fs::read(data.join("queries.json"))?)?;
    let (mut passed, mut failed) = (0, 0);
    for query in queries.as_array().context("no queries")? {
        let wanted = wanted(query, &data)?;
        for (generation, found) in [("v1", legacy(&server, query).await), ("v3", v3(&server, query).await)] {
            let found = found.with_context(|| format!("{generation} {}", query["Caption"]));
            match found {
                Ok(found) if found == wanted => passed += 1,
                other => {
                    failed += 1;
                    println!("FAILED {generation} {}: wanted {wanted:?}, found {other:?}", query["Caption"]);
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    // Killed on drop, which an exit would skip.
    drop(server);
    std::process::exit(i32::from(failed > 0));
}

fn wanted(query: &Value, data: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for fixture in query["ExpectedFixtures"].as_array().context("no fixtures")? {
        let path = data.join("traces").join(format!("{}.json", fixture.as_str().unwrap()));
        let text = std::fs::read_to_string(path)?;
        let trace: Value = serde_json::from_str(&text)?;
        let id =
            trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"].as_str().context("no id")?;
        ids.insert(id.to_owned());
    }
    Ok(ids)
}

fn conditions(query: &Value) -> (String, String, Option<String>, Vec<(&'static str, String)>) {
    let query = &query["Query"];
    let text = |key: &str| query[key].as_str().unwrap_or_default().to_owned();
    let tags = query["Tags"].as_object().map(|tags| {
        let tags = tags.iter().map(|(key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), Value::String(value))
        });
        Value::Object(tags.collect()).to_string()
    });
    let mut durations = Vec::new();
    for key in ["DurationMin", "DurationMax"] {
        if let Some(ns) = query[key].as_u64().filter(|ns| *ns > 0) {
            durations.push((key, format!("{ns}ns")));
        }
    }
    (text("ServiceName"), text("OperationName"), tags, durations)
}

fn micros(time: &Value) -> String {
    let shown = std::process::Command::new("date")
        .args(["-u", "-d", time.as_str().unwrap(), "+%s%6N"])
        .output()
        .unwrap();
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}

async fn legacy(server: &Server, query: &Value) -> anyhow::Result<BTreeSet<String>> {
    let (service, operation, tags, durations) = conditions(query);
    let mut parameters = vec![
        ("service", service),
        ("start", micros(&query["Query"]["StartTimeMin"])),
        ("end", micros(&query["Query"]["StartTimeMax"])),
        ("limit", query["Query"]["NumTraces"].to_string()),
    ];
    if !operation.is_empty() {
        parameters.push(("operation", operation));
    }
    parameters.extend(tags.map(|tags| ("tags", tags)));
    for (key, text) in durations {
        parameters.push((if key == "DurationMin" { "minDuration" } else { "maxDuration" }, text));
    }
    let answer =
        server.client().get(format!("{}/api/traces", server.url("jaeger"))).query(&parameters).send().await?;
    let body: Value = answer.error_for_status()?.json().await?;
    let ids =
        body["data"].as_array().context("no data")?.iter().filter_map(|trace| trace["traceID"].as_str());
    Ok(ids.map(|id| format!("{id:0>32}")).collect())
}

async fn v3(server: &Server, query: &Value) -> anyhow::Result<BTreeSet<String>> {
    let (service, operation, tags, durations) = conditions(query);
    let text = |key: &str| query["Query"][key].as_str().unwrap_or_default().to_owned();
    let mut parameters = vec![
        ("query.serviceName", service),
        ("query.startTimeMin", text("StartTimeMin")),
        ("query.startTimeMax", text("StartTimeMax")),
        ("query.searchDepth", query["Query"]["NumTraces"].to_string()),
    ];
    if !operation.is_empty() {
        parameters.push(("query.operationName", operation));
    }
    parameters.extend(tags.map(|tags| ("query.attributes", tags)));
    for (key, text) in durations {
        parameters.push((if key == "DurationMin" { "query.durationMin" } else { "query.durationMax" }, text));
    }
    let url = format!("{}/api/v3/traces", server.url("jaeger"));
    let answer = server.client().get(url).query(&parameters).send().await?;
    if answer.status().as_u16() == 404 {
        return Ok(BTreeSet::new());
    }
    let body: Value = answer.error_for_status()?.json().await?;
    let mut ids = BTreeSet::new();
    for resource in body["result"]["resourceSpans"].as_array().context("no spans")? {
        for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
            for span in scope["spans"].as_array().into_iter().flatten() {
                ids.insert(span["traceId"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    Ok(ids)
}
