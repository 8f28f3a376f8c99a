//! The client of the demonstration.

use std::sync::atomic::Ordering;

use ledger::Service;
use ledger::traffic::{Tally, Traffic};

use crate::servers::Servers;
use crate::system::{System, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_is_answered_and_has_all_that_real_traffic_has() {
    let system = System::start(Servers::shared(), &[]).await;
    let traffic = Traffic {
        accounts_url: system.url(Service::Accounts),
        orchestrator_url: system.url(Service::Orchestrator),
        read_model_url: system.url(Service::ReadModel),
        rate: 200.0,
    };
    let tally = Tally::default();
    tokio::select! {
        stopped = traffic.run(&tally) => panic!("it ended: {stopped:?}"),
        () = eventually("every refusal", async || {
            let metrics = system.get(Service::Orchestrator, "/metrics").await.body;
            let metrics = metrics.as_str().unwrap();
            let seen = |code: &str| metrics.contains(&format!("code=\"{code}\""));
            let codes = ["insufficient_funds", "currency_mismatch", "unknown_account", "invalid_amount", "idempotency_conflict"];
            codes.into_iter().all(seen) && metrics.contains("idempotent_replays_total")
        }) => {}
    }
    assert_eq!(tally.unanswered.load(Ordering::Relaxed), 0);
    assert!(tally.transfers.load(Ordering::Relaxed) >= 8, "two currencies of four customers each: {tally:?}");
    system.assert_balanced().await;
    system.stop().await;
}
