//! A throw-away PKI, and TLS acceptors that demand client certificates.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// A CA, a client certificate in files, and a way to issue server certificates.
pub(crate) struct Pki {
    folder: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self { folder: TempDir::new().unwrap(), ca };
        let key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "test client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&key, &pki.ca).unwrap();
        std::fs::write(pki.path("client.crt"), client.pem()).unwrap();
        std::fs::write(pki.path("client.key"), key.serialize_pem()).unwrap();
        std::fs::write(pki.path("ca.crt"), pki.ca.pem()).unwrap();
        pki
    }

    /// A file of this PKI: `client.crt`, `client.key` or `ca.crt`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The flags of a bridge that uses it.
    pub(crate) fn flags(&self) -> [String; 6] {
        let path = |name| self.path(name).display().to_string();
        [
            "--tls-cert".to_owned(),
            path("client.crt"),
            "--tls-key".to_owned(),
            path("client.key"),
            "--tls-ca".to_owned(),
            path("ca.crt"),
        ]
    }

    /// An acceptor for `localhost` that wants a client certificate and offers these protocols,
    /// for example `h2`.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        self.acceptor_for("localhost", protocols)
    }

    /// The same with a certificate for another name.
    pub(crate) fn acceptor_for(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}
