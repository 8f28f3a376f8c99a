//! Processes by identity: a process id alone may be another's by now.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// How often it is looked whether a process is gone.
const POLL: Duration = Duration::from_millis(10);

/// A process, and when it started: both together never come twice while the machine is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Ticks since the machine started.
    started: u64,
    /// The run of the machine that `started` counts from.
    boot: String,
}

/// A signal by name, as `kill` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Term,
    Int,
    Kill,
    Stop,
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

impl Process {
    /// The process that has this id now.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = Stat::of(pid).with_context(|| format!("there is no process {pid}"))?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .context("processes are told apart by /proc: Linux alone")?;
        Ok(Self { pid, started: stat.started, boot: boot.trim().to_owned() })
    }

    /// Whether it has not ended. One that ended and that its parent did not wait for has ended.
    pub(crate) fn is_alive(&self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| !stat.ended) && Self::of(self.pid).is_ok_and(|now| now == *self)
    }

    /// It and all that it started, itself first; nothing once it has ended.
    pub(crate) fn tree(&self) -> Vec<Self> {
        if !self.is_alive() {
            return Vec::new();
        }
        let mut tree = vec![self.clone()];
        let all: Vec<(u32, u32)> = pids().filter_map(|pid| Some((pid, Stat::of(pid)?.parent))).collect();
        let mut next = 0;
        while let Some(parent) = tree.get(next).map(|process| process.pid) {
            let children = all.iter().filter(|(_, of)| *of == parent);
            tree.extend(children.filter_map(|(pid, _)| Self::of(*pid).ok()));
            next += 1;
        }
        tree
    }

    /// Sends a signal if it is still the same process.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\" 2>/dev/null", signal.name(), &self.pid.to_string()])
            .stdin(Stdio::null())
            .status()?;
        ensure!(sent.success() || !self.is_alive(), "process {} takes no SIG{}", self.pid, signal.name());
        Ok(())
    }

    /// Waits until it has ended; whether it did within the limit.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let started = Instant::now();
        while self.is_alive() {
            if started.elapsed() > limit {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }

    /// SIGKILL to it and to all that it started, and waits until all are gone.
    pub(crate) fn kill_tree(&self) -> anyhow::Result<()> {
        let tree = self.tree();
        for process in &tree {
            process.signal(Signal::Kill)?;
        }
        for process in &tree {
            ensure!(process.wait(Duration::from_secs(10)), "process {} does not die", process.pid);
        }
        Ok(())
    }

    /// Asks it to end with `signal`, and kills it when it has not after `limit`.
    pub(crate) fn end(&self, signal: Signal, limit: Duration) -> anyhow::Result<()> {
        let tree = self.tree();
        self.signal(signal)?;
        // A stopped process takes the signal when it goes on.
        tree.iter().try_for_each(|process| process.signal(Signal::Cont))?;
        self.wait(limit);
        for process in tree {
            process.kill_tree()?;
        }
        Ok(())
    }
}

/// Whether we run as root.
pub(crate) fn are_root() -> anyhow::Result<bool> {
    let ours = std::fs::metadata("/proc/self").context("processes are told apart by /proc: Linux alone")?;
    Ok(ours.uid() == 0)
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What `/proc/PID/stat` tells.
struct Stat {
    ended: bool,
    parent: u32,
    started: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        // The second field is a name in parentheses that may itself hold any character.
        let (_, after_name) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        Some(Self {
            ended: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}
