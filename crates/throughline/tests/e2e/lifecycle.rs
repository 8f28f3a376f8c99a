//! Starting, stopping, starting again.

use std::time::{Duration, Instant};

use throughline_testkit::{Batch, ServerOptions, SpanSpec, hex_trace_id};

use crate::{start, start_with};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_graceful_stop() {
    let server = start().await;
    let batch = Batch::new().service("shop", [SpanSpec::root(7, "GET /"), SpanSpec::child(7, 2, "SELECT")]);
    assert!(server.send_traces(batch.protobuf()).await.unwrap());
    let stopping = Instant::now();
    let (well, folder) = server.terminate().await.unwrap();
    assert!(well);
    assert!(stopping.elapsed() < Duration::from_secs(10), "it took {:?} to stop", stopping.elapsed());
    let folder = folder.unwrap();
    let again =
        start_with(ServerOptions { data_dir: Some(folder.path().join("data")), ..ServerOptions::default() })
            .await;
    let (status, trace) = again.get("ui", &format!("/api/v1/traces/{}", hex_trace_id(7))).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(trace["spans"].as_array().unwrap().len(), 2, "{trace}");
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let server = start().await;
    let config = server.data_dir().parent().unwrap().join("config.yaml");
    let second = tokio::process::Command::new(crate::PROGRAM)
        .args(["serve", "--config"])
        .arg(config)
        .arg("--data-dir")
        .arg(server.data_dir())
        .output()
        .await
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another process") || said.contains("in use") || said.contains("lock"), "{said}");
}

#[tokio::test]
async fn metrics_readiness_and_health_answer() {
    let server = start().await;
    assert!(
        server.send_traces(Batch::new().service("a", [SpanSpec::root(1, "x")]).protobuf()).await.unwrap()
    );
    let text = |path: &str| {
        let request = server.client().get(format!("{}{path}", server.url("ui")));
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    let metrics = text("/metrics").await;
    assert!(metrics.contains("otelcol_receiver_accepted_spans"), "{metrics}");
    assert_eq!(text("/-/ready").await, "ready\n");
    assert_eq!(text("/-/healthy").await, "ok\n");
    let (_, status) = server.get("ui", "/api/v1/status").await.unwrap();
    assert_eq!(status["accepted"]["spans"], 1, "{status}");
}
