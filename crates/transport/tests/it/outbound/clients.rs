//! Both clients against our own receivers, over sockets that fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::Signal;
use throughline_pipeline::{MemoryQueue, Refusal, Registry};
use throughline_transport::outbound::{
    Client, ClientTls, Compression, GrpcClient, HttpClient, OtlpGrpcSettings, OtlpHttpSettings,
    PayloadEncoding,
};
use throughline_wire::otlp::Encoding;
use tokio::net::{TcpListener, TcpStream};

use super::fake_client::{QUEUE_MAX, drain, enqueue, parts};
use crate::fake_sink::{Behaviour, FakeSink};
use crate::platform::{Options, Platform};
use crate::requests;
use crate::sender::{Wire, on_each_wire};

const TIMEOUT: Duration = Duration::from_millis(500);

fn client(wire: Wire, grpc: SocketAddr, http: SocketAddr, compression: Compression) -> Arc<dyn Client> {
    let encoding = if wire == Wire::HttpJson { PayloadEncoding::Json } else { PayloadEncoding::Proto };
    match wire {
        Wire::Grpc => {
            let tls = ClientTls { insecure: true, ..ClientTls::default() };
            let (endpoint, timeout) = (grpc.to_string(), TIMEOUT);
            let settings =
                OtlpGrpcSettings { endpoint, tls, timeout, compression, ..OtlpGrpcSettings::default() };
            Arc::new(GrpcClient::new(&settings).unwrap())
        }
        Wire::HttpProtobuf | Wire::HttpJson => {
            let (endpoint, timeout) = (format!("http://{http}"), TIMEOUT);
            let settings =
                OtlpHttpSettings { endpoint, timeout, encoding, compression, ..OtlpHttpSettings::default() };
            Arc::new(HttpClient::new(&settings).unwrap())
        }
    }
}

/// Sends five spans to a receiver that does as told; returns the exporter's metrics.
async fn send_to(wire: Wire, script: Vec<Behaviour>) -> (Platform, String) {
    let platform = Platform::with(FakeSink::new(script), Options::default()).await;
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    enqueue(&queue, &requests::spans(5), Encoding::Protobuf, "anonymous").await;
    let client = client(wire, platform.grpc, platform.http, Compression::Gzip);
    drain(parts(client, &queue, &registry), &queue).await;
    (platform, registry.render())
}

/// Forwards connections to an address, but cuts the first ones off after they have sent a bit.
async fn cutting_proxy(to: SocketAddr, cut: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut incoming, _) = listener.accept().await.unwrap();
            if number < cut {
                incoming.readable().await.unwrap();
                continue;
            }
            let mut outgoing = TcpStream::connect(to).await.unwrap();
            tokio::spawn(async move {
                // Either side may close first.
                let _ = tokio::io::copy_bidirectional(&mut incoming, &mut outgoing).await;
            });
        }
    });
    address
}

on_each_wire! {
    async fn every_signal_arrives_equal_in_every_compression(wire) {
        let platform = Platform::start().await;
        for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
            let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
            for signal in Signal::ALL {
                for encoding in [Encoding::Protobuf, Encoding::Json] {
                    enqueue(&queue, &requests::one(signal), encoding, "shop").await;
                }
            }
            let client = client(wire, platform.grpc, platform.http, compression);
            drain(parts(client, &queue, &registry), &queue).await;
        }
        let accepted = platform.sink.accepted();
        assert_eq!(accepted.len(), 3 * 3 * 2);
        for delivery in accepted {
            let sent = requests::one(delivery.signal);
            let expected = throughline_wire::otlp::decode(delivery.signal, Encoding::Protobuf, &sent.protobuf);
            assert_eq!(delivery.batch, expected.unwrap().batch);
            assert_eq!(delivery.tenant.as_str(), "shop");
        }
    }

    async fn a_full_disk_at_the_destination_is_waited_out(wire) {
        let full = || Behaviour::Refuse(Refusal::unavailable("disk full", Duration::from_millis(20)));
        let (platform, metrics) = send_to(wire, vec![full(), Behaviour::Accept]).await;
        assert_eq!(platform.sink.accepted_items(), 5);
        assert!(metrics.contains("otelcol_exporter_retries{exporter=\"otlp/test\"} 1\n"), "{metrics}");
    }

    async fn a_permanent_refusal_is_not_sent_again(wire) {
        let (platform, metrics) = send_to(wire, vec![Behaviour::Refuse(Refusal::invalid("no"))]).await;
        assert_eq!(platform.sink.accepted_items(), 0);
        let reason = if wire == Wire::Grpc { "invalid_argument" } else { "bad_request" };
        let line = format!("otelcol_exporter_send_failed_spans{{exporter=\"otlp/test\",reason=\"{reason}\"}} 5\n");
        assert!(metrics.contains(&line), "{metrics}");
    }

    async fn a_destination_that_hangs_is_tried_again_after_the_timeout(wire) {
        let (platform, _) = send_to(wire, vec![Behaviour::Hang]).await;
        assert_eq!(platform.sink.accepted_items(), 5);
    }

    async fn connections_that_break_are_made_anew(wire) {
        let platform = Platform::start().await;
        let grpc = cutting_proxy(platform.grpc, 2).await;
        let http = cutting_proxy(platform.http, 2).await;
        let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
        enqueue(&queue, &requests::spans(5), Encoding::Protobuf, "anonymous").await;
        drain(parts(client(wire, grpc, http, Compression::Gzip), &queue, &registry), &queue).await;
        assert_eq!(platform.sink.accepted_items(), 5);
    }

    async fn a_destination_that_is_not_there_is_tried_again(wire) {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = client(wire, nobody, nobody, Compression::None);
        let outgoing = throughline_transport::outbound::Outgoing {
            signal: Signal::Traces,
            tenant: throughline_model::Tenant::default(),
            body: requests::spans(1).protobuf.into(),
        };
        let error = client.send(outgoing).await.unwrap_err();
        assert!(error.retryable, "{error:?}");
        assert!(error.message.contains("refused"), "{error}");
    }
}
