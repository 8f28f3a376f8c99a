//! Too much at once: refused before a body is read, and nothing is lost by those who try again.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::Signal;
use throughline_transport::inbound::ReceiverLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::fake_sink::{Behaviour, FakeSink};
use crate::platform::{Options, Platform};
use crate::requests;
use crate::sender::{Answer, RawCodec, Wire, answer_of, channel, method, on_each_wire};

fn assert_throttled(wire: Wire, answer: &Answer) {
    assert_eq!(answer.code, 14, "{answer:?}");
    assert!(wire == Wire::Grpc || answer.http == 429, "{answer:?}");
    assert!(answer.retry_after >= Some(Duration::from_secs(1)), "{answer:?}");
}

async fn without_memory() -> Platform {
    Platform::with(FakeSink::new([]), Options { used_mib: 900, ..Options::default() }).await
}

on_each_wire! {
    async fn short_memory_is_answered_retryably_with_a_delay(wire) {
        let platform = without_memory().await;
        let answer = wire.send(&platform, &requests::spans(1)).await;
        assert_throttled(wire, &answer);
        assert!(answer.message.contains("memory"), "{answer:?}");
        let refused = "otelcol_processor_memory_limiter_refused_requests{processor=\"memory_limiter\"}";
        assert_eq!(platform.counted(refused), 1);
    }

    async fn requests_beyond_the_bound_are_answered_retryably_with_a_delay(wire) {
        let release = Arc::new(Notify::new());
        let sink = FakeSink::new([Behaviour::WaitFor(Arc::clone(&release))]);
        let limits = ReceiverLimits { requests_max: 1, ..ReceiverLimits::default() };
        let platform = Platform::with(sink, Options { limits, ..Options::default() }).await;
        let held = requests::spans(1);
        let (first, ()) = tokio::join!(wire.send(&platform, &held), async {
            platform.sink.arrived(1).await;
            let second = wire.send(&platform, &requests::spans(1)).await;
            assert_throttled(wire, &second);
            release.notify_one();
        });
        assert_eq!(first.code, 0);
        assert_eq!(wire.send(&platform, &requests::spans(1)).await.code, 0, "the slot is free again");
    }

    async fn a_sender_who_tries_again_loses_nothing(wire) {
        let limits = ReceiverLimits { requests_max: 2, ..ReceiverLimits::default() };
        let platform = Platform::with(FakeSink::new([]), Options { limits, ..Options::default() }).await;
        let sends = (0..24).map(|_| async {
            let request = requests::spans(3);
            loop {
                let answer = wire.send(&platform, &request).await;
                if answer.code == 0 {
                    return;
                }
                assert_throttled(wire, &answer);
                tokio::task::yield_now().await;
            }
        });
        futures::future::join_all(sends).await;
        assert_eq!(platform.sink.accepted_items(), 24 * 3);
    }
}

/// The head is sent, the body never: the answer comes all the same.
#[tokio::test]
async fn overload_is_decided_before_the_body_is_read_on_http() {
    let platform = without_memory().await;
    let mut connection = TcpStream::connect(platform.http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    connection.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 429 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn overload_is_decided_before_the_message_is_read_on_grpc() {
    let platform = without_memory().await;
    let mut client = tonic::client::Grpc::new(channel(platform.grpc));
    client.ready().await.unwrap();
    let never = tonic::Request::new(futures::stream::pending());
    let answer = answer_of(client.client_streaming(never, method(Signal::Traces), RawCodec).await);
    assert_throttled(Wire::Grpc, &answer);
}

#[tokio::test]
async fn a_sender_who_leaves_gives_its_memory_back() {
    let platform = Platform::start().await;
    let held = "otelcol_processor_memory_limiter_in_flight_bytes{processor=\"memory_limiter\"}";
    let mut connection = TcpStream::connect(platform.http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    while platform.counted(held) != 1000 {
        tokio::task::yield_now().await;
    }
    drop(connection);
    while platform.counted(held) != 0 {
        tokio::task::yield_now().await;
    }
}

/// A large body over HTTP/1 must not turn the answer into a broken pipe.
#[tokio::test]
async fn a_sender_with_a_large_body_sees_the_refusal() {
    let platform = without_memory().await;
    for wire in [Wire::HttpProtobuf, Wire::Grpc] {
        let answer = wire.send(&platform, &requests::spans_of_size(3 << 20)).await;
        assert_throttled(wire, &answer);
    }
}

/// Over plain HTTP/2, because a gRPC client keeps the deadline itself.
#[tokio::test]
async fn a_grpc_deadline_is_kept() {
    let platform = Platform::with(FakeSink::new([Behaviour::Hang]), Options::default()).await;
    let message = requests::spans(1).protobuf;
    let mut framed = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    framed.extend(message);
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let calling = client
        .post(format!("http://{}{}", platform.grpc, method(Signal::Traces)))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "50m")
        .body(framed);
    assert_eq!(calling.send().await.unwrap().headers()["grpc-status"], "4");
}
