//! The servers that `cargo xtask services` starts: they outlive it and keep ports and data.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::folders;
use crate::install::Installed;
use crate::kind::Kind;
use crate::launch;
use crate::ports::Ports;
use crate::process::Process;
use crate::site::Site;

/// The one server of its kind in a folder; in `target/services` it is the one that all tests of
/// this checkout share.
#[derive(Debug)]
pub struct Daemon {
    kind: Kind,
    home: PathBuf,
}

/// A server that answers.
#[derive(Debug, Clone)]
pub struct Running {
    /// Which.
    pub kind: Kind,
    /// As its clients want it.
    pub address: String,
    /// As the server itself says it.
    pub version: String,
    /// Its configuration, data and log.
    pub folder: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// How a start found the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was down.
    Down,
    /// It was running and was left alone.
    Running,
}

/// What is kept of a server between two calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    ports: Ports,
    version: String,
    /// None after it was stopped.
    process: Option<Process>,
}

impl Daemon {
    /// The server that the tests share.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self::below(&folders::services(), kind)
    }

    /// The server of another folder.
    #[must_use]
    pub fn below(home: &Path, kind: Kind) -> Self {
        Self { kind, home: home.to_path_buf() }
    }

    /// Starts it unless it runs, on the ports it had last time if nobody has taken them. A running
    /// one of another version than is installed now is replaced.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub fn start(&self, installed: &Installed) -> anyhow::Result<(Running, Found)> {
        let _lock = self.lock()?;
        let site = self.site()?;
        let state = self.state();
        let running = state.as_ref().and_then(|state| Some((state, state.live()?)));
        if let Some((state, process)) = running {
            if state.version == installed.version {
                launch::wait_until_ready(&site, state.ports, process, launch::READY)?;
                return Ok((self.running(site, state, process), Found::Running));
            }
            launch::end(self.kind, process)?;
        }
        let kept = state.map(|state| state.ports).filter(|ports| ports.are_free());
        // Known from the first moment, so that it can be stopped if we are killed before it is ready.
        let known = &mut |ports, process: &Process| self.keep(&State::of(ports, installed, process));
        let launched = match kept {
            Some(ports) => launch::on_ports(&site, installed, ports, known)?,
            None => launch::on_new_ports(&site, installed, known)?,
        };
        let state = State::of(launched.ports, installed, &launched.process);
        Ok((self.running(site, &state, &launched.process), Found::Down))
    }

    /// Stops it; whether it was running.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> anyhow::Result<bool> {
        let _lock = self.lock()?;
        let Some(mut state) = self.state() else { return Ok(false) };
        let was_running = match state.live() {
            Some(process) => launch::end(self.kind, process).map(|()| true)?,
            None => false,
        };
        state.process = None;
        self.keep(&state)?;
        Ok(was_running)
    }

    /// The server, if it runs and answers.
    ///
    /// # Errors
    /// It runs but does not answer.
    pub fn status(&self) -> anyhow::Result<Option<Running>> {
        let Some(state) = self.state() else { return Ok(None) };
        let Some(process) = state.live() else { return Ok(None) };
        let site = self.site()?;
        launch::wait_until_ready(&site, state.ports, process, launch::STATUS)?;
        Ok(Some(self.running(site, &state, process)))
    }

    fn running(&self, site: Site, state: &State, process: &Process) -> Running {
        Running {
            kind: self.kind,
            address: launch::address(self.kind, state.ports),
            version: state.version.clone(),
            folder: site.folder,
            pid: process.pid,
        }
    }

    fn site(&self) -> anyhow::Result<Site> {
        Site::at(self.kind, &self.home.join(self.kind.name()))
    }

    /// Held while it is started or stopped, so that two commands at once do not start two.
    fn lock(&self) -> anyhow::Result<File> {
        std::fs::create_dir_all(&self.home)?;
        let path = self.home.join(format!("{}.lock", self.kind));
        let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        file.lock()?;
        Ok(file)
    }

    fn state_path(&self) -> PathBuf {
        self.home.join(format!("{}.json", self.kind))
    }

    fn state(&self) -> Option<State> {
        serde_json::from_slice(&std::fs::read(self.state_path()).ok()?).ok()
    }

    fn keep(&self, state: &State) -> anyhow::Result<()> {
        Ok(std::fs::write(self.state_path(), serde_json::to_vec_pretty(state)?)?)
    }
}

impl State {
    fn of(ports: Ports, installed: &Installed, process: &Process) -> Self {
        Self { ports, version: installed.version.clone(), process: Some(process.clone()) }
    }

    /// The process, if it is still that one.
    fn live(&self) -> Option<&Process> {
        self.process.as_ref().filter(|process| process.is_alive())
    }
}

/// Writes the addresses of the servers that run to `target/services/services.json`, where
/// [`running`](crate::running) reads them.
///
/// # Errors
/// The file cannot be written.
pub fn publish() -> anyhow::Result<PathBuf> {
    let path = folders::services().join(folders::ADDRESSES);
    write_addresses(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

fn write_addresses(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folders::services())?;
    let lock = File::create(path.with_extension("lock"))?;
    lock.lock()?;
    let addresses: BTreeMap<&str, String> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let state = Daemon::of(kind).state()?;
            state.live()?;
            Some((kind.name(), launch::address(kind, state.ports)))
        })
        .collect();
    // Whole at any time, for a test that reads it just now.
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, serde_json::to_string_pretty(&addresses)? + "\n")?;
    Ok(std::fs::rename(&fresh, path)?)
}
