//! Random transfers by many clients at once: money is neither made nor lost, whatever the order.

use futures::future::join_all;
use ledger::Service;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::load::{Heard, assert_nothing_lost_or_doubled};
use crate::servers::Servers;
use crate::system::{System, order};

/// Accounts of a case, the external one first.
const ACCOUNTS: usize = 5;

/// One transfer: from, to, amount, how often it is sent at the same time.
#[derive(Debug, Clone, Copy)]
struct Move {
    from: usize,
    to: usize,
    amount: i64,
    copies: usize,
}

fn moves() -> impl Strategy<Value = Vec<Vec<Move>>> {
    let one = (0..ACCOUNTS, 1..ACCOUNTS, 1..400_i64, 1..=3_usize)
        .prop_map(|(from, step, amount, copies)| Move { from, to: (from + step) % ACCOUNTS, amount, copies });
    vec(vec(one, 1..12), 2..8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_clients_do_at_once_the_books_balance() {
    let system = System::start(Servers::shared(), &[]).await;
    let mut runner = TestRunner::new(ProptestConfig::default());
    let mut all = std::collections::BTreeMap::new();
    for _ in 0..6 {
        let clients = moves().new_tree(&mut runner).unwrap().current();
        let mut accounts = vec![system.open("EUR", "external").await];
        for _ in 1..ACCOUNTS {
            accounts.push(system.open("EUR", "customer").await);
        }
        let heard = join_all(clients.iter().map(|moves| send(&system, &accounts, moves))).await;
        let heard: Vec<(String, Move, Heard)> = heard.into_iter().flatten().collect();
        for (number, account) in accounts.iter().enumerate() {
            let wanted: i64 = heard.iter().map(|(_, step, heard)| effect(number, *step, *heard)).sum();
            let there = system.balance(Service::Ledger, *account).await.unwrap_or_default();
            assert_eq!(there, wanted, "account {number} of {clients:?}");
            assert!(number == 0 || there >= 0, "account {number} of {clients:?}");
        }
        all.extend(heard.into_iter().map(|(key, _, heard)| (key, heard)));
    }
    assert_nothing_lost_or_doubled(&system, &all).await;
    system.stop().await;
}

/// One client: one move after the other, each by several requests at once that hear the same.
async fn send(system: &System, accounts: &[Uuid], moves: &[Move]) -> Vec<(String, Move, Heard)> {
    let mut heard = Vec::new();
    for step in moves {
        let key = Uuid::new_v4().to_string();
        let body = order(&key, accounts[step.from], accounts[step.to], step.amount);
        let answers = join_all((0..step.copies).map(|_| system.transfer(&body))).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (answers[0].status, &answers[0].body));
        }
        let outcome = match answers[0].status {
            201 => Heard::Booked(answers[0].body["entry_id"].as_str().unwrap().parse().unwrap()),
            422 => Heard::Refused,
            _ => panic!("{:?}", answers[0]),
        };
        heard.push((key, *step, outcome));
    }
    heard
}

/// What a move did to an account.
fn effect(account: usize, step: Move, heard: Heard) -> i64 {
    match heard {
        Heard::Booked(_) if step.from == account => -step.amount,
        Heard::Booked(_) if step.to == account => step.amount,
        _ => 0,
    }
}
