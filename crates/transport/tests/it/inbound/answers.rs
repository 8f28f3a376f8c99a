//! The answer rules of OTLP 1.11, each on gRPC, HTTP with protobuf and HTTP with JSON.

use std::time::Duration;

use throughline_model::Signal;
use throughline_pipeline::Refusal;

use crate::fake_sink::{Behaviour, FakeSink};
use crate::platform::{Options, Platform};
use crate::requests;
use crate::sender::{Coding, Wire, on_each_wire};

const INVALID_ARGUMENT: i32 = 3;
const INTERNAL: i32 = 13;
const UNAVAILABLE: i32 = 14;
const UNIMPLEMENTED: i32 = 12;

/// gRPC says it in its code, HTTP in its status.
fn assert_answer(wire: Wire, answer: &crate::sender::Answer, code: i32, http: u16) {
    let http = if wire == Wire::Grpc { 200 } else { http };
    assert_eq!((answer.code, answer.http), (code, http), "{answer:?}");
}

async fn refusing(refusal: Refusal) -> Platform {
    Platform::with(FakeSink::new([Behaviour::Refuse(refusal)]), Options::default()).await
}

on_each_wire! {
    async fn an_empty_request_is_a_success(wire) {
        let platform = Platform::start().await;
        for signal in Signal::ALL {
            let answer = wire.send(&platform, &requests::empty(signal)).await;
            assert_answer(wire, &answer, 0, 200);
            assert_eq!(answer.partial, None);
        }
        assert_eq!(platform.sink.accepted().len(), 0, "there is nothing to keep");
    }

    async fn full_success_leaves_partial_success_unset(wire) {
        let platform = Platform::start().await;
        for signal in Signal::ALL {
            let answer = wire.send(&platform, &requests::one(signal)).await;
            assert_answer(wire, &answer, 0, 200);
            assert_eq!(answer.partial, None);
        }
        let signals: Vec<Signal> = platform.sink.accepted().iter().map(|delivery| delivery.signal).collect();
        assert_eq!(signals, Signal::ALL);
        assert_eq!(platform.sink.accepted_items(), 3);
    }

    async fn what_is_handed_on_is_the_request_as_it_came(wire) {
        let platform = Platform::start().await;
        let request = requests::spans(2);
        wire.send_with(&platform, &request, Coding::Gzip, &[]).await;
        let delivery = platform.sink.accepted().remove(0);
        assert_eq!(&delivery.raw[..], wire.body(&request));
        assert_eq!(&*delivery.pipeline, "traces");
        assert_eq!(delivery.encoding, if wire == Wire::HttpJson { 2 } else { 1 });
        assert_eq!(delivery.batch.num_rows(), 2);
        assert!(delivery.received_ns > 0);
    }

    async fn a_partly_bad_request_keeps_its_good_part_and_reports_the_rest(wire) {
        let platform = Platform::start().await;
        let answer = wire.send(&platform, &requests::spans_of_which_one_is_bad(3)).await;
        assert_answer(wire, &answer, 0, 200);
        let (rejected, message) = answer.partial.unwrap();
        assert_eq!(rejected, 1);
        assert!(message.contains("trace"), "{message}");
        assert_eq!(platform.sink.accepted_items(), 3);
    }

    async fn a_wholly_bad_request_is_a_partial_success_that_keeps_nothing(wire) {
        let platform = Platform::start().await;
        let answer = wire.send(&platform, &requests::spans_of_which_one_is_bad(0)).await;
        assert_answer(wire, &answer, 0, 200);
        assert_eq!(answer.partial.unwrap().0, 1);
        assert_eq!(platform.sink.accepted().len(), 0);
    }

    async fn bad_data_is_refused_for_good_and_the_fault_named(wire) {
        let platform = Platform::start().await;
        let answer = wire.send(&platform, &requests::malformed()).await;
        assert_answer(wire, &answer, INVALID_ARGUMENT, 400);
        assert_eq!(answer.retry_after, None);
        assert!(answer.message.contains("malformed OTLP"), "{answer:?}");
        assert_eq!(answer.violations.len(), 1, "{answer:?}");
        assert_eq!(platform.sink.accepted().len(), 0);
    }

    async fn an_unavailable_store_is_retryable_with_a_delay(wire) {
        let platform = refusing(Refusal::unavailable("the disk is full", Duration::from_secs(3))).await;
        let answer = wire.send(&platform, &requests::spans(1)).await;
        assert_answer(wire, &answer, UNAVAILABLE, 503);
        assert_eq!(answer.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(answer.message, "the disk is full");
        let again = wire.send(&platform, &requests::spans(1)).await;
        assert_answer(wire, &again, 0, 200);
    }

    async fn an_overloaded_store_is_retryable_with_a_delay(wire) {
        let platform = refusing(Refusal::overloaded("slow down", Duration::from_secs(2))).await;
        let answer = wire.send(&platform, &requests::spans(1)).await;
        assert_answer(wire, &answer, UNAVAILABLE, 429);
        assert_eq!(answer.retry_after, Some(Duration::from_secs(2)));
    }

    async fn a_permanent_refusal_is_not_retryable(wire) {
        for (refusal, code, http) in
            [(Refusal::invalid("no"), INVALID_ARGUMENT, 400), (Refusal::internal("broken"), INTERNAL, 500)]
        {
            let platform = refusing(refusal).await;
            let answer = wire.send(&platform, &requests::spans(1)).await;
            assert_answer(wire, &answer, code, http);
            assert_eq!(answer.retry_after, None);
        }
    }

    async fn gzip_and_zstd_are_understood(wire) {
        let platform = Platform::start().await;
        for coding in [Coding::Gzip, Coding::Zstd] {
            let answer = wire.send_with(&platform, &requests::spans(5), coding, &[]).await;
            assert_answer(wire, &answer, 0, 200);
        }
        assert_eq!(platform.sink.accepted_items(), 10);
    }

    async fn an_unknown_coding_is_refused_by_name(wire) {
        let platform = Platform::start().await;
        let header = if wire == Wire::Grpc { "grpc-encoding" } else { "content-encoding" };
        let brotli = [(header, "br")];
        let answer = wire.send_with(&platform, &requests::spans(1), Coding::Identity, &brotli).await;
        assert_answer(wire, &answer, if wire == Wire::Grpc { UNIMPLEMENTED } else { INVALID_ARGUMENT }, 415);
        assert!(answer.message.contains("\"br\""), "{answer:?}");
        let accepts = if wire == Wire::Grpc { "grpc-accept-encoding" } else { "accept-encoding" };
        assert!(answer.headers[accepts].to_str().unwrap().contains("zstd"));
    }

    async fn the_tenant_is_taken_from_the_header(wire) {
        let platform = Platform::start().await;
        let shop = [("x-scope-orgid", "shop")];
        wire.send_with(&platform, &requests::spans(1), Coding::Identity, &shop).await;
        wire.send(&platform, &requests::spans(1)).await;
        let tenants: Vec<String> = platform.sink.accepted().iter().map(|d| d.tenant.to_string()).collect();
        assert_eq!(tenants, ["shop", "anonymous"]);
    }

    async fn a_bad_tenant_is_refused_and_named(wire) {
        let platform = Platform::start().await;
        let header = [("x-scope-orgid", "../etc")];
        let answer = wire.send_with(&platform, &requests::spans(1), Coding::Identity, &header).await;
        assert_answer(wire, &answer, INVALID_ARGUMENT, 400);
        assert_eq!(answer.violations, ["X-Scope-OrgID"]);
    }

    async fn a_signal_without_a_pipeline_is_refused(wire) {
        let options = Options { signals: vec![Signal::Traces], ..Options::default() };
        let platform = Platform::with(FakeSink::new([]), options).await;
        let answer = wire.send(&platform, &requests::one(Signal::Logs)).await;
        assert_answer(wire, &answer, if wire == Wire::Grpc { UNIMPLEMENTED } else { 5 }, 404);
        assert!(answer.message.contains("logs"));
    }

    async fn answers_are_counted_under_the_collectors_names(wire) {
        let platform = refusing(Refusal::unavailable("full", Duration::from_secs(1))).await;
        let transport = if wire == Wire::Grpc { "grpc" } else { "http" };
        for request in [requests::spans(4), requests::spans_of_which_one_is_bad(3), requests::malformed()] {
            wire.send(&platform, &request).await;
        }
        let labels = format!("{{receiver=\"otlp\",transport=\"{transport}\"}}");
        assert_eq!(platform.counted(&format!("otelcol_receiver_accepted_spans{labels}")), 3);
        assert_eq!(platform.counted(&format!("otelcol_receiver_refused_spans{labels}")), 4);
        for (outcome, expected) in [("success", 0), ("partial", 1), ("refused", 1), ("failure", 1)] {
            let labels =
                format!("{{receiver=\"otlp\",transport=\"{transport}\",signal=\"traces\",outcome=\"{outcome}\"}}");
            assert_eq!(platform.counted(&format!("otelcol_receiver_requests{labels}")), expected, "{outcome}");
        }
    }
}
