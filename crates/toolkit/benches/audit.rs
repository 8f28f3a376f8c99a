//! What the audit costs: CPU time of the whole process for each span, encoded and given up, with
//! the rules on and off and with redaction. The service's own threads do the same in all.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use throughline_toolkit::{Environment, Telemetry, TelemetryBuilder};

const SPANS: u32 = 100_000;

fn process_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// Nanoseconds of CPU for each span with three attributes of text, the least of several rounds.
fn measure(set: impl Fn(TelemetryBuilder) -> TelemetryBuilder) -> u128 {
    let round = || {
        let environment = Environment::from_pairs([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
            ("OTEL_LOG_LEVEL", "none"),
        ]);
        let telemetry = set(Telemetry::builder().environment(environment).log_lines(false)).start().unwrap();
        let before = process_cpu();
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            for n in 0..SPANS {
                drop(tracing::info_span!(
                    "GET /users/{id}",
                    url.path = "/users/7/orders",
                    server.address = "shop.example",
                    user_agent.original = "Mozilla/5.0 (X11; Linux x86_64)",
                    n = black_box(n)
                ));
            }
        });
        let report = telemetry.shutdown_blocking(Duration::from_secs(60));
        assert_eq!(report.spans.recorded, u64::from(SPANS));
        (process_cpu() - before).as_nanos() / u128::from(SPANS)
    };
    (0..7).map(|_| round()).min().unwrap()
}

fn main() {
    // A test run only wants to know that benches build.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for name in ["first", "second"] {
        println!("{name} time");
        println!("{:>8} ns  off", measure(|builder| builder.audit(false)));
        println!("{:>8} ns  rules", measure(|builder| builder));
        println!("{:>8} ns  rules and redaction", measure(|builder| builder.redact_secrets(true)));
    }
}
