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
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// Where the remote is and how it is spoken to.
    pub remote: RemoteConfig,
    /// Which transports are tried, in which order.
    pub strategy: Strategy,
    /// Our identity and whom we trust.
    pub tls: ClientOptions,
    /// Longest wait for the answer to one request; `None` waits for ever.
    pub request_timeout: Option<Duration>,
    /// Open a new session when the remote has lost ours. Off: the host sees the 404.
    pub reinitialize: bool,
}

/// The remote's address and what goes with each HTTP request.
#[derive(Clone)]
pub struct RemoteConfig {
    /// `https`, or `http` where the user allowed it; no userinfo, no fragment.
    pub url: Url,
    /// Headers of the user, each value marked as sensitive.
    pub headers: HeaderMap,
    /// Longest time for name, TCP, proxy and TLS of one attempt.
    pub connect_timeout: Duration,
    /// Largest message in bytes, in either direction.
    pub max_message_size: usize,
    /// Proxies that the environment names.
    pub proxy: ProxyConfig,
}

impl RemoteConfig {
    /// The address for logs: without the query, which often holds a key.
    pub fn display_url(&self) -> String {
        let mut url = self.url.clone();
        if url.query().is_some() {
            url.set_query(Some("***"));
        }
        url.into()
    }
}

/// Hides the header values and the query.
impl fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConfig")
            .field("url", &self.display_url())
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("connect_timeout", &self.connect_timeout)
            .field("max_message_size", &self.max_message_size)
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// The proxy variables as they are set; a proxy's address may hold a password.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfig {
    /// For `http` URLs.
    pub http: Option<Secret>,
    /// For `https` URLs.
    pub https: Option<Secret>,
    /// For both, where the one above is missing.
    pub all: Option<Secret>,
    /// Hosts that are reached directly, separated by commas.
    pub no: Option<String>,
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
    Err(Report::new(format!("cannot reach `{}`", config.remote.display_url())))
}
