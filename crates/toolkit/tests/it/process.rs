//! Metrics of the process, against what the process does.

use throughline_toolkit::testing::{Metric, Sink};

/// A metric of a telemetry that takes them, twice: before and after `work`.
fn around(work: impl FnOnce(), name: &str, rose: impl Fn(&Metric, &Metric) -> bool) -> Metric {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").process_metrics(true).start().unwrap();
    sink.attach(&telemetry);
    let before = sink.metric(name);
    work();
    sink.metric_where(name, |after| rose(&before, after))
}

fn value(metric: &Metric, labels: &[(&str, &str)]) -> f64 {
    metric.point(labels.iter().copied()).value()
}

#[test]
fn cpu_time_rises_with_work() {
    let busy = || {
        let until = std::time::Instant::now() + std::time::Duration::from_millis(60);
        while std::time::Instant::now() < until {
            std::hint::black_box(());
        }
    };
    let user = [("cpu.mode", "user")];
    let metric = around(busy, "process.cpu.time", |before, after| value(after, &user) > value(before, &user));
    assert_eq!((metric.unit(), metric.points().len()), ("s", 2));
    assert!(value(&metric, &[("cpu.mode", "system")]) >= 0.0);
}

#[test]
fn memory_threads_and_descriptors_are_those_of_this_process() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").process_metrics(true).start().unwrap();
    sink.attach(&telemetry);
    let now = |name: &str| value(&sink.metric(name), &[]);
    let (usage, committed) = (now("process.memory.usage"), now("process.memory.virtual"));
    assert!(usage > 1e6 && usage < committed, "{usage} {committed}");
    assert!(now("process.thread.count") >= 3.0, "the test, the sink, the export thread");
    let listed = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let counted = now("process.unix.file_descriptor.count");
    assert!((counted - listed as f64).abs() < 200.0 && counted >= 3.0, "{counted} {listed}");
    let uptime = now("process.uptime");
    assert!((0.0..3600.0).contains(&uptime), "{uptime}");
}

#[test]
fn counters_have_both_of_their_kinds() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").process_metrics(true).start().unwrap();
    sink.attach(&telemetry);
    for (name, key, kinds) in [
        ("process.context_switches", "process.context_switch.type", ["voluntary", "involuntary"]),
        ("process.paging.faults", "system.paging.fault.type", ["minor", "major"]),
    ] {
        let metric = sink.metric(name);
        let sum: f64 = kinds.iter().map(|kind| value(&metric, &[(key, *kind)])).sum();
        assert!(sum > 0.0, "{metric:#?}");
    }
}

#[test]
fn faults_rise_when_memory_is_touched() {
    let touch = || drop(std::hint::black_box(vec![1_u8; 8 << 20]));
    let minor = [("system.paging.fault.type", "minor")];
    around(touch, "process.paging.faults", |before, after| value(after, &minor) > value(before, &minor));
}

#[test]
fn they_can_be_turned_off() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").process_metrics(false).start().unwrap();
    sink.attach(&telemetry);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    assert_eq!(sink.metric("orders").points().len(), 1);
    assert!(sink.metrics().iter().all(|metric| !metric.name().starts_with("process.")));
}
