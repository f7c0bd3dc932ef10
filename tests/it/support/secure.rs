//! mTLS for the remotes: acceptors that demand a client certificate, and the flags of a bridge
//! that has one.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::support::pki;
use crate::support::pki::Ca;
use crate::support::tls_server;

/// A CA of the test's own, and a client certificate in files.
pub(crate) struct Pki {
    folder: TempDir,
    ca: Ca,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let (folder, ca) = (TempDir::new().unwrap(), Ca::new("test CA"));
        let client = ca.client("test client");
        pki::write(&folder, "client.crt", client.chain_pem());
        pki::write(&folder, "client.key", client.key.serialize_pem());
        pki::write(&folder, "ca.crt", ca.pem());
        Self { folder, ca }
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

    /// An acceptor for `localhost` that offers these protocols, for example `h2`.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        self.acceptor_for("localhost", protocols)
    }

    /// The same with a certificate for another name.
    pub(crate) fn acceptor_for(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let leaf = self.ca.server(&[name]);
        let mut config = tls_server::demanding(&leaf, &[self.ca.der()]);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}
