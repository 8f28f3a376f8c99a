//! What a span costs the thread that makes it: the toolkit, the OpenTelemetry API with the SDK's
//! batch processor, `tracing-opentelemetry`, fastrace, and `tracing` alone; sampled and not.
//!
//! An iteration is a root span with three attributes and a child with two, entered and left; the
//! figures are for one span, half of it. Time is CPU time of the thread, so that a busy machine
//! does not blur the ratios. Allocations are those of the same thread. Every library is given time
//! to send what it has, outside the measurement, before its queue is full: a span that is dropped
//! is cheaper than one that is kept, and would be the least of all.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

#[path = "../../../crates/toolkit/benches/cpu.rs"]
mod cpu;
mod ways;

use std::time::Duration;

use fastrace::collector::Config;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::Sampler;
use throughline_toolkit::DropReason;
use tracing::Dispatch;

use ways::{Nowhere, RUN, SPANS};

/// Time first, then allocations; only what the command line names, when it names something.
fn measure(name: &str, mut work: impl FnMut(), tidy: impl FnMut()) -> bool {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
        return false;
    }
    cpu::measure_tidily(name, SPANS, RUN, &mut work, tidy);
    let allocated = allocation_counter::measure(|| (0..RUN).for_each(|_| work()));
    let spans = f64::from(RUN * SPANS);
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (count, bytes) = (allocated.count_total as f64 / spans, allocated.bytes_total as f64 / spans);
    println!("{:44} {count:>9.2} allocations {bytes:>9.0} bytes", "");
    true
}

fn toolkit() {
    for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
        let telemetry = ways::ours(sampler);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let flush = || _ = runtime.block_on(telemetry.flush(Duration::from_secs(5)));
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            measure(&format!("toolkit, {name}"), ways::with_tracing, flush);
        });
        let spans = telemetry.stats().spans;
        assert_eq!(spans.dropped_for(DropReason::QueueFull) + spans.dropped_for(DropReason::QueueBytes), 0);
    }
}

fn sdk() {
    let off = || Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    for (name, sampler, kept) in [("sampled", Sampler::AlwaysOn, true), ("sampled out", off(), false)] {
        let exporter = Nowhere::default();
        let provider = ways::sdk(sampler, exporter.clone());
        let tracer = provider.tracer("bench");
        let flush = || provider.force_flush().unwrap();
        let mut ways = 0;
        ways += u64::from(measure(&format!("OpenTelemetry API, {name}"), || ways::with_sdk(&tracer), flush));
        for (shape, lean) in [("", false), (" lean", true)] {
            tracing::dispatcher::with_default(&ways::bridged(&provider, lean), || {
                let name = format!("tracing-opentelemetry{shape}, {name}");
                ways += u64::from(measure(&name, ways::with_tracing, flush));
            });
        }
        flush();
        let each = u64::from(SPANS) * (cpu::ITERATIONS_IN_ALL + u64::from(RUN));
        assert_eq!(exporter.given(), if kept { ways * each } else { 0 }, "spans were dropped");
    }
}

fn main() {
    if !cpu::asked() {
        return;
    }
    measure("tracing, no subscriber", ways::with_tracing, || {});
    let registry = Dispatch::new(tracing_subscriber::registry());
    tracing::dispatcher::with_default(&registry, || {
        measure("tracing, registry only", ways::with_tracing, || {});
    });
    fastrace::set_reporter(Nowhere::default(), Config::default());
    for round in 1..=3 {
        println!("round {round}");
        toolkit();
        sdk();
        for (name, sampled) in [("sampled", true), ("sampled out", false)] {
            measure(&format!("fastrace, {name}"), || ways::with_fastrace(sampled), fastrace::flush);
        }
    }
}
