//! Size limits, before and after decompression.

use throughline_model::Signal;
use throughline_transport::inbound::{GrpcSettings, HttpSettings, OtlpReceiverSettings, Protocols};

use crate::fake_sink::FakeSink;
use crate::platform::{Options, Platform};
use crate::requests::{self, Request};
use crate::sender::{Answer, Coding, RawCodec, Wire, answer_of, channel, method, on_each_wire};

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
}

#[tokio::test]
async fn a_body_that_does_not_decompress_is_bad_data_on_http() {
    let platform = Platform::start().await;
    for wire in [Wire::HttpProtobuf, Wire::HttpJson] {
        let garbage = Request { signal: Signal::Traces, protobuf: vec![1, 2, 3], json: vec![1, 2, 3] };
        let gzip = [("content-encoding", "gzip")];
        let answer = wire.send_with(&platform, &garbage, Coding::Identity, &gzip).await;
        assert_eq!((answer.code, answer.http), (3, 400), "{answer:?}");
        assert!(answer.message.contains("does not decompress"));
    }
}

/// Sends a gRPC body byte by byte as given.
async fn grpc_code(platform: &Platform, encoding: Option<&str>, body: &[u8]) -> http::HeaderValue {
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}{}", platform.grpc, method(Signal::Traces));
    let mut calling = client.post(url).header("content-type", "application/grpc").body(body.to_vec());
    if let Some(encoding) = encoding {
        calling = calling.header("grpc-encoding", encoding);
    }
    calling.send().await.unwrap().headers()["grpc-status"].clone()
}

#[tokio::test]
async fn calls_that_are_not_exactly_one_message_are_bad_data() {
    let platform = Platform::start().await;
    for (encoding, body) in [
        (Some("gzip"), &b"\x01\0\0\0\x03abc"[..]),
        (None, b"\x01\0\0\0\x03abc"),
        (None, b""),
        (None, b"\0\0\0"),
        (None, b"\0\0\0\0\x03ab"),
        (None, b"\0\0\0\0\0\0\0\0\0\0"),
    ] {
        assert_eq!(grpc_code(&platform, encoding, body).await, "3", "{body:?}");
    }
    assert_eq!(grpc_code(&platform, None, b"\0\xff\0\0\0").await, "8", "announces more than is taken");
}

#[tokio::test]
async fn methods_that_are_not_there_are_unimplemented_on_grpc() {
    let platform = Platform::start().await;
    let mut client = tonic::client::Grpc::new(channel(platform.grpc));
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let call = client.unary(tonic::Request::new(bytes::Bytes::new()), path, RawCodec).await;
    assert_eq!(answer_of(call).code, 12);
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
