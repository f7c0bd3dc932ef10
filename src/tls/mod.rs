//! Certificates, keys and the TLS handshake. The only place that names rustls.

use std::path::PathBuf;

use crate::secret::Secret;

/// What the user chose about TLS. The default verifies against the system's roots.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Our certificate chain and key.
    pub identity: Option<IdentitySource>,
    /// Opens the key or the PKCS#12 bundle.
    pub passphrase: Option<Secret>,
    /// PEM bundle that is trusted besides the system's roots.
    pub ca: Option<PathBuf>,
    /// Trust [`ClientOptions::ca`] alone.
    pub ca_only: bool,
    /// Revocation lists, PEM or DER.
    pub crls: Vec<PathBuf>,
    /// Name on the wire and name verified, instead of the URL's host.
    pub server_name: Option<String>,
    /// Lowest TLS version.
    pub min_version: MinVersion,
    /// Do not verify the server's certificate.
    pub skip_verify: bool,
}

/// Where the client certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// Two PEM files, or one that holds both and is named twice.
    Pem {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// One PKCS#12 bundle.
    Pkcs12(PathBuf),
}

/// Lowest TLS version that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2, RFC 5246.
    #[default]
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}
