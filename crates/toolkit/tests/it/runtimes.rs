//! Every runtime a service may have, over both protocols.

use throughline_toolkit::Telemetry;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode};
use crate::{LIMIT, telemetry, within};

async fn serve(telemetry: &Telemetry) -> throughline_toolkit::ShutdownReport {
    let work = async {
        for n in 0..10 {
            async { tracing::info!("inside") }.instrument(tracing::info_span!("work", n)).await;
        }
    };
    work.with_subscriber(telemetry.dispatch().clone()).await;
    telemetry.shutdown(LIMIT).await
}

fn check(run: impl Fn(&Telemetry) -> throughline_toolkit::ShutdownReport) {
    for protocol in ["http/protobuf", "grpc"] {
        let collector = Collector::start(Mode::Works);
        let telemetry = telemetry(&collector.address, &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]);
        let report = run(&telemetry);
        assert_eq!((report.spans.exported, report.logs.exported), (10, 10), "{protocol}: {report}");
        assert!(report.is_lossless() && report.complete, "{protocol}: {report}");
    }
}

#[test]
fn works_without_a_runtime() {
    check(|telemetry| {
        within(telemetry, || {
            for n in 0..10 {
                tracing::info_span!("work", n).in_scope(|| tracing::info!("inside"));
            }
        });
        telemetry.shutdown_blocking(LIMIT)
    });
}

#[test]
fn works_under_a_foreign_executor() {
    check(|telemetry| futures::executor::block_on(serve(telemetry)));
}

#[test]
fn works_on_a_current_thread_runtime() {
    check(|telemetry| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(serve(telemetry))
    });
}

#[test]
fn works_on_one_and_on_many_workers() {
    for workers in [1, 4] {
        check(|telemetry| {
            let builder = &mut tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(workers).build().unwrap();
            runtime.block_on(serve(telemetry))
        });
    }
}

#[test]
fn blocking_shutdown_works_inside_a_current_thread_runtime() {
    check(|telemetry| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            within(telemetry, || {
                for n in 0..10 {
                    tracing::info_span!("work", n).in_scope(|| tracing::info!("inside"));
                }
            });
            telemetry.shutdown_blocking(LIMIT)
        })
    });
}
