//! What the tests share: credentials, a host, remotes that follow a script, and a wire that fails on demand.

#[cfg(target_os = "linux")]
pub(crate) mod alone;
pub(crate) mod background;
#[cfg(unix)]
pub(crate) mod children;
pub(crate) mod credentials;
pub(crate) mod host;
#[cfg(target_os = "linux")]
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod launch;
pub(crate) mod listener;
#[cfg(unix)]
pub(crate) mod log;
pub(crate) mod mcp;
#[cfg(target_os = "linux")]
pub(crate) mod namespace;
#[cfg(unix)]
pub(crate) mod operated;
pub(crate) mod parallel;
pub(crate) mod patient;
pub(crate) mod pipes;
pub(crate) mod pki;
#[cfg(unix)]
pub(crate) mod probing;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod reply;
pub(crate) mod request;
#[cfg(target_os = "linux")]
pub(crate) mod scripted;
pub(crate) mod secure;
#[cfg(target_os = "linux")]
pub(crate) mod serve;
#[cfg(target_os = "linux")]
pub(crate) mod session;
#[cfg(unix)]
pub(crate) mod strangers;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod tls_server;
#[cfg(unix)]
pub(crate) mod tools;
pub(crate) mod watched;
pub(crate) mod wire;
