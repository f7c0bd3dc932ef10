//! TLS: the only place that names rustls, X.509 and PKCS#12.
//!
//! [`ClientTls`] is the client side for the whole process: it holds the identity (certificate
//! chain and key) and the trust (roots, revocation lists), makes handshakes, and reads the files
//! anew when they change. [`explain`] turns whatever a connection failed with into a cause and a
//! hint.
//!
//! [`ServerTls`] is the server side: it shows an identity, demands a [`ClientCertificate`] of a
//! trusted CA, and says for each handshake that failed what the client should do. [`Authority`]
//! issues certificates, for `certs`, the demonstration and tests.

mod certificate;
mod client;
mod client_certificate;
mod explain;
mod facts;
mod failure;
mod file;
mod fingerprint;
mod identity;
mod issue;
mod key;
mod legacy;
mod notes;
mod options;
mod pem;
mod pkcs12;
mod random;
mod reload;
mod server;
mod stream;
mod trust;
mod verify;

pub use crate::tls::certificate::utc;
pub use crate::tls::client::ClientTls;
pub use crate::tls::client_certificate::ClientCertificate;
pub use crate::tls::explain::Explanation;
pub use crate::tls::explain::Flaw;
pub use crate::tls::explain::Peer;
pub use crate::tls::explain::explain;
pub use crate::tls::explain::handshake_facts;
pub use crate::tls::facts::Asked;
pub use crate::tls::facts::CertificateFacts;
pub use crate::tls::facts::HandshakeFacts;
pub use crate::tls::facts::IdentityFacts;
pub use crate::tls::facts::Trust;
pub use crate::tls::fingerprint::Fingerprint;
pub use crate::tls::fingerprint::NotAFingerprint;
pub use crate::tls::identity::try_identity;
pub use crate::tls::issue::Authority;
pub use crate::tls::issue::Issued;
pub use crate::tls::options::ClientOptions;
pub use crate::tls::options::IdentitySource;
pub use crate::tls::options::MinVersion;
pub use crate::tls::options::ServerOptions;
pub use crate::tls::options::check_server_name;
pub use crate::tls::random::random_id;
pub use crate::tls::server::AcceptFailure;
pub use crate::tls::server::AcceptReason;
pub use crate::tls::server::ServerTls;
pub use crate::tls::stream::Alpn;
pub use crate::tls::stream::TlsStream;
