//! How many instructions a span costs the thread that makes it, as callgrind counts them: the same
//! spans as in the bench `spans`, with figures that do not depend on how busy the machine is.
//!
//! The bench runs itself below `valgrind`, which has to be installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a bench")]

mod ways;

use std::process::Command;
use std::time::Duration;

use fastrace::collector::Config;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::Sampler;
use tracing::Dispatch;

use ways::{Nowhere, RUN, SPANS};

const WAYS: [&str; 10] = [
    "registry only",
    "toolkit, sampled",
    "toolkit, sampled out",
    "OpenTelemetry API, sampled",
    "OpenTelemetry API, sampled out",
    "tracing-opentelemetry, sampled",
    "tracing-opentelemetry, sampled out",
    "tracing-opentelemetry lean, sampled",
    "fastrace, sampled",
    "fastrace, sampled out",
];
const RUNS: u32 = 10;

/// What is counted: callgrind knows it by its name.
#[inline(never)]
fn counted_run(work: &mut impl FnMut()) {
    (0..RUN).for_each(|_| work());
}

/// What is waiting is sent after each run, and the first only warms up.
fn iterate(mut work: impl FnMut(), flush: impl Fn()) {
    (0..RUN).for_each(|_| work());
    for _ in 0..RUNS {
        flush();
        counted_run(&mut work);
    }
}

fn run(way: &str) {
    let (library, sampling) = way.split_once(", ").unwrap_or((way, "sampled"));
    let sampled = sampling == "sampled";
    match library {
        "registry only" => {
            let registry = Dispatch::new(tracing_subscriber::registry());
            tracing::dispatcher::with_default(&registry, || iterate(ways::with_tracing, || {}));
        }
        "toolkit" => {
            let telemetry = ways::ours(if sampled { "always_on" } else { "parentbased_always_off" });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let flush = || _ = runtime.block_on(telemetry.flush(Duration::from_secs(60)));
            tracing::dispatcher::with_default(telemetry.dispatch(), || {
                iterate(ways::with_tracing, flush);
            });
        }
        "fastrace" => {
            fastrace::set_reporter(Nowhere::default(), Config::default());
            iterate(|| ways::with_fastrace(sampled), fastrace::flush);
        }
        _ => {
            let off = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
            let provider = ways::sdk(if sampled { Sampler::AlwaysOn } else { off }, Nowhere::default());
            let flush = || provider.force_flush().unwrap();
            if library == "OpenTelemetry API" {
                let tracer = provider.tracer("bench");
                return iterate(|| ways::with_sdk(&tracer), flush);
            }
            let dispatch = ways::bridged(&provider, library.ends_with("lean"));
            tracing::dispatcher::with_default(&dispatch, || iterate(ways::with_tracing, flush));
        }
    }
}

/// Instructions of the thread that makes the spans, a span.
fn count(way: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes", "--quiet", "--toggle-collect=*counted_run*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--count", way])
        .status()
        .expect("valgrind has to be installed");
    assert!(status.success(), "{way}: valgrind says {status}");
    let text = std::fs::read_to_string(folder.path().join("callgrind.out-01")).unwrap();
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    totals.trim().parse::<u64>().unwrap() / u64::from(RUNS * RUN * SPANS)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--count", way] => run(way),
        words if words.contains(&"--bench") => {
            for way in WAYS {
                println!("{way:<40} {:>8} instructions", count(way));
            }
        }
        _ => {}
    }
}
