//! TLS towards the collector.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::Reason;
use crate::settings::TlsFiles;

/// Where systems keep the certificates they trust.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The TLS configuration for one signal. `secure` says whether TLS will be used at all.
pub(super) fn config(files: &TlsFiles, secure: bool) -> Result<ClientConfig, Reason> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &files.certificate {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|fault| tls(path, fault))?;
        }
    } else if secure {
        trust_system(&mut roots)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|fault| Reason::Tls(fault.to_string()))?
        .with_root_certificates(roots);
    match (&files.client_certificate, &files.client_key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let pem = read(key)?;
            let secret = PrivateKeyDer::from_pem_slice(&pem).map_err(|fault| tls(key, fault))?;
            builder.with_client_auth_cert(chain, secret).map_err(|fault| tls(certificate, fault))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(Reason::Tls("a client certificate needs its key, and the other way round".into())),
    }
}

fn trust_system(roots: &mut RootCertStore) -> Result<(), Reason> {
    let found = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = found else {
        return Err(Reason::Tls(
            "no trusted certificates found on this system; set OTEL_EXPORTER_OTLP_CERTIFICATE".into(),
        ));
    };
    roots.add_parsable_certificates(certificates(path)?);
    Ok(())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Reason> {
    let pem = read(path)?;
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let list = list.map_err(|fault| tls(path, fault))?;
    if list.is_empty() { Err(tls(path, "holds no certificate")) } else { Ok(list) }
}

fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    std::fs::read(path).map_err(|source| Reason::File { path: path.display().to_string(), source })
}

fn tls(path: &Path, fault: impl std::fmt::Display) -> Reason {
    Reason::Tls(format!("{}: {fault}", path.display()))
}
