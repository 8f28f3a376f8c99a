//! The instruments, and the one reading of `/proc/self` that they share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use parking_lot::Mutex;

use super::clock_ticks::Units;
use super::parse::{Stat, number_of};

/// What is read for one instrument serves the others of the same collection.
const FRESH: Duration = Duration::from_millis(100);

/// What `/proc/self` said.
#[derive(Debug, Clone, Default)]
struct Reading {
    stat: Option<Stat>,
    /// Bytes read and written.
    disk: Option<(u64, u64)>,
    descriptors: Option<i64>,
    /// Voluntary and involuntary.
    switches: Option<(u64, u64)>,
    uptime_seconds: Option<f64>,
}

/// Reads at most once for each collection.
#[derive(Debug)]
struct Source {
    units: Units,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Arc<Reading>)>,
    switches: Switches,
}

impl Source {
    fn read(&self) -> Arc<Reading> {
        let mut state = self.state.lock();
        if let Some((at, reading)) = &state.last
            && at.elapsed() < FRESH
        {
            return Arc::clone(reading);
        }
        let stat = text("/proc/self/stat").as_deref().and_then(Stat::parse);
        let reading = Arc::new(Reading {
            stat,
            disk: disk(),
            descriptors: descriptors(),
            switches: state.switches.read(),
            uptime_seconds: stat.and_then(|stat| uptime(stat, self.units)),
        });
        state.last = Some((Instant::now(), Arc::clone(&reading)));
        reading
    }

    fn seconds(&self, ticks: u64) -> f64 {
        float(ticks) / float(self.units.ticks_per_second)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no process lives for 2^53 ticks")]
fn float(value: u64) -> f64 {
    value as f64
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn disk() -> Option<(u64, u64)> {
    let io = text("/proc/self/io")?;
    Some((number_of(&io, "read_bytes")?, number_of(&io, "write_bytes")?))
}

/// The kernel tells their number as the size of the folder since 6.2.
fn descriptors() -> Option<i64> {
    let folder = Path::new("/proc/self/fd");
    let told = std::fs::metadata(folder).ok()?.len();
    if told > 0 {
        return i64::try_from(told).ok();
    }
    // Listing them takes one more.
    i64::try_from(std::fs::read_dir(folder).ok()?.count().saturating_sub(1)).ok()
}

fn uptime(stat: Stat, units: Units) -> Option<f64> {
    let machine: f64 = text("/proc/uptime")?.split_whitespace().next()?.parse().ok()?;
    Some((machine - float(stat.start_ticks) / float(units.ticks_per_second)).max(0.0))
}

/// Context switches of all threads, also of those that have ended.
#[derive(Debug, Default)]
struct Switches {
    threads: HashMap<String, (u64, u64)>,
    ended: (u64, u64),
}

impl Switches {
    fn read(&mut self) -> Option<(u64, u64)> {
        let mut now = HashMap::new();
        for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
            // A thread may end meanwhile.
            let Some(status) = text(task.path().join("status")) else { continue };
            let number = |name| number_of(&status, name).unwrap_or(0);
            let counts = (number("voluntary_ctxt_switches"), number("nonvoluntary_ctxt_switches"));
            now.insert(task.file_name().to_string_lossy().into_owned(), counts);
        }
        Some(self.take(now))
    }

    /// The sum with threads as they are now. An id that counts less than before is another thread.
    fn take(&mut self, now: HashMap<String, (u64, u64)>) -> (u64, u64) {
        for (id, had) in &self.threads {
            if now.get(id).is_none_or(|has| has.0 < had.0 || has.1 < had.1) {
                self.ended = (self.ended.0 + had.0, self.ended.1 + had.1);
            }
        }
        self.threads = now;
        self.threads.values().fold(self.ended, |sum, thread| (sum.0 + thread.0, sum.1 + thread.1))
    }
}

pub(super) fn register(meter: &Meter) {
    let source = Arc::new(Source { units: Units::read(), state: Mutex::default() });
    register_cpu(meter, &source);
    register_memory(meter, &source);
    register_counts(meter, &source);
    register_pairs(meter, &source);
}

fn register_cpu(meter: &Meter, source: &Arc<Source>) {
    let labels = ["user", "system"].map(|mode| [KeyValue::new("cpu.mode", mode)]);
    let from = Arc::clone(source);
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("Total CPU seconds broken down by different states.")
        .with_callback(move |instrument| {
            let Some(stat) = from.read().stat else { return };
            for (labels, ticks) in labels.iter().zip([stat.user_ticks, stat.system_ticks]) {
                instrument.observe(from.seconds(ticks), labels);
            }
        })
        .build();
    let from = Arc::clone(source);
    meter
        .f64_observable_gauge("process.uptime")
        .with_unit("s")
        .with_description("The time the process has been running.")
        .with_callback(move |instrument| {
            if let Some(uptime) = from.read().uptime_seconds {
                instrument.observe(uptime, &[]);
            }
        })
        .build();
}

fn register_memory(meter: &Meter, source: &Arc<Source>) {
    let page_bytes = source.units.page_bytes;
    let usage = move |reading: &Reading| signed(reading.stat?.resident_pages.saturating_mul(page_bytes));
    up_down(meter, source, "process.memory.usage", "By", "The amount of physical memory in use.", usage);
    let committed = |reading: &Reading| signed(reading.stat?.virtual_bytes);
    let text = "The amount of committed virtual memory.";
    up_down(meter, source, "process.memory.virtual", "By", text, committed);
}

fn register_counts(meter: &Meter, source: &Arc<Source>) {
    let threads = |reading: &Reading| Some(reading.stat?.threads);
    up_down(meter, source, "process.thread.count", "{thread}", "Process threads count.", threads);
    let name = "process.unix.file_descriptor.count";
    let text = "Number of unix file descriptors in use by the process.";
    up_down(meter, source, name, "{file_descriptor}", text, |reading| reading.descriptors);
}

fn register_pairs(meter: &Meter, source: &Arc<Source>) {
    let disk = |reading: &Reading| reading.disk;
    let labels = ("disk.io.direction", ["read", "write"]);
    pair(meter, source, ("process.disk.io", "By", "Disk bytes transferred."), labels, disk);
    let text = "Number of times the process has been context switched.";
    let labels = ("process.context_switch.type", ["voluntary", "involuntary"]);
    let switches = |reading: &Reading| reading.switches;
    pair(meter, source, ("process.context_switches", "{context_switch}", text), labels, switches);
    let text = "Number of page faults the process has made.";
    let labels = ("system.paging.fault.type", ["minor", "major"]);
    let faults = |reading: &Reading| reading.stat.map(|stat| (stat.minor_faults, stat.major_faults));
    pair(meter, source, ("process.paging.faults", "{fault}", text), labels, faults);
}

fn signed(value: u64) -> Option<i64> {
    i64::try_from(value).ok()
}

/// An amount that rises and falls.
fn up_down(
    meter: &Meter,
    source: &Arc<Source>,
    name: &'static str,
    unit: &'static str,
    text: &'static str,
    read: impl Fn(&Reading) -> Option<i64> + Send + Sync + 'static,
) {
    let from = Arc::clone(source);
    let observe = move |instrument: &dyn AsyncInstrument<i64>| {
        if let Some(value) = read(&from.read()) {
            instrument.observe(value, &[]);
        }
    };
    let builder = meter.i64_observable_up_down_counter(name).with_unit(unit).with_description(text);
    builder.with_callback(observe).build();
}

/// A counter of two kinds.
fn pair(
    meter: &Meter,
    source: &Arc<Source>,
    (name, unit, text): (&'static str, &'static str, &'static str),
    (key, kinds): (&'static str, [&'static str; 2]),
    read: fn(&Reading) -> Option<(u64, u64)>,
) {
    let labels = kinds.map(|kind| [KeyValue::new(key, kind)]);
    let from = Arc::clone(source);
    let observe = move |instrument: &dyn AsyncInstrument<u64>| {
        let Some((first, second)) = read(&from.read()) else { return };
        for (labels, value) in labels.iter().zip([first, second]) {
            instrument.observe(value, labels);
        }
    };
    let builder = meter.u64_observable_counter(name).with_unit(unit).with_description(text);
    builder.with_callback(observe).build();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_of_threads_that_ended_stay_counted() {
        let threads = |list: &[(&str, u64)]| {
            list.iter().map(|(id, n)| ((*id).to_owned(), (*n, 1))).collect::<HashMap<_, _>>()
        };
        let mut switches = Switches::default();
        assert_eq!(switches.take(threads(&[("1", 10), ("2", 5)])), (15, 2));
        assert_eq!(switches.take(threads(&[("1", 12)])), (17, 2));
        assert_eq!(switches.take(threads(&[("1", 12), ("2", 3)])), (20, 3));
        assert_eq!(switches.take(threads(&[("1", 2), ("2", 3)])), (22, 4), "an id that was given again");
    }

    #[test]
    fn one_reading_serves_a_whole_collection() {
        let source = Source { units: Units::read(), state: Mutex::default() };
        assert!(Arc::ptr_eq(&source.read(), &source.read()));
        let old = source.read();
        let earlier = Instant::now().checked_sub(FRESH).unwrap();
        if let Some((at, _)) = &mut source.state.lock().last {
            *at = earlier;
        }
        assert!(!Arc::ptr_eq(&old, &source.read()));
    }
}
