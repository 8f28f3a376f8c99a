//! What each service tells Prometheus.

use ledger::Service;

use crate::servers::Servers;
use crate::system::{System, eventually, order};

/// The samples of one metric, added up: those with each of the labels.
async fn value(system: &System, service: Service, name: &str, labels: &[&str]) -> Option<f64> {
    let text = system.get(service, "/metrics").await.body;
    let text = text.as_str().expect("it is no JSON");
    let samples = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, rest) = series.split_once('{').unwrap_or((series, ""));
        let ours = metric == name && labels.iter().all(|label| rest.contains(label));
        ours.then(|| value.parse::<f64>().unwrap())
    });
    samples.reduce(|sum, sample| sum + sample)
}

async fn reaches(system: &System, service: Service, name: &str, labels: &[&str], wanted: f64) {
    let what = format!("{name}{labels:?} of {} is {wanted}", service.name());
    eventually(&what, async || value(system, service, name, labels).await == Some(wanted)).await;
}

#[tokio::test]
async fn every_service_can_be_scraped_for_what_it_did() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let body = order(&system.key("spend"), customer, world, 30);
    assert_eq!(system.transfer(&body).await.status, 201);
    assert!(system.transfer(&body).await.replayed);
    system.forget(&system.key("spend")).await;
    assert!(system.transfer(&body).await.replayed);
    assert_eq!(system.transfer(&order(&system.key("more"), customer, world, 71)).await.status, 422);
    assert_eq!(system.transfer(&order("", customer, world, 1)).await.status, 400);
    for service in Service::ALL {
        assert_eq!(system.get(service, "/health").await.body, "ok");
    }

    let orchestrator = Service::Orchestrator;
    for (outcome, count) in [("created", 1.0), ("replayed", 2.0), ("refused", 2.0)] {
        let label = format!("outcome=\"{outcome}\"");
        reaches(&system, orchestrator, "transfer_latency_seconds_count", &[&label], count).await;
    }
    for by in ["redis", "ledger"] {
        let label = format!("by=\"{by}\"");
        reaches(&system, orchestrator, "idempotent_replays_total", &[&label], 1.0).await;
    }
    for code in ["insufficient_funds", "invalid_idempotency_key"] {
        let label = format!("code=\"{code}\"");
        reaches(&system, orchestrator, "transfer_refusals_total", &[&label], 1.0).await;
    }
    reaches(&system, orchestrator, "idempotency_cache_up", &[], 1.0).await;

    reaches(&system, Service::Ledger, "ledger_entries_created_total", &[], 2.0).await;
    reaches(&system, Service::Ledger, "ledger_replays_total", &[], 1.0).await;
    reaches(&system, Service::Ledger, "ledger_refusals_total", &["code=\"insufficient_funds\""], 1.0).await;
    reaches(&system, Service::Ledger, "outbox_relay_latency_seconds_count", &[], 2.0).await;
    reaches(&system, Service::Accounts, "outbox_relay_latency_seconds_count", &[], 2.0).await;

    for (event, count) in [("AccountOpened", 2.0), ("EntryPosted", 2.0)] {
        let label = format!("event=\"{event}\"");
        reaches(&system, Service::ReadModel, "projected_events_total", &[&label], count).await;
    }
    reaches(&system, Service::ReadModel, "consumer_lag", &[], 0.0).await;

    for service in Service::ALL {
        let requests = "http_server_request_duration_seconds_count";
        assert_eq!(value(&system, service, requests, &["http_route=\"/health\""]).await, None);
        assert_eq!(value(&system, service, requests, &["http_route=\"/metrics\""]).await, None);
    }
    system.stop().await;
}
