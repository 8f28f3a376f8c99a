//! kill -9 at random moments under concurrent load: whatever was acknowledged is found, once.
//!
//! `THROUGHLINE_KILLS` says how often (5), `THROUGHLINE_SEED` repeats a run.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use throughline_model::Signal;

use crate::numbered;

const DIR: &str = "THROUGHLINE_KILL_DIR";
const RUN: &str = "THROUGHLINE_KILL_RUN";
const WRITERS: u64 = 8;
const ROWS: u64 = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn config(dir: &Path) -> throughline_store::StoreConfig {
    let mut config = numbered::small(dir);
    // Kills must also meet flushes, compactions and changes of the log file.
    config.flush.rows = 400;
    config.compaction.files_min = 2;
    config.compaction.interval = Duration::from_millis(50);
    config.compaction.delete_grace = Duration::from_millis(100);
    config
}

fn signal(writer: u64) -> Signal {
    if writer.is_multiple_of(2) { Signal::Traces } else { Signal::Logs }
}

/// Not a test of its own: the process that `finds_every_acknowledged_row_after_kill_9` starts and kills. It does nothing else.
#[test]
fn child_appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let run = setting(RUN, 0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let (store, _) = numbered::open(&config(Path::new(&dir))).await;
        say("open");
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move {
                for turn in 0_u64.. {
                    let first = (run << 40) | (writer << 32) | (turn * ROWS);
                    match store.append(numbered::request(signal(writer), first, ROWS)).await {
                        Ok(()) => say(&format!("acked {writer} {first}")),
                        Err(error) => assert!(error.is_retryable(), "{error:?}"),
                    }
                }
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    });
}

/// One line in one write: a kill leaves whole lines.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn start_child(dir: &Path, run: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kill::child_appends_until_it_is_killed", "--exact", "--nocapture"]);
    command.env(DIR, dir).env(RUN, run.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Runs a child until it has acknowledged `acks` requests and a little longer; returns all it acknowledged.
fn run_and_kill(dir: &Path, run: u64, acks: usize, longer: Duration) -> Vec<(Signal, u64)> {
    let mut child = start_child(dir, run);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.starts_with("acked ") {
                sender.send(line).unwrap();
            }
        }
    });
    let mut acked: Vec<String> = receiver.iter().take(acks).collect();
    assert_eq!(acked.len(), acks, "the child ended early");
    std::thread::sleep(longer); // sleeps: the kill comes at a random moment
    child.kill().unwrap();
    child.wait().unwrap();
    acked.extend(receiver);
    reader.join().unwrap();
    acked.iter().map(|line| parse(line)).collect()
}

fn parse(line: &str) -> (Signal, u64) {
    let mut words = line.split(' ').skip(1).map(|word| word.parse::<u64>().unwrap());
    (signal(words.next().unwrap()), words.next().unwrap())
}

#[test]
fn finds_every_acknowledged_row_after_kill_9() {
    let kills = setting("THROUGHLINE_KILLS", 5);
    let seed = setting("THROUGHLINE_SEED", rand::random());
    println!("THROUGHLINE_SEED={seed} THROUGHLINE_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut expected = [BTreeSet::new(), BTreeSet::new()];
    for run in 0..kills {
        let longer = Duration::from_micros(random.random_range(0..30_000));
        let acks = if random.random_bool(0.2) { 0 } else { random.random_range(1..400) };
        let acked = run_and_kill(dir.path(), run, acks, longer);
        for (signal, first) in acked {
            expected[usize::from(signal == Signal::Logs)].extend(first..first + ROWS);
        }
        runtime.block_on(check(dir.path(), &expected, run));
    }
    assert!(expected.iter().any(|rows| !rows.is_empty()));
}

async fn check(dir: &Path, expected: &[BTreeSet<u64>; 2], run: u64) {
    let mut config = config(dir);
    // What is looked at must stay.
    config.compaction.enabled = false;
    config.compaction.delete_grace = Duration::from_secs(600);
    let (store, report) = numbered::open(&config).await;
    assert!(report.is_clean(), "run {run}: {report:?}");
    for (signal, expected) in [Signal::Traces, Signal::Logs].into_iter().zip(expected) {
        let found = numbered::numbers(&store, signal);
        let unique: BTreeSet<u64> = found.iter().copied().collect();
        let missing: Vec<_> = expected.difference(&unique).collect();
        assert!(missing.is_empty(), "run {run}: acknowledged {signal} not found: {missing:?}; {report:?}");
        assert_eq!(unique.len(), found.len(), "run {run}: {signal} found more than once; {report:?}");
    }
    if run.is_multiple_of(2) {
        store.shutdown().await.unwrap();
    }
}
