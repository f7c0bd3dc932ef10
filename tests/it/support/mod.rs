//! What the tests share: credentials, a host, remotes that follow a script, and a wire that fails on demand.

pub(crate) mod background;
pub(crate) mod credentials;
pub(crate) mod host;
pub(crate) mod http2;
pub(crate) mod launch;
pub(crate) mod mcp;
pub(crate) mod parallel;
pub(crate) mod pipes;
pub(crate) mod pki;
pub(crate) mod raw;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod secure;
pub(crate) mod tls_server;
pub(crate) mod tools;
pub(crate) mod watched;
pub(crate) mod wire;
