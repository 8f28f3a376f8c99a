//! A service under measurement: a process, its address, its CPU time.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Clock ticks a second in /proc, on every Linux there is.
const TICKS: f64 = 100.0;

/// A service that runs.
pub(crate) struct Service {
    /// `http://host:port`.
    pub(crate) url: String,
    child: Child,
    /// What it says last: the toolkit's report.
    last: Option<std::thread::JoinHandle<String>>,
}

impl Service {
    /// Starts the program, which says its address in the first line of its output.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("{command:?} cannot be started"))?;
        let stderr = child.stderr.take().context("no standard error")?;
        let last = std::thread::spawn(move || last_line(stderr));
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "{command:?} said nothing");
        Ok(Self { url: format!("http://{}", line.trim()), child, last: Some(last) })
    }

    /// User and system time of the process so far.
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may hold blanks; times are the 14th and 15th field.
        let after = stat.rsplit(')').next().context("a strange /proc/PID/stat")?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<f64> {
            Ok(fields.get(at).context("a short /proc/PID/stat")?.parse()?)
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    /// Ends it as an orchestrator would; what it says last.
    fn stop(mut self) -> anyhow::Result<String> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(self.last.take().and_then(|last| last.join().ok()).unwrap_or_default())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
    }
}

/// One way of running a system, and what it is asked.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// A script of wrk's that makes the requests; none: GET.
    pub(crate) script: Option<PathBuf>,
    pub(crate) services: Vec<Service>,
}

impl Variant {
    /// CPU time of all its processes so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        self.services.iter().map(Service::cpu_seconds).sum()
    }

    /// Ends its services, the one started last first; what each says last.
    pub(crate) fn stop(self) -> anyhow::Result<Vec<String>> {
        self.services.into_iter().rev().map(Service::stop).collect()
    }
}

/// Reads on, so that the service never waits for us.
fn last_line(mut stderr: impl std::io::Read) -> String {
    let mut tail = Vec::new();
    let mut buffer = [0; 64 * 1024];
    while let Ok(n) = stderr.read(&mut buffer) {
        if n == 0 {
            break;
        }
        tail.extend_from_slice(buffer.get(..n).unwrap_or_default());
        let surplus = tail.len().saturating_sub(8 * 1024);
        tail.drain(..surplus);
    }
    let mut text = String::new();
    // What is cut in the middle of a character belongs to an earlier line.
    let _whole = tail.as_slice().read_to_string(&mut text).is_ok();
    text.trim_end().rsplit('\n').next().unwrap_or_default().to_owned()
}
