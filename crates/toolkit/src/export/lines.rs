//! Log lines on their way to stderr, gathered so that a line costs its service a copy and not a
//! system call.
//!
//! A line waits at most [`GATHER`]. A line of level ERROR goes out before the call that logged it
//! returns, with all that wait before it; so do lines after shutdown. What a killed process can
//! lose is therefore the last millisecond below ERROR.

use std::fmt::{self, Debug};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::layer::active;

/// How long the first line of a batch waits for others.
const GATHER: Duration = Duration::from_millis(1);
/// When whoever reads stderr stops reading, this much waits; further lines are dropped and
/// counted.
const WAITING_MAX_BYTES: usize = 4 * 1024 * 1024;
/// A buffer that grew beyond this is given back.
const KEPT_BYTES: usize = 256 * 1024;

/// The lines that wait, and the thread that writes them.
pub(crate) struct Lines<W> {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Held while writing: lines leave in the order in which they came.
    out: Mutex<Out<W>>,
}

struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
    /// The thread waits for a first line.
    idle: bool,
    closed: bool,
}

struct Out<W> {
    to: W,
    /// Swapped with what waits.
    spare: Vec<u8>,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts the thread. Without one, each line is written at once.
    pub(crate) fn start(to: W) -> Arc<Self> {
        let waiting = Waiting { bytes: Vec::new(), dropped: 0, idle: false, closed: false };
        let out = Mutex::new(Out { to, spare: Vec::new() });
        let lines = Arc::new(Self { waiting: Mutex::new(waiting), wake: Condvar::new(), out });
        let (thread, name) = (Arc::clone(&lines), "throughline-lines".to_owned());
        if std::thread::Builder::new().name(name).spawn(move || thread.run()).is_err() {
            lines.close();
        }
        lines
    }

    /// Takes a line; an urgent one is written before this returns.
    pub(crate) fn push(&self, line: &str, urgent: bool) {
        let mut waiting = self.waiting.lock();
        let direct = urgent || waiting.closed;
        if waiting.bytes.len() + line.len() > WAITING_MAX_BYTES && !direct {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes.extend_from_slice(line.as_bytes());
        let wake = std::mem::take(&mut waiting.idle);
        drop(waiting);
        if direct {
            self.write();
        } else if wake {
            self.wake.notify_one();
        }
    }

    /// Writes what waits, ends the thread, and writes each later line at once.
    pub(crate) fn close(&self) {
        self.waiting.lock().closed = true;
        self.wake.notify_one();
        self.write();
    }

    /// How many lines were lost because nobody read.
    pub(crate) fn dropped(&self) -> u64 {
        self.waiting.lock().dropped
    }

    fn run(&self) {
        active::silence_thread();
        loop {
            let mut waiting = self.waiting.lock();
            while waiting.bytes.is_empty() && !waiting.closed {
                waiting.idle = true;
                self.wake.wait(&mut waiting);
            }
            if waiting.closed {
                return;
            }
            self.wake.wait_for(&mut waiting, GATHER);
            drop(waiting);
            self.write();
        }
    }

    fn write(&self) {
        let mut out = self.out.lock();
        let mut bytes = std::mem::take(&mut out.spare);
        std::mem::swap(&mut bytes, &mut self.waiting.lock().bytes);
        // Nowhere is left to report that stderr is closed.
        let _closed = out.to.write_all(&bytes).is_err();
        bytes.clear();
        bytes.shrink_to(KEPT_BYTES);
        out.spare = bytes;
    }
}

impl<W> Debug for Lines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Hands over each write; waits while nobody takes it.
    struct Pipe(SyncSender<String>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.0.send(text).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(capacity: usize) -> (Arc<Lines<Pipe>>, Receiver<String>) {
        let (sender, receiver) = sync_channel(capacity);
        (Lines::start(Pipe(sender)), receiver)
    }

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let (lines, read) = lines(1_000);
        for n in 0..100 {
            lines.push(&format!("{n}\n"), false);
        }
        let mut text = String::new();
        while !text.ends_with("99\n") {
            text.push_str(&read.recv_timeout(Duration::from_secs(20)).unwrap());
        }
        let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        lines.close();
    }

    #[test]
    fn an_urgent_line_is_out_when_the_call_returns_with_those_before_it() {
        let (lines, read) = lines(1_000);
        lines.push("first\n", false);
        lines.push("error\n", true);
        let text: String = read.try_iter().collect();
        assert_eq!(text, "first\nerror\n");
        lines.close();
    }

    #[test]
    fn a_reader_that_stops_costs_lines_but_no_time() {
        let (lines, read) = lines(0);
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..10_000 {
            lines.push(&line, false);
        }
        assert!(lines.dropped() > 0);
        let reader = std::thread::spawn(move || read.iter().map(|text| text.lines().count()).sum::<usize>());
        lines.close();
        lines.push("after the end\n", false);
        let dropped = usize::try_from(lines.dropped()).unwrap();
        drop(lines);
        assert_eq!(reader.join().unwrap() + dropped, 10_001);
    }
}
