//! What holds for a private server of any kind.

use std::collections::BTreeSet;
use std::path::Path;

use throughline_services::{Instance, Kind};

#[test]
fn several_start_at_once_each_on_its_own_port() {
    let instances: Vec<Instance> = std::thread::scope(|scope| {
        let kinds = [Kind::Redis, Kind::Nats].into_iter().cycle().take(8);
        let starting: Vec<_> =
            kinds.map(|kind| scope.spawn(move || Instance::start(kind).unwrap())).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let addresses: BTreeSet<String> = instances.iter().map(Instance::address).collect();
    assert_eq!(addresses.len(), 8);
}

#[test]
fn leaves_neither_process_nor_folder_behind() {
    let server = Instance::start(Kind::Postgres).unwrap();
    let folder = server.folder().to_path_buf();
    assert!(processes_of(&folder) > 0);

    drop(server);

    assert_eq!(processes_of(&folder), 0);
    assert!(!folder.exists());
}

#[test]
fn says_what_the_server_said_when_it_does_not_start() {
    let error = Instance::configured(Kind::Redis, "no-such-directive yes").unwrap_err().to_string();
    assert!(error.contains("no-such-directive"), "{error}");
}

/// How many processes work in a folder or below it.
fn processes_of(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let works_there = processes.filter(|process| {
        std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    });
    works_there.count()
}
