//! What is killed while money moves: each service, then each server, in turn.

use std::time::{Duration, Instant};

use ledger::Service;
use sqlx::Connection as _;
use throughline_services::Kind;

use crate::load::{Heard, Load, assert_nothing_lost_or_doubled, entries};
use crate::servers::{Private, Servers};
use crate::system::{System, eventually, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_loses_and_doubles_nothing() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let load = Load::start(&system, 6, 8).await;
    for service in [
        Service::Ledger,
        Service::Orchestrator,
        Service::Accounts,
        Service::ReadModel,
        Service::Ledger,
        Service::ReadModel,
    ] {
        load.goes_on(25).await;
        system.kill(service).await;
        system.launch(service).await;
    }
    load.goes_on(25).await;
    let heard = load.finish().await;
    assert_nothing_lost_or_doubled(&system, &heard).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_and_doubles_nothing() {
    let mut servers = Private::start().await;
    let system = System::start(servers.addresses(), &[]).await;
    let load = Load::start(&system, 6, 8).await;
    for kind in [Kind::Redis, Kind::Postgres, Kind::Kafka, Kind::Postgres] {
        load.goes_on(25).await;
        servers
            .with(kind, |server| {
                server.kill().unwrap();
                server.restart().unwrap();
            })
            .await;
    }
    load.goes_on(25).await;
    let heard = load.finish().await;
    assert_nothing_lost_or_doubled(&system, &heard).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_go_on_while_kafka_or_redis_is_away_and_arrive_when_it_is_back() {
    let mut servers = Private::start().await;
    let system = System::start(servers.addresses(), &[]).await;
    let load = Load::start(&system, 4, 6).await;
    for kind in [Kind::Kafka, Kind::Redis] {
        servers.with(kind, |server| server.kill().unwrap()).await;
        load.goes_on(40).await;
        servers.with(kind, |server| server.restart().unwrap()).await;
    }
    let heard = load.finish().await;
    assert!(heard.values().all(|heard| *heard != Heard::Nothing), "nobody was left without an answer");
    assert_nothing_lost_or_doubled(&system, &heard).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_answered_for() {
    let mut servers = Private::start().await;
    let system = System::start(servers.addresses(), &[]).await;
    let (customer, world) = system.funded(100).await;
    for (number, kind) in [Kind::Postgres, Kind::Redis, Kind::Kafka].into_iter().enumerate() {
        let body = order(&system.key(&number.to_string()), customer, world, 10);
        servers.with(kind, |server| server.pause().unwrap()).await;
        let started = Instant::now();
        let answer = system.transfer(&body).await;
        assert!(started.elapsed() < Duration::from_secs(11), "{kind}: {:?}", started.elapsed());
        let wanted = if kind == Kind::Postgres { 503 } else { 201 };
        assert_eq!(answer.status, wanted, "{kind}: {answer:?}");
        servers.with(kind, |server| server.resume().unwrap()).await;
        eventually("it is booked", async || system.transfer(&body).await.status == 201).await;
    }
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    let heard = entries(&system).await.into_iter().map(|(key, entry)| (key, Heard::Booked(entry))).collect();
    assert_nothing_lost_or_doubled(&system, &heard).await;
    system.stop().await;
}

#[tokio::test]
async fn a_service_that_is_asked_to_stop_answers_first_and_says_what_it_exported() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let body = order(&system.key("last"), customer, world, 10);
    // While the account is locked the order cannot be decided.
    let mut holder = system.database_of(Service::Ledger).await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT FROM accounts FOR UPDATE").execute(&mut *held).await.unwrap();
    let request = system.client.post(format!("{}/v1/transfers", system.url(Service::Orchestrator)));
    let request = tokio::spawn(request.json(&body).send());
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("it waits for the account", async || system.count(Service::Ledger, WAITING).await == 1).await;
    system.ask_to_stop(Service::Orchestrator);
    system.ask_to_stop(Service::Ledger);
    eventually("they take no requests", async || {
        system.client.get(format!("{}/health", system.url(Service::Ledger))).send().await.is_err()
    })
    .await;
    held.rollback().await.unwrap();
    assert_eq!(request.await.unwrap().unwrap().status(), 201);
    for service in [Service::Orchestrator, Service::Ledger] {
        assert!(system.ended_well(service).await, "{}", service.name());
        let log = system.log(service);
        assert!(log.contains("telemetry stopped:"), "{log}");
    }
    system.launch(Service::Ledger).await;
    system.launch(Service::Orchestrator).await;
    let again = system.transfer(&body).await;
    assert_eq!((again.status, again.replayed), (201, true), "{again:?}");
    for service in [Service::ReadModel, Service::Accounts] {
        assert!(system.terminate(service).await, "{}", service.name());
        assert!(system.log(service).contains("telemetry stopped:"));
        system.launch(service).await;
    }
    let heard = entries(&system).await.into_iter().map(|(key, entry)| (key, Heard::Booked(entry))).collect();
    assert_nothing_lost_or_doubled(&system, &heard).await;
    system.stop().await;
}
