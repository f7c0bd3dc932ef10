//! TLS: the only place that names rustls, X.509 and PKCS#12.
//!
//! [`ClientTls`] is the client side for the whole process: it holds the identity (certificate
//! chain and key) and the trust (roots, revocation lists), makes handshakes, and reads the files
//! anew when they change. [`explain`] turns whatever a connection failed with into a cause and a
//! hint. [`Authority`] issues certificates, for `certs`, the demonstration and tests, which
//! [`ServerTls`] serves too.

mod certificate;
mod client;
mod explain;
mod failure;
mod file;
mod identity;
mod issue;
mod key;
mod legacy;
mod options;
mod pem;
mod pkcs12;
mod reload;
mod server;
mod stream;
mod trust;
mod verify;

pub use crate::tls::client::ClientTls;
pub use crate::tls::explain::Explanation;
pub use crate::tls::explain::Peer;
pub use crate::tls::explain::explain;
pub use crate::tls::identity::try_identity;
pub use crate::tls::issue::Authority;
pub use crate::tls::issue::Issued;
pub use crate::tls::options::ClientOptions;
pub use crate::tls::options::IdentitySource;
pub use crate::tls::options::MinVersion;
pub use crate::tls::options::check_server_name;
pub use crate::tls::server::ServerTls;
pub use crate::tls::stream::Alpn;
pub use crate::tls::stream::TlsStream;
