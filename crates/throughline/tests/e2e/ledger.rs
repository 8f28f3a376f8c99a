//! The ledger system through the platform: C2's one trace, from the transfer through SQL, the
//! outbox and Kafka to the projection, as the platform's API tells it.

use std::fmt::Write as _;

use serde_json::Value;
use throughline_testkit::{ServerOptions, until};

use crate::demo::{attribute, find, spans};
use crate::{PATIENCE, PROGRAM, start_with};

/// What a transfer looks like when both accounts are known to the ledger and nothing is in its way.
const TRANSFER: &str = "\
POST /v1/transfers [server orchestrator]
  Transfer [internal orchestrator]
    SET [client orchestrator]
    POST [client orchestrator]
      POST /v1/entries [server ledger]
        PostEntry [internal ledger]
          BEGIN [client ledger]
          INSERT requests [client ledger]
          SELECT accounts [client ledger]
          INSERT entries [client ledger]
          INSERT postings [client ledger]
          UPDATE accounts [client ledger]
          create ledger.entry.v1 [producer ledger]
            INSERT outbox [client ledger]
            process ledger.entry.v1 [consumer read-model]
              consume EntryPosted [internal read-model]
                BEGIN [client read-model]
                INSERT inbox [client read-model]
                INSERT statements [client read-model]
                INSERT balances [client read-model]
                INSERT statements [client read-model]
                INSERT balances [client read-model]
                COMMIT [client read-model]
              commit ledger.entry.v1 [client read-model]
          UPDATE requests [client ledger]
          COMMIT [client ledger]
    EVAL [client orchestrator]
";

/// Waiting for a connection is a span only when it takes long.
const WAIT: &str = "acquire connection";

/// The trace as an indented tree, siblings by their start.
fn tree(trace: &Value) -> String {
    let mut text = String::new();
    below(trace, &Value::Null, 0, &mut text);
    text
}

fn below(trace: &Value, parent: &Value, depth: usize, text: &mut String) {
    let mut children: Vec<&Value> =
        spans(trace).iter().filter(|span| span["parentSpanId"] == *parent && span["name"] != WAIT).collect();
    children.sort_by_key(|span| span["startNs"].as_str().and_then(|ns| ns.parse::<i64>().ok()));
    for span in children {
        let [name, kind, service] = ["name", "kind", "service"].map(|key| span[key].as_str().unwrap());
        writeln!(text, "{:1$}{name} [{kind} {service}]", "", 2 * depth).unwrap();
        below(trace, &span["spanId"], depth + 1, text);
    }
}

fn named<'a>(trace: &'a Value, name: &str) -> &'a Value {
    let mut found = spans(trace).iter().filter(|span| span["name"] == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in\n{}", tree(trace)));
    assert!(found.next().is_none(), "several {name} in\n{}", tree(trace));
    span
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_transfer_to_its_projection() {
    let servers = throughline_services::running().unwrap();
    let [postgres, redis, kafka] = [&servers.postgres, &servers.redis, &servers.kafka].map(String::as_str);
    let arguments = ["demo", "--system", "ledger", "--any-port", "--rate", "20", "--postgres-url", postgres];
    let arguments = [&arguments[..], &["--redis-url", redis, "--kafka", kafka]].concat();
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    let server = start_with(ServerOptions { arguments, ..ServerOptions::default() }).await;

    let trace = find(&server, "a whole transfer", "{ name = \"consume EntryPosted\" }", |trace| {
        (tree(trace) == TRANSFER).then(|| trace.clone())
    })
    .await;

    assert!(spans(&trace).iter().all(|span| span["status"] != "error" && span["orphan"] == false));
    let create = named(&trace, "create ledger.entry.v1");
    let process = named(&trace, "process ledger.entry.v1");
    let links = process["links"].as_array().unwrap();
    assert_eq!(links.len(), 1, "{links:?}");
    assert_eq!((&links[0]["traceId"], &links[0]["spanId"]), (&trace["traceId"], &create["spanId"]));
    let consume = named(&trace, "consume EntryPosted");
    assert_eq!(attribute(consume, "event_type"), Some("EntryPosted"));
    assert_eq!(attribute(consume, "kafka.topic"), Some("ledger.entry.v1"));

    // The relay's trace is another: it links to where the message was created, and the platform
    // leads there from the transfer.
    let relayed = until("the relay's link back", PATIENCE, || async {
        let id = trace["traceId"].as_str()?;
        let (_, trace) = server.get("ui", &format!("/api/v1/traces/{id}")).await.ok()?;
        let linked = trace["linkedFrom"].as_array()?.clone();
        let from_elsewhere = linked.into_iter().find(|link| link["traceId"] != trace["traceId"])?;
        Some(from_elsewhere)
    })
    .await
    .unwrap();
    assert_eq!(relayed["targetSpanId"], create["spanId"]);
    let (_, relay) =
        server.get("ui", &format!("/api/v1/traces/{}", relayed["traceId"].as_str().unwrap())).await.unwrap();
    let poll = named(&relay, "processOutbox");
    assert_eq!((&poll["parentSpanId"], &poll["service"]), (&Value::Null, &"ledger".into()));
    let published = spans(&relay).iter().find(|span| span["spanId"] == relayed["spanId"]).unwrap();
    assert_eq!((&published["name"], &published["kind"]), (&"publishEvent".into(), &"client".into()));
    assert_eq!(published["parentSpanId"], poll["spanId"]);
    for key in ["event_id", "event_type", "aggregate_id", "kafka.topic"] {
        assert_eq!(attribute(published, key), attribute(consume, key), "{key}");
    }

    for metric in [
        "ledger_entries_created_total",
        "outbox_relay_latency_seconds",
        "consumer_lag",
        "transfer_latency_seconds",
    ] {
        until(metric, PATIENCE * 2, || async {
            let (_, metrics) = server.get("ui", "/api/v1/metrics").await.ok()?;
            metrics["metrics"].as_array()?.iter().find(|found| found["name"] == metric).map(|_| ())
        })
        .await
        .unwrap();
    }
    let (well, _folder) = server.terminate().await.unwrap();
    assert!(well, "Ctrl-C stops the demonstration cleanly");
}

#[test]
fn what_is_missing_is_said_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(PROGRAM)
        .args(["demo", "--system", "ledger", "--any-port", "--no-compat-ports"])
        .args(["--postgres-url", "postgres://127.0.0.1:1/x", "--redis-url", "redis://127.0.0.1:1"])
        .args(["--kafka", "127.0.0.1:1", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for missing in [
        "PostgreSQL does not answer at 127.0.0.1:1 (--postgres-url)",
        "Redis does not answer at 127.0.0.1:1 (--redis-url)",
        "Kafka does not answer at 127.0.0.1:1 (--kafka)",
    ] {
        assert!(said.contains(missing), "{said}");
    }
}
