//! What the tests share.

pub(crate) mod credentials;
pub(crate) mod pki;
pub(crate) mod tls_server;
