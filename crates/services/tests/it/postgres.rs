//! PostgreSQL, spoken to through psql.

use std::process::{Command, Stdio};
use std::sync::Barrier;

use throughline_services::{Addresses, Instance, Kind};

fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args([url, "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--command", statement])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn addresses(postgres: &Instance) -> Addresses {
    let postgres = postgres.address();
    Addresses { nats: String::new(), postgres, redis: String::new(), kafka: String::new() }
}

#[test]
fn keeps_what_it_committed_when_it_is_killed() {
    let mut server = Instance::start(Kind::Postgres).unwrap();
    let address = server.address();
    psql(&address, "CREATE TABLE entries (id int)");
    psql(&address, "INSERT INTO entries VALUES (1), (2)");

    server.kill().unwrap();
    server.restart().unwrap();

    assert_eq!(server.address(), address);
    assert_eq!(psql(&address, "SELECT count(*) FROM entries"), "2");
    assert_eq!(psql(&address, "SHOW fsync"), "on");
}

#[test]
fn ends_well_with_a_client_connected_and_goes_on_after_a_restart() {
    let mut server = Instance::start(Kind::Postgres).unwrap();
    let address = server.address();
    let sleeper = ["--command", "SELECT pg_sleep(600)"];
    let mut client = Command::new("psql");
    let mut client = client.arg(&address).args(sleeper).stderr(Stdio::null()).spawn().unwrap();
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    crate::wait::until("the client's query", || match psql(&address, connected).as_str() {
        "1" => Ok(()),
        other => Err(other.to_owned()),
    });

    server.restart().unwrap();

    assert!(!client.wait().unwrap().success(), "the server has closed it");
    assert_eq!(psql(&address, "SELECT pg_is_in_recovery()"), "f");
}

#[test]
fn creates_a_database_once_for_all_who_ask_at_once() {
    let server = Instance::start(Kind::Postgres).unwrap();
    let addresses = addresses(&server);
    let barrier = Barrier::new(4);
    let urls: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            addresses.database("outbox_relay")
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for url in urls {
        assert_eq!(psql(&url, "SELECT current_database()"), "outbox_relay");
    }
}
