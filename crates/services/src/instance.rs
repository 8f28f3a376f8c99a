//! A server of a test's own.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::addresses::Missing;
use crate::folders;
use crate::install::{self, Installed};
use crate::kind::Kind;
use crate::launch::{self, Launched};
use crate::ports::Ports;
use crate::process::{Process, Signal};
use crate::site::Site;

/// How long another program may hold the ports of a server that is started again.
const PORTS_FREE: Duration = Duration::from_secs(10);

/// A server that no other test knows, with its own ports and data. On drop it ends and its folder is
/// removed; the same when the test's process ends in any other way.
///
/// Everything here blocks.
#[derive(Debug)]
pub struct Instance {
    site: Site,
    installed: Installed,
    ports: Ports,
    server: Option<(Child, Process)>,
    tether: Tether,
}

impl Instance {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(kind: Kind) -> anyhow::Result<Self> {
        Self::configured(kind, "")
    }

    /// Starts a server with more lines at the end of its own configuration file.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn configured(kind: Kind, config: &str) -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let installed =
            install::installed(kind).ok_or_else(|| Missing::new(format!("{kind} is not installed")))?;
        let name = format!("{kind}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = folders::services().join("instances").join(name);
        // Left by an earlier process with our id.
        std::fs::remove_dir_all(&folder).ok();
        std::fs::remove_dir_all(folders::outside(&folder)).ok();
        let mut site = Site::at(kind, &folder)?;
        config.clone_into(&mut site.config);
        let mut tether = Tether::new(&folder)?;
        let hold = &mut |_, process: &Process| tether.hold(process.pid);
        let Launched { child, process, ports } = launch::on_new_ports(&site, &installed, hold)?;
        Ok(Self { site, installed, ports, server: Some((child, process)), tether })
    }

    /// As the server's clients want it; the same after a restart.
    #[must_use]
    pub fn address(&self) -> String {
        launch::address(self.site.kind, self.ports)
    }

    /// Its configuration, data and log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.site.folder
    }

    /// SIGKILL to all of its processes, as power loss does; waits until they are gone.
    ///
    /// # Errors
    /// They do not go.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.end(Process::kill_tree)
    }

    /// Lets it end well (SIGTERM; SIGINT for PostgreSQL, which then closes its clients).
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let kind = self.site.kind;
        self.end(|process| launch::end(kind, process))
    }

    /// Starts it again with the same ports and data, and waits until it is ready; stops it first
    /// when it runs.
    ///
    /// # Errors
    /// It does not end or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        self.ports.wait_until_free(PORTS_FREE)?;
        let hold = &mut |_, process: &Process| self.tether.hold(process.pid);
        let launched = launch::on_ports(&self.site, &self.installed, self.ports, hold)?;
        self.server = Some((launched.child, launched.process));
        Ok(())
    }

    /// SIGSTOP to all of its processes: connections stay open and nothing is answered.
    ///
    /// # Errors
    /// It is not running.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::Stop)
    }

    /// SIGCONT: it goes on as if nothing had been.
    ///
    /// # Errors
    /// It is not running.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::Cont)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let (_, process) = self.server.as_ref().context("it is not running")?;
        process.tree().iter().try_for_each(|process| process.signal(signal))
    }

    fn end(&mut self, end: impl FnOnce(&Process) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if let Some((child, process)) = &mut self.server {
            end(process)?;
            child.wait()?;
            self.server = None;
            self.tether.release()?;
        }
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // PostgreSQL leaves shared memory behind when it is killed. What fails here, the tether does.
        let ended = if self.site.kind == Kind::Postgres { self.stop() } else { self.kill() };
        ended.ok();
        std::fs::remove_dir_all(&self.site.folder).ok();
    }
}

/// A process that waits for the end of ours, whatever its cause, and then kills the server and
/// removes its folder. It is told the server's process id, or an empty line when there is none.
#[derive(Debug)]
struct Tether {
    shell: Child,
}

const TETHER: &str = "while read -r line; do server=$line; done
[ -z \"$server\" ] || kill -KILL \"$server\"
rm -rf \"$0\" \"$1\"";

impl Tether {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(TETHER).arg(folder).arg(folders::outside(folder));
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not in our process group, whose end it must see.
        let shell = shell.current_dir("/").process_group(0).spawn().context("`sh` cannot be started")?;
        Ok(Self { shell })
    }

    fn hold(&mut self, pid: u32) -> anyhow::Result<()> {
        self.tell(&pid.to_string())
    }

    fn release(&mut self) -> anyhow::Result<()> {
        self.tell("")
    }

    fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let stdin = self.shell.stdin.as_mut().context("the tether has no input")?;
        writeln!(stdin, "{line}").context("the tether is gone")
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_our_process_kills_the_server_and_removes_its_folder() {
        let folder = folders::services().join("instances").join(format!("tether-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut server = Command::new("sleep").arg("600").spawn().unwrap();
        let mut tether = Tether::new(&folder).unwrap();
        tether.hold(server.id()).unwrap();

        // What the system does when our process ends.
        drop(tether.shell.stdin.take());

        assert!(!server.wait().unwrap().success(), "it was killed");
        drop(tether);
        assert!(!folder.exists());
    }
}
