//! TLS in both directions: `OTEL_EXPORTER_OTLP_{CERTIFICATE,CLIENT_KEY,CLIENT_CERTIFICATE}`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use throughline_toolkit::{Environment, ErrorKind, Telemetry};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::collector::{Collector, Mode};
use crate::{LIMIT, telemetry, within};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file(name)).unwrap().map(Result::unwrap).collect()
}

fn server() -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.pem"));
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let builder = builder.with_client_cert_verifier(clients);
    let mut config = builder.with_single_cert(certificates("server.pem"), key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Speaks TLS on behalf of the server at `address`, as long as the runtime lives.
async fn front(address: String) -> String {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(server()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, address) = (acceptor.clone(), address.clone());
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(address.trim_start_matches("http://")).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    format!("https://localhost:{port}")
}

fn exported(variables: &[(&str, &str)], limit: Duration) -> u64 {
    let collector = Collector::start(Mode::Works);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let address = runtime.block_on(front(collector.address.clone()));
    let telemetry = telemetry(&address, variables);
    within(&telemetry, || drop(tracing::info_span!("work")));
    let report = telemetry.shutdown_blocking(limit);
    assert_eq!(collector.spans().len() as u64, report.spans.exported);
    report.spans.exported
}

#[test]
fn both_sides_prove_who_they_are() {
    let [ca, key, client] = ["ca.pem", "client.key", "client.pem"].map(|n| file(n).display().to_string());
    for protocol in ["http/protobuf", "grpc"] {
        let variables = [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str()),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key.as_str()),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", client.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ];
        assert_eq!(exported(&variables, LIMIT), 1, "{protocol}");
        let stranger = [variables[0], variables[3]];
        assert_eq!(
            exported(&stranger, Duration::from_millis(300)),
            0,
            "{protocol} without a client certificate"
        );
    }
}

#[test]
fn a_missing_file_is_an_error_at_start() {
    let environment = Environment::from_pairs([("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem")]);
    let fault = Telemetry::builder().environment(environment).start().unwrap_err();
    assert_eq!(fault.kind(), ErrorKind::Invalid);
    assert_eq!(fault.to_string(), "cannot read /no/such/file.pem");
}

#[test]
fn a_certificate_without_its_key_is_an_error_at_start() {
    let client = file("client.pem").display().to_string();
    let environment = Environment::from_pairs([("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", client)]);
    assert_eq!(Telemetry::builder().environment(environment).start().unwrap_err().kind(), ErrorKind::Invalid);
}
