//! What the user chose about TLS, as plain data.

use std::path::Path;
use std::path::PathBuf;

use rustls::SupportedProtocolVersion;
use rustls_pki_types::ServerName;

use crate::report::Report;
use crate::secret::Secret;

/// The TLS choices of one process. The default trusts the system's roots and has no identity.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// The client certificate and its key.
    pub identity: Option<IdentitySource>,
    /// Opens the key or the PKCS#12 file.
    pub passphrase: Option<Secret>,
    /// Roots beside those of the system, as PEM.
    pub ca: Option<PathBuf>,
    /// Trust `ca` alone; the system's roots are not even read.
    pub ca_only: bool,
    /// Revocation lists, PEM or DER. With at least one, each certificate below the root needs a
    /// list that covers it, or the server is refused.
    pub crls: Vec<PathBuf>,
    /// The name in the SNI extension and the name that is verified, instead of the URL's host.
    pub server_name: Option<String>,
    /// The oldest TLS version that is spoken.
    pub min_version: MinVersion,
    /// Accept any server certificate. Signatures of the handshake are checked all the same.
    pub skip_verify: bool,
}

/// The TLS choices of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The certificate of the server and its key.
    pub identity: IdentitySource,
    /// Opens the key or the PKCS#12 file.
    pub passphrase: Option<Secret>,
    /// The CAs, as PEM, one of which must have issued the certificate that each client then has to
    /// show. Without it no client is asked for one.
    pub client_ca: Option<PathBuf>,
    /// Revocation lists, PEM or DER. With at least one, each certificate below the root needs a
    /// list that covers it, or the client is refused.
    pub crls: Vec<PathBuf>,
    /// Go on with a list whose successor is due: else everybody is refused until it is there.
    pub allow_expired_crl: bool,
    /// The oldest TLS version that is spoken.
    pub min_version: MinVersion,
}

impl ServerOptions {
    /// Shows this identity to every client, and asks none for a certificate.
    pub fn new(identity: IdentitySource) -> Self {
        Self {
            identity,
            passphrase: None,
            client_ca: None,
            crls: Vec::new(),
            allow_expired_crl: false,
            min_version: MinVersion::default(),
        }
    }

    /// Every file that the configuration comes from.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let identity = self.identity.paths().into_iter().map(Path::to_owned);
        identity.chain(self.client_ca.clone()).chain(self.crls.iter().cloned()).collect()
    }
}

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// Two PEM files; both may name the same one.
    Pem {
        /// The certificate, with its intermediates.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// One PKCS#12 file.
    Pkcs12(PathBuf),
}

impl IdentitySource {
    /// The files that are read.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Pem { cert, key } if cert == key => vec![cert],
            Self::Pem { cert, key } => vec![cert, key],
            Self::Pkcs12(path) => vec![path],
        }
    }
}

/// The oldest TLS version that is spoken; nothing below 1.2 exists here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2 (RFC 5246) and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446) alone.
    Tls13,
}

impl MinVersion {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// The word of `--tls-min-version`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    /// What is spoken, the preferred first.
    pub(super) fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
        const BOTH: &[&SupportedProtocolVersion] =
            &[&rustls::version::TLS13, &rustls::version::TLS12];
        match self {
            Self::Tls12 => BOTH,
            Self::Tls13 => TLS13,
        }
    }
}

/// Says whether `--tls-servername` got a DNS name or an IP address.
pub fn check_server_name(name: &str) -> Result<(), Report> {
    server_name(name).map(|_| ())
}

/// A host as rustls wants it; the brackets that a URL puts round an IPv6 address are left out.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, Report> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        Report::new(format!("`{host}` cannot be the name of a TLS server"))
            .cause("it is neither a DNS name nor an IP address")
            .hint("pass the name that stands in the server's certificate with `--tls-servername`")
    })
}

#[cfg(test)]
mod tests {
    use super::ClientOptions;
    use super::check_server_name;
    use super::server_name;
    use crate::secret::Secret;

    #[test]
    fn debug_shows_no_passphrase() {
        let options = ClientOptions {
            passphrase: Some(Secret::new("hunter2".to_owned())),
            ..ClientOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
    }

    #[test]
    fn a_server_name_is_a_dns_name_or_an_address() {
        for good in ["a.example", "localhost", "127.0.0.1", "::1", "[::1]"] {
            assert!(server_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "https://a.example", "a.example:443"] {
            assert!(check_server_name(bad).is_err(), "{bad}");
        }
    }
}
