//! Size limits, before and after decompression.

use throughline_model::Signal;
use throughline_transport::inbound::{GrpcSettings, HttpSettings, OtlpReceiverSettings, Protocols};

use crate::fake_sink::FakeSink;
use crate::platform::{Options, Platform};
use crate::requests::{self, Request};
use crate::sender::{Answer, Coding, Wire, on_each_wire};

const LIMIT_BYTES: usize = 1 << 20;

async fn limited() -> Platform {
    let settings = OtlpReceiverSettings {
        protocols: Protocols {
            grpc: Some(GrpcSettings { max_recv_msg_size_mib: 1, ..GrpcSettings::default() }),
            http: Some(HttpSettings { max_request_body_size: LIMIT_BYTES as u64, ..HttpSettings::default() }),
        },
    };
    Platform::with(FakeSink::new([]), Options { settings, ..Options::default() }).await
}

/// RESOURCE_EXHAUSTED without RetryInfo, or 413: both are final.
fn assert_too_large(wire: Wire, answer: &Answer) {
    assert_eq!((answer.code, answer.retry_after), (8, None), "{answer:?}");
    assert!(wire == Wire::Grpc || answer.http == 413, "{answer:?}");
}

on_each_wire! {
    async fn a_request_over_the_size_limit_is_refused_for_good(wire) {
        let platform = limited().await;
        let answer = wire.send(&platform, &requests::spans_of_size(LIMIT_BYTES)).await;
        assert_too_large(wire, &answer);
        let answer = wire.send(&platform, &requests::spans_of_size(LIMIT_BYTES - 2000)).await;
        assert_eq!(answer.code, 0, "below the limit");
        assert_eq!(platform.sink.accepted().len(), 1);
    }

    async fn a_request_over_the_limit_after_decompression_is_refused_for_good(wire) {
        let platform = limited().await;
        for coding in [Coding::Gzip, Coding::Zstd] {
            let answer = wire.send_with(&platform, &requests::spans_of_size(8 << 20), coding, &[]).await;
            assert_too_large(wire, &answer);
        }
        assert_eq!(platform.sink.accepted().len(), 0);
    }

    async fn a_body_that_does_not_decompress_is_bad_data(wire) {
        let platform = Platform::start().await;
        let header = if wire == Wire::Grpc { "grpc-encoding" } else { "content-encoding" };
        // tonic frames the message as not compressed then, so gRPC is sent garbage below.
        if wire != Wire::Grpc {
            let garbage = Request { signal: Signal::Traces, protobuf: vec![1, 2, 3], json: vec![1, 2, 3] };
            let answer = wire.send_with(&platform, &garbage, Coding::Identity, &[(header, "gzip")]).await;
            assert_eq!((answer.code, answer.http), (3, 400), "{answer:?}");
            assert!(answer.message.contains("does not decompress"));
        }
    }
}

/// A chunked body does not announce its size; it is cut off where the limit is.
#[tokio::test]
async fn a_chunked_body_is_cut_off_at_the_limit() {
    let platform = limited().await;
    let chunks = (0..64).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let url = format!("http://{}/v1/traces", platform.http);
    let response =
        reqwest::Client::new().post(url).header("content-type", "application/json").body(body).send().await;
    assert_eq!(Answer::of_http(response.unwrap()).await.http, 413);
}
