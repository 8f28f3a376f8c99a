//! Sends the requests that Grafana's Tempo data source sends, recorded, and decodes the answers as
//! its client does. Takes the folder of requests; the program is named by `THROUGHLINE_BIN`.
//! Requests to other data sources are listed as not run.
#![allow(clippy::print_stdout, clippy::exit, reason = "a test program")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message as _;
use serde_json::Value;
use throughline_testkit::{Batch, Server, ServerOptions, SpanSpec, hex_trace_id};

/// `TraceByIDResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct TraceByIdResponse {
    #[prost(message, optional, tag = "1")]
    trace: Option<TracesData>,
    #[prost(message, optional, tag = "2")]
    metrics: Option<TraceByIdMetrics>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TraceByIdMetrics {
    #[prost(uint64, tag = "1")]
    inspected_bytes: u64,
}

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let data = PathBuf::from(std::env::args().nth(1).context("usage: grafana_conformance FOLDER")?);
    let program = std::env::var("THROUGHLINE_BIN").context("THROUGHLINE_BIN names the program")?;
    let server = Server::start(Path::new(&program), ServerOptions::default()).await?;
    let failing = SpanSpec { status: 2, ..SpanSpec::root(TRACE, "GET /cart") };
    let healthy = SpanSpec::root(TRACE + 1, "GET /");
    let batch =
        Batch::new().service("api", [failing, healthy]).service("db", [SpanSpec::child(TRACE, 2, "SELECT")]);
    ensure!(server.send_traces(batch.protobuf()).await?, "the spans were not accepted");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&data)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    files.sort();
    let (mut passed, mut failed, mut not_run) = (0, 0, 0);
    for file in files {
        let case: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        if case["datasource"] != "tempo" {
            not_run += 1;
            println!("not run: {} (data source {})", case["name"], case["datasource"]);
            continue;
        }
        match run(&server, &case).await {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                println!("FAILED {}: {error:#}", case["name"]);
            }
        }
    }
    println!("{passed} passed, {failed} failed, {not_run} skipped");
    // An exit drops nothing, and the program would go on.
    drop(server);
    std::process::exit(i32::from(failed > 0));
}

async fn run(server: &Server, case: &Value) -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let fill = |text: &str| {
        text.replace("${TRACE_ID}", &hex_trace_id(TRACE))
            .replace("${START_UNIX}", &(now - 3600).to_string())
            .replace("${END_UNIX}", &(now + 60).to_string())
    };
    let path = fill(case["request"]["path"].as_str().context("no path")?);
    let query: Vec<(String, String)> = case["request"]["query"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), fill(value.as_str()?))))
        .collect();
    let mut request = server.client().get(format!("{}{path}", server.url("tempo"))).query(&query);
    for (name, value) in case["request"]["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    ensure!(
        Some(u64::from(status)) == case["expect"]["status"].as_u64(),
        "status {status}: {}",
        String::from_utf8_lossy(&body)
    );
    match case["expect"]["decode"].as_str() {
        Some("tempo-trace-v1-proto") => {
            ensure!(!TracesData::decode(body)?.resource_spans.is_empty(), "no spans");
        }
        Some("tempo-trace-v2-proto") => {
            let envelope = TraceByIdResponse::decode(body)?;
            ensure!(envelope.metrics.is_some(), "no metrics");
            ensure!(!envelope.trace.context("no trace")?.resource_spans.is_empty(), "no spans");
        }
        Some("tempo-metrics-range") => {
            let body: Value = serde_json::from_slice(&body)?;
            let series = body["series"].as_array().context("no series")?;
            for rule in
                ["wire", "data"].iter().flat_map(|part| case["expect"][part].as_array().into_iter().flatten())
            {
                check_series(series, rule.as_str().context("a rule that is no text")?)?;
            }
        }
        other => anyhow::bail!("unknown decoder {other:?}"),
    }
    Ok(())
}

/// One rule of a case about the series of a metrics answer.
fn check_series(series: &[Value], rule: &str) -> anyhow::Result<()> {
    let (name, argument) = rule.split_once(':').unwrap_or((rule, ""));
    let label = |one: &Value, key: &str| {
        let labels = one["labels"].as_array().into_iter().flatten();
        labels.filter(|label| label["key"] == key).map(|label| label["value"]["stringValue"].clone()).next()
    };
    match name {
        "exemplars-not-null" => {
            ensure!(series.iter().all(|one| one["exemplars"].is_array()), "exemplars are no list");
        }
        "series-min" => ensure!(series.len() >= argument.parse()?, "{} series", series.len()),
        "every-series-label-key" => {
            ensure!(
                series.iter().all(|one| label(one, argument).is_some()),
                "a series without label {argument}"
            );
        }
        "compare-meta-types" => {
            for kind in argument.split(',') {
                let found = series.iter().any(|one| label(one, "__meta_type") == Some(kind.into()));
                ensure!(found, "no series of type {kind}");
            }
            let first = |one: &Value| one["labels"][0]["key"] == "__meta_type";
            ensure!(series.iter().all(first), "__meta_type is not the first label");
        }
        other => anyhow::bail!("unknown rule {other:?}"),
    }
    Ok(())
}
