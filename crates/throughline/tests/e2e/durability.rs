//! kill -9 under load, again and again: what was acknowledged is found.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use throughline_testkit::{Batch, ServerOptions, SpanSpec, hex_trace_id};

use crate::start_with;

/// How often; `THROUGHLINE_KILLS=100` for the long run.
fn kills() -> u64 {
    std::env::var("THROUGHLINE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_span_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let options = || ServerOptions { data_dir: Some(folder.path().join("data")), ..ServerOptions::default() };
    let acknowledged: Arc<Mutex<BTreeSet<u128>>> = Arc::default();
    for round in 0..kills() {
        let server = Arc::new(start_with(options()).await);
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..4_u128)
            .map(|sender| {
                let (server, stop, acknowledged) =
                    (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    for i in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            return;
                        }
                        let id = (u128::from(round) << 64) + (sender << 32) + i + 1;
                        let spans =
                            (1..=20).map(|span| SpanSpec { span_id: span, ..SpanSpec::root(id, "op") });
                        let sent = server.send_traces(Batch::new().service("load", spans).protobuf()).await;
                        if matches!(sent, Ok(true)) {
                            acknowledged.lock().unwrap().insert(id);
                        }
                    }
                })
            })
            .collect();
        let before = acknowledged.lock().unwrap().len();
        // A different point in the work each time: after so many more acknowledgements.
        let target = before + 3 + usize::try_from(round * 7 % 40).unwrap();
        throughline_testkit::until("acknowledgements", Duration::from_secs(30), || async {
            (acknowledged.lock().unwrap().len() >= target).then_some(())
        })
        .await
        .unwrap();
        stop.store(true, Ordering::SeqCst);
        let pid_gone = kill(&server).await;
        assert!(pid_gone);
        for sender in senders {
            sender.await.unwrap();
        }
    }
    let server = start_with(options()).await;
    let all = acknowledged.lock().unwrap().clone();
    assert!(!all.is_empty());
    for id in all {
        let (status, trace) =
            server.get("ui", &format!("/api/v1/traces/{}", hex_trace_id(id))).await.unwrap();
        assert_eq!(status, 200, "trace {id:x} was acknowledged and is gone");
        assert_eq!(trace["spans"].as_array().unwrap().len(), 20, "trace {id:x}");
    }
}

async fn kill(server: &throughline_testkit::Server) -> bool {
    let pid = server.pid().to_string();
    let killed = tokio::process::Command::new("kill").args(["-KILL", &pid]).status().await.unwrap().success();
    throughline_testkit::until("the process to be gone", Duration::from_secs(5), || async {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    })
    .await
    .unwrap();
    killed
}
