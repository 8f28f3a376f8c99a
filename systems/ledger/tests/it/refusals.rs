//! What is refused, with which code, by whom.

use ledger::Service;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::servers::Servers;
use crate::system::{Answer, System, order};

/// The places that take orders.
const TAKERS: [(Service, &str); 2] =
    [(Service::Ledger, "/v1/entries"), (Service::Orchestrator, "/v1/transfers")];

async fn raw(system: &System, service: Service, path: &str, body: String) -> Answer {
    let url = format!("{}{path}", system.url(service));
    system.send(system.client.post(url).body(body)).await.unwrap()
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_before_anything_is_written() {
    let system = System::start(Servers::shared(), &[]).await;
    let (a, b) = (system.open("EUR", "external").await, system.open("EUR", "customer").await);
    let good = order("k", a, b, 5).to_string();
    let with_amount = |text: &str| good.replace("\"amount_minor\":5", &format!("\"amount_minor\":{text}"));
    let cases = [
        (with_amount("0"), "invalid_amount", "positive"),
        (with_amount("-5"), "invalid_amount", "positive"),
        (with_amount("1.5"), "invalid_amount", "not 1.5"),
        (with_amount("\"5\""), "invalid_amount", "the text \"5\""),
        (with_amount("1e400"), "invalid_amount", "integer"),
        (with_amount("9223372036854775808"), "invalid_amount", "64 bits"),
        (with_amount("null"), "invalid_amount", "null"),
        (good.replace("EUR", "euro"), "invalid_currency", "three capital letters"),
        (good.replace(&b.to_string(), "bob"), "invalid_account_id", "to_account_id"),
        (good.replace(&b.to_string(), &a.to_string()), "same_account", "same account"),
        (good.replace("\"k\"", "\"\""), "invalid_idempotency_key", "1 to 200 bytes"),
        (good.replace("\"k\"", "\"a\\u0000b\""), "invalid_idempotency_key", "control"),
        (good.replace("currency", "curency"), "invalid_body", "unknown field `curency`"),
        (good.replace("\"currency\":\"EUR\"", "\"amount_minor\":5"), "invalid_body", "duplicate field"),
        (good[..20].to_owned(), "invalid_body", "EOF"),
        (String::new(), "invalid_body", "EOF"),
    ];
    for (service, path) in TAKERS {
        for (body, code, reason) in &cases {
            let answer = raw(&system, service, path, body.clone()).await;
            assert_eq!((answer.status, answer.code()), (400, *code), "{body}: {answer:?}");
            let message = answer.body["error"]["message"].as_str().unwrap();
            assert!(message.contains(reason), "{body}: {message}");
        }
        let answer = raw(&system, service, path, "x".repeat(20_000)).await;
        assert_eq!((answer.status, answer.code()), (413, "too_large"), "{answer:?}");
    }
    for table in ["SELECT count(*) FROM requests", "SELECT count(*) FROM entries"] {
        assert_eq!(system.count(Service::Ledger, table).await, 0, "{table}");
    }
    system.stop().await;
}

#[tokio::test]
async fn an_order_that_the_accounts_do_not_allow_is_refused_and_stays_refused() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let dollars = system.open("USD", "customer").await;
    let nobody = Uuid::new_v4();
    let with_currency = |mut body: Value, currency: &str| {
        body["currency"] = json!(currency);
        body
    };
    let cases = [
        (order(&system.key("too-much"), customer, world, 101), 422, "insufficient_funds"),
        (order(&system.key("other-currency"), customer, dollars, 1), 422, "currency_mismatch"),
        (
            with_currency(order(&system.key("none-of-both"), customer, world, 1), "CHF"),
            422,
            "currency_mismatch",
        ),
        (order(&system.key("from-nobody"), nobody, customer, 1), 404, "unknown_account"),
        (order(&system.key("to-nobody"), customer, nobody, 1), 404, "unknown_account"),
        (order(&system.key("too-rich"), world, customer, i64::MAX), 422, "balance_overflow"),
    ];
    for (body, status, code) in &cases {
        for round in 0..2 {
            let answer = system.transfer(body).await;
            assert_eq!((answer.status, answer.code()), (*status, *code), "{body}: {answer:?}");
            assert_eq!(answer.replayed, round == 1, "{body}: {answer:?}");
        }
    }
    // What was refused for want of money stays refused when there is money.
    let funding = system.transfer(&order(&system.key("more"), world, customer, 1000)).await;
    assert_eq!(funding.status, 201, "{funding:?}");
    for (service, path) in TAKERS {
        let again = system.post(service, path, &cases[0].0).await;
        assert_eq!((again.status, again.code(), again.replayed), (422, "insufficient_funds", true));
    }
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(1100));
    system.assert_balanced().await;
    system.stop().await;
}

#[tokio::test]
async fn accounts_are_opened_and_found_and_bad_ones_are_refused() {
    let system = System::start(Servers::shared(), &[]).await;
    let account = system.open("EUR", "external").await;
    let found = system.get(Service::Accounts, &format!("/v1/accounts/{account}")).await;
    assert_eq!((found.status, &found.body["kind"]), (200, &json!("external")), "{found:?}");
    let plain = system.post(Service::Accounts, "/v1/accounts", &json!({"currency": "EUR"})).await;
    assert_eq!((plain.status, &plain.body["kind"]), (201, &json!("customer")), "{plain:?}");
    for (body, code) in [
        (json!({"currency": "eur"}), "invalid_currency"),
        (json!({"currency": "EUR", "kind": "bank"}), "invalid_kind"),
        (json!({"currency": 1}), "invalid_body"),
        (json!({}), "invalid_body"),
    ] {
        let answer = system.post(Service::Accounts, "/v1/accounts", &body).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}: {answer:?}");
    }
    let nobody = Uuid::new_v4();
    for (service, path, status, code) in [
        (Service::Accounts, format!("/v1/accounts/{nobody}"), 404, "unknown_account"),
        (Service::Accounts, "/v1/accounts/bob".to_owned(), 400, "invalid_account_id"),
        (Service::Ledger, format!("/v1/accounts/{nobody}/balance"), 404, "unknown_account"),
        (Service::Ledger, format!("/v1/entries/{nobody}"), 404, "unknown_entry"),
        (Service::Ledger, "/v1/entries".to_owned(), 405, "method_not_allowed"),
        (Service::Orchestrator, "/v1/nothing".to_owned(), 404, "not_found"),
        (Service::ReadModel, format!("/v1/accounts/{nobody}/balance"), 404, "unknown_account"),
        (Service::ReadModel, format!("/v1/accounts/{nobody}/statement"), 404, "unknown_account"),
        (Service::ReadModel, format!("/v1/accounts/{account}/statement?limit=0"), 400, "invalid_query"),
        (Service::ReadModel, "/v1/balances?limit=many".to_owned(), 400, "invalid_query"),
        (Service::ReadModel, "/v1/balances?after=bob".to_owned(), 400, "invalid_account_id"),
    ] {
        let answer = system.get(service, &path).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{path}: {answer:?}");
    }
    system.stop().await;
}

#[tokio::test]
async fn an_entry_is_found_with_both_its_postings() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let made = system.transfer(&order(&system.key("spend"), customer, world, 30)).await;
    let path = format!("/v1/entries/{}", made.body["entry_id"].as_str().unwrap());
    let entry = system.get(Service::Ledger, &path).await;
    assert_eq!(entry.status, 200, "{entry:?}");
    let postings = json!([
        {"account_id": customer, "sequence": 2, "amount_minor": -30, "balance_minor": 70},
        {"account_id": world, "sequence": 2, "amount_minor": 30, "balance_minor": -70},
    ]);
    assert_eq!(entry.body["postings"], postings);
    for field in
        ["entry_id", "idempotency_key", "from_account_id", "amount_minor", "currency", "posted_at_ms"]
    {
        assert_eq!(entry.body[field], made.body[field], "{field}");
    }
    system.stop().await;
}
