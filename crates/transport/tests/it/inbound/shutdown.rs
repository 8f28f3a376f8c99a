//! Stopping: what was begun is answered, what never ends is cut.

use std::sync::Arc;
use std::time::Duration;

use throughline_transport::inbound::{DrainReport, ReceiverLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::fake_sink::{Behaviour, FakeSink};
use crate::platform::{Addresses, Options, Platform};
use crate::requests;
use crate::sender::{Wire, on_each_wire};

const LONG: Duration = Duration::from_secs(20);

/// Sends a request, and once it has arrived stops the receiver and does `then`.
async fn stop_while_handling(
    wire: Wire,
    behaviour: Behaviour,
    grace: Duration,
    then: impl FnOnce(),
) -> (bool, DrainReport) {
    let platform = Platform::with(FakeSink::new([behaviour]), Options::default()).await;
    let addresses = Addresses::from(&platform);
    let Platform { receiver, sink, http, .. } = platform;
    let sending = tokio::spawn(async move { wire.send(addresses, &requests::spans(1)).await.code });
    sink.arrived(1).await;
    let stopping = tokio::spawn(receiver.shutdown(grace));
    // Once nobody accepts, the shutdown has begun.
    while TcpStream::connect(http).await.is_ok() {
        tokio::task::yield_now().await;
    }
    then();
    let report = stopping.await.unwrap();
    (sending.await.is_ok_and(|code| code == 0), report)
}

on_each_wire! {
    async fn a_request_that_is_being_handled_is_answered(wire) {
        let release = Arc::new(Notify::new());
        let wait = Behaviour::WaitFor(Arc::clone(&release));
        let (answered, report) = stop_while_handling(wire, wait, LONG, || release.notify_one()).await;
        assert!(answered);
        assert_eq!(report, DrainReport::default());
    }

    async fn a_request_that_never_ends_is_cut_after_the_grace(wire) {
        let (answered, report) =
            stop_while_handling(wire, Behaviour::Hang, Duration::from_millis(50), || {}).await;
        assert!(!answered);
        assert_eq!(report.aborted_connections, 1);
    }
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let platform = Platform::start().await;
    let _idle =
        [TcpStream::connect(platform.http).await.unwrap(), TcpStream::connect(platform.grpc).await.unwrap()];
    Wire::HttpProtobuf.send(&platform, &requests::spans(1)).await;
    let report = tokio::time::timeout(LONG / 2, platform.receiver.shutdown(LONG)).await.unwrap();
    assert_eq!(report, DrainReport::default());
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_free_place() {
    let limits = ReceiverLimits { connections_max: 1, ..ReceiverLimits::default() };
    let platform = Platform::with(FakeSink::new([]), Options { limits, ..Options::default() }).await;
    let request = "GET /v1/traces HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = TcpStream::connect(platform.http).await.unwrap();
    first.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    let mut second = TcpStream::connect(platform.http).await.unwrap();
    second.write_all(request.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), second.read_exact(&mut answer)).await;
    assert!(early.is_err(), "the first connection holds the only place");
    drop(first);
    second.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 405");
}
