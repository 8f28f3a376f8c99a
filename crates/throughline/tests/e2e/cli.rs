//! The commands.

use std::process::Output;

use throughline_testkit::{Batch, SpanSpec};

use crate::{PROGRAM, start};

async fn throughline(arguments: &[&str]) -> Output {
    tokio::process::Command::new(PROGRAM).args(arguments).env("NO_COLOR", "1").output().await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn search_and_trace_show_what_was_sent() {
    let server = start().await;
    let batch =
        Batch::new().service("shop", [SpanSpec::root(0xfe, "GET /"), SpanSpec::child(0xfe, 2, "SELECT")]);
    assert!(server.send_traces(batch.protobuf()).await.unwrap());
    let url = server.url("ui");
    let found = throughline(&["search", "{ name = \"SELECT\" }", "--server", &url]).await;
    assert!(found.status.success());
    assert!(stdout(&found).contains("shop: GET /"), "{}", stdout(&found));
    let trace = throughline(&["trace", "fe", "--server", &url]).await;
    assert!(stdout(&trace).contains("2 spans, 0 errors"), "{}", stdout(&trace));
    let json = throughline(&["trace", "fe", "--json", "--server", &url]).await;
    assert!(serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap()["spans"].is_array());
    let wrong = throughline(&["search", "{ name = ", "--server", &url]).await;
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.lines().count() == 1 && said.contains("at character"), "{said}");
}

#[tokio::test]
async fn without_a_server_the_error_says_what_to_do() {
    let failed = throughline(&["search", "--server", "http://127.0.0.1:1"]).await;
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(said.contains("throughline serve"), "{said}");
}

#[tokio::test]
async fn config_check_says_where_the_fault_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, "receivers:\n  otlp:\n    protocolls: {}\n").unwrap();
    let checked = throughline(&["config", "check", file.to_str().unwrap()]).await;
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("c.yaml:3:5: unknown key \"protocolls\", did you mean \"protocols\"?"), "{said}");
    let printed = throughline(&["config", "print"]).await;
    std::fs::write(&file, &printed.stdout).unwrap();
    assert!(throughline(&["config", "check", file.to_str().unwrap()]).await.status.success());
}
