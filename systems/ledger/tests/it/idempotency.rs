//! An order is decided once, whoever sends it, however often, whatever is away.

use futures::future::join_all;
use ledger::Service;
use serde_json::json;

use crate::servers::Servers;
use crate::system::{System, order};

#[tokio::test]
async fn the_same_order_again_has_the_same_answer_and_moves_no_money() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let body = order(&system.key("once"), customer, world, 30);
    let first = system.transfer(&body).await;
    assert_eq!((first.status, first.replayed), (201, false), "{first:?}");
    let again = system.transfer(&body).await;
    assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body), "{again:?}");
    let by_ledger = system.post(Service::Ledger, "/v1/entries", &body).await;
    assert_eq!((by_ledger.status, by_ledger.replayed, &by_ledger.body), (201, true, &first.body));
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    system.stop().await;
}

#[tokio::test]
async fn another_order_under_the_same_key_is_a_conflict_everywhere() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let key = system.key("taken");
    assert_eq!(system.transfer(&order(&key, customer, world, 30)).await.status, 201);
    let other = order(&key, customer, world, 31);
    let by_redis = system.transfer(&other).await;
    assert_eq!((by_redis.status, by_redis.code()), (409, "idempotency_conflict"), "{by_redis:?}");
    let by_ledger = system.post(Service::Ledger, "/v1/entries", &other).await;
    assert_eq!((by_ledger.status, by_ledger.code()), (409, "idempotency_conflict"), "{by_ledger:?}");
    system.forget(&key).await;
    let through = system.transfer(&other).await;
    assert_eq!((through.status, through.code()), (409, "idempotency_conflict"), "{through:?}");
    let right = system.transfer(&order(&key, customer, world, 30)).await;
    assert_eq!((right.status, right.replayed), (201, true), "a conflict is not kept: {right:?}");
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    system.stop().await;
}

#[tokio::test]
async fn sixteen_at_once_make_one_entry_and_hear_the_same() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(1000).await;
    for (number, service) in [Service::Orchestrator, Service::Ledger].into_iter().enumerate() {
        let path = if service == Service::Ledger { "/v1/entries" } else { "/v1/transfers" };
        let body = order(&system.key(&format!("race-{number}")), customer, world, 10);
        let answers = join_all((0..16).map(|_| system.post(service, path, &body))).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body), "{answer:?}");
        }
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    }
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(980));
    assert_eq!(system.count(Service::Ledger, "SELECT count(*) FROM entries").await, 3);
    system.stop().await;
}

#[tokio::test]
async fn sixteen_different_orders_under_one_key_make_one_entry() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(1000).await;
    let key = system.key("fight");
    let bodies: Vec<_> = (1..=16).map(|amount| order(&key, customer, world, amount)).collect();
    let answers = join_all(bodies.iter().map(|body| system.transfer(body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.code() == "idempotency_conflict").count(), 15);
    let amount = made[0].body["amount_minor"].as_i64().unwrap();
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(1000 - amount));
    system.stop().await;
}

#[tokio::test]
async fn what_redis_forgot_the_ledger_knows() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let key = system.key("forgotten");
    let body = order(&key, customer, world, 30);
    let first = system.transfer(&body).await;
    system.forget(&key).await;
    let again = system.transfer(&body).await;
    assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body), "{again:?}");
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    system.stop().await;
}

#[tokio::test]
async fn a_marker_that_a_dead_orchestrator_left_holds_nobody_up_for_long() {
    let system = System::start(Servers::shared(), &[("IN_FLIGHT_WAIT_MS", "200")]).await;
    let (customer, world) = system.funded(100).await;
    let key = system.key("left");
    let body = order(&key, customer, world, 30);
    let fingerprint = format!("{customer}>{world}:30 EUR");
    let marker = json!({"under_way": {"fingerprint": fingerprint, "token": uuid::Uuid::new_v4()}});
    system.redis(redis::cmd("SET").arg(format!("transfer:{key}")).arg(marker.to_string())).await;
    let started = std::time::Instant::now();
    let answer = system.transfer(&body).await;
    assert_eq!((answer.status, answer.replayed), (201, false), "{answer:?}");
    assert!(started.elapsed().as_millis() >= 200, "it waited for the other to end");
    system.stop().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_for_leaves_the_order_undecided() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let (customer, _) = system.funded(100).await;
    let other = system.open("EUR", "customer").await;
    system.kill(Service::Accounts).await;
    let body = order(&system.key("later"), customer, other, 30);
    let answer = system.post(Service::Ledger, "/v1/entries", &body).await;
    assert_eq!((answer.status, answer.code()), (503, "accounts_unavailable"), "{answer:?}");
    assert!(answer.retry_after);
    let through = system.transfer(&body).await;
    assert_eq!((through.status, through.code()), (503, "ledger_unavailable"), "{through:?}");
    assert_eq!(system.count(Service::Ledger, "SELECT count(*) FROM requests").await, 1, "the funding's");
    system.launch(Service::Accounts).await;
    let answer = system.transfer(&body).await;
    assert_eq!((answer.status, answer.replayed), (201, false), "{answer:?}");
    assert_eq!(system.balance(Service::Ledger, other).await, Some(30));
    system.stop().await;
}

#[tokio::test]
async fn a_ledger_that_is_down_leaves_nothing_half_done() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let body = order(&system.key("down"), customer, world, 30);
    system.kill(Service::Ledger).await;
    let answer = system.transfer(&body).await;
    assert_eq!((answer.status, answer.code()), (503, "ledger_unavailable"), "{answer:?}");
    assert!(answer.retry_after);
    system.launch(Service::Ledger).await;
    assert_eq!(system.count(Service::Ledger, "SELECT count(*) FROM entries").await, 1, "the funding's");
    let answer = system.transfer(&body).await;
    assert_eq!((answer.status, answer.replayed), (201, false), "no marker is left: {answer:?}");
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    system.stop().await;
}

#[tokio::test]
async fn without_redis_transfers_go_on_and_one_line_says_so() {
    let mut servers = Servers::shared();
    servers.redis = "redis://127.0.0.1:1".to_owned();
    let system = System::start(servers, &[]).await;
    let (customer, world) = system.funded(100).await;
    for number in 0..5 {
        let body = order(&system.key(&format!("bare-{number}")), customer, world, 10);
        let answer = system.transfer(&body).await;
        assert_eq!((answer.status, answer.replayed), (201, false), "{answer:?}");
        let again = system.transfer(&body).await;
        assert_eq!((again.status, again.replayed, &again.body), (201, true, &answer.body), "{again:?}");
    }
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(50));
    let log = system.log(Service::Orchestrator);
    assert_eq!(log.matches("Redis is away").count(), 1, "{log}");
    system.stop().await;
}
