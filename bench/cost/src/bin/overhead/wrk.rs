//! Load by wrk, whose report is read.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// How much load.
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
    /// Each connection waits for so long between an answer and its next request.
    pub(crate) pause_ms: u32,
}

/// What the client saw.
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Load {
    pub(crate) fn run(&self, url: &str, script: Option<&Path>) -> anyhow::Result<Seen> {
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", "--latency", "-c", &self.connections.to_string()]);
        let paced = self.paced(script)?;
        if let Some(script) = paced.as_ref().map(tempfile::NamedTempFile::path).or(script) {
            wrk.arg("-s").arg(script);
        }
        let output = wrk
            .args(["-d", &format!("{}s", self.seconds), url])
            .output()
            .context("wrk cannot be started; Debian's package wrk has it")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed: {text}");
        ensure!(!text.contains("Non-2xx or 3xx") || script.is_none(), "requests were refused:\n{text}");
        read(&text).with_context(|| format!("wrk's report is not understood:\n{text}"))
    }

    /// The script with the pause in it.
    fn paced(&self, script: Option<&Path>) -> anyhow::Result<Option<tempfile::NamedTempFile>> {
        if self.pause_ms == 0 {
            return Ok(None);
        }
        let script = script.map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let mut paced = tempfile::NamedTempFile::new()?;
        writeln!(paced, "{script}\nfunction delay() return {} end", self.pause_ms)?;
        Ok(Some(paced))
    }
}

fn read(text: &str) -> Option<Seen> {
    let after = |word: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(word))?;
        line.split_whitespace().nth(1)
    };
    let requests = text.lines().find(|line| line.contains(" requests in "))?;
    Some(Seen {
        requests: requests.split_whitespace().next()?.parse().ok()?,
        rate: after("Requests/sec:")?.parse().ok()?,
        p50_us: microseconds(after("50%")?)?,
        p99_us: microseconds(after("99%")?)?,
    })
}

/// `12.5us`, `1.2ms` or `3.4s`.
fn microseconds(text: &str) -> Option<f64> {
    let number = text.trim_end_matches(|c: char| c.is_alphabetic());
    let factor = match text.get(number.len()..)? {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_report() {
        let seen = read(
            "Running 1s test @ http://x\n  Latency Distribution\n     50%  120.00us\n     99%    1.50ms\n  41234 requests in 1.00s, 5MB read\nRequests/sec:  41200.5\n",
        );
        let seen = seen.unwrap();
        assert_eq!((seen.requests, seen.rate), (41_234, 41_200.5));
        assert_eq!((seen.p50_us, seen.p99_us), (120.0, 1500.0));
    }
}
