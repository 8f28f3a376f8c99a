//! What holds for the servers that a checkout's tests share, shown with the quickest to start.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;
use throughline_services::{Daemon, Found, Installed, Kind, Running, installed};

use crate::redis::Client;

/// Stopped at the end, also of a test that fails.
struct Redis {
    daemon: Daemon,
    installed: Installed,
    home: TempDir,
}

impl Redis {
    fn new() -> Self {
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let installed = installed(Kind::Redis).expect("no redis-server: run `cargo xtask services`");
        Self { daemon: Daemon::below(home.path(), Kind::Redis), installed, home }
    }

    fn start(&self) -> (Running, Found) {
        self.daemon.start(&self.installed).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.daemon.stop().unwrap();
    }
}

/// A process of another that happens to run.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_second_start_finds_the_first() {
    let redis = Redis::new();
    let (first, found) = redis.start();
    assert_eq!(found, Found::Down);

    let (second, found) = redis.start();

    assert_eq!(found, Found::Running);
    assert_eq!((second.pid, second.address), (first.pid, first.address));
}

#[test]
fn two_commands_at_once_start_one_server() {
    let redis = Redis::new();
    let mut found: Vec<Found> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| redis.start().1)).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    found.sort_by_key(|found| *found == Found::Running);
    assert_eq!(found, [Found::Down, Found::Running, Found::Running]);
}

#[test]
fn keeps_its_port_and_data_while_it_is_stopped() {
    let redis = Redis::new();
    let (first, _) = redis.start();
    Client::connect(&first.address).unwrap().set("kept", "yes");

    assert!(redis.daemon.stop().unwrap());
    assert!(redis.daemon.status().unwrap().is_none());
    let (second, _) = redis.start();

    assert_eq!(second.address, first.address);
    assert_ne!(second.pid, first.pid);
    assert_eq!(Client::connect(&second.address).unwrap().get("kept").as_deref(), Some("yes"));
}

#[test]
fn moves_to_another_port_when_its_own_is_taken() {
    let redis = Redis::new();
    let (first, _) = redis.start();
    redis.daemon.stop().unwrap();
    let port = first.address.rsplit_once(':').unwrap().1.parse().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();

    let (second, _) = redis.start();

    assert_ne!(second.address, first.address);
    drop(taken);
}

#[test]
fn a_stale_process_id_harms_nobody() {
    let redis = Redis::new();
    let (first, _) = redis.start();
    let state = redis.home.path().join("redis.json");
    let text = std::fs::read_to_string(&state).unwrap();
    redis.daemon.stop().unwrap();
    let mut stranger = Stranger::new();
    write_stale(&state, &text, first.pid, stranger.0.id());

    assert!(redis.daemon.status().unwrap().is_none());
    assert!(!redis.daemon.stop().unwrap());
    assert!(stranger.is_alive());

    write_stale(&state, &text, first.pid, stranger.0.id());
    assert_eq!(redis.start().1, Found::Down);
    assert!(stranger.is_alive());
}

/// The state as a crash would have left it, with an id that is a stranger's by now.
fn write_stale(state: &Path, text: &str, was: u32, is: u32) {
    let stale = text.replace(&format!("\"pid\": {was}"), &format!("\"pid\": {is}"));
    assert_ne!(stale, text);
    std::fs::write(state, stale).unwrap();
}
