//! The bridge: a host on standard input and output, a remote over HTTPS.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderName;
use url::Url;

use crate::report::Report;
use crate::secret::Secret;
use crate::tls::ClientOptions;

/// Everything that the bridge has to know, checked and free of what was typed.
#[derive(Clone)]
pub struct BridgeConfig {
    /// Where the remote is and how it is reached.
    pub remote: RemoteConfig,
    /// Which transports are tried, in which order.
    pub strategy: Strategy,
    /// Our identity and whom we trust.
    pub tls: ClientOptions,
    /// Largest message in bytes, in either direction.
    pub max_message_size: usize,
    /// Longest wait for the answer to one request; `None` waits for ever.
    pub request_timeout: Option<Duration>,
    /// Open a new session when the remote has lost ours. Off: the host sees the 404.
    pub reinitialize: bool,
}

impl BridgeConfig {
    /// The address for logs: without the query, which often holds a key.
    pub fn display_url(&self) -> String {
        let mut url = self.remote.url.clone();
        if url.query().is_some() {
            url.set_query(Some("***"));
        }
        url.into()
    }
}

/// Shows the names of the headers, not their values, and neither the query nor the proxies.
impl fmt::Debug for BridgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.remote.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("BridgeConfig")
            .field("url", &self.display_url())
            .field("headers", &headers)
            .field("connect_timeout", &self.remote.connect_timeout)
            .field("strategy", &self.strategy)
            .field("tls", &self.tls)
            .field("max_message_size", &self.max_message_size)
            .field("request_timeout", &self.request_timeout)
            .field("reinitialize", &self.reinitialize)
            .finish_non_exhaustive()
    }
}

/// The remote's address and what goes with each HTTP request.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// `https`, or `http` where the user allowed it; no userinfo, no fragment.
    pub url: Url,
    /// Headers of the user, each value marked as sensitive.
    pub headers: HeaderMap,
    /// Longest time for name, TCP, proxy and TLS of one attempt.
    pub connect_timeout: Duration,
    /// Proxies that the environment names.
    pub proxies: ProxyConfig,
}

/// What the proxy variables say; a proxy's address may hold a password.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfig {
    /// For `https` URLs.
    pub https: Option<Secret>,
    /// For `http` URLs.
    pub http: Option<Secret>,
    /// Hosts that are reached directly, separated by commas.
    pub no_proxy: Option<String>,
}

/// Which HTTP transport is tried first, and whether the other one may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Streamable HTTP, then HTTP+SSE.
    #[default]
    HttpFirst,
    /// Streamable HTTP alone.
    HttpOnly,
    /// HTTP+SSE, then Streamable HTTP.
    SseFirst,
    /// HTTP+SSE alone.
    SseOnly,
}

/// Runs the bridge until the host or a signal ends it.
///
/// # Errors
///
/// What kept it from running, for the user.
pub async fn run(config: BridgeConfig) -> Result<(), Report> {
    Err(Report::new(format!("cannot reach `{}`", config.display_url())))
}
