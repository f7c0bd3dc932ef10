//! HTTP to one remote: HTTP/1.1 and HTTP/2, directly or through a proxy, with the one promise
//! that the layers above build on: each failure says whether the request can have been processed.
//!
//! ```text
//! Client::send --> pool: a live connection, or --> dial: name, TCP, proxy, TLS
//!                    |
//!                    +--> link: http1 | http2 --> Reply { status, headers, body }
//! ```

mod body;
mod client;
mod dial;
mod fault;
mod greeting;
mod http1;
mod http2;
mod link;
mod milestone;
mod origin;
mod pool;
mod proxy;
mod socks;
mod turns;
mod witness;

pub use crate::transport::http::body::Body;
pub use crate::transport::http::body::ReadError;
pub use crate::transport::http::client::Client;
pub use crate::transport::http::client::Reply;
pub use crate::transport::http::client::Request;
pub use crate::transport::http::client::content_coding;
pub use crate::transport::http::client::media_type;
pub use crate::transport::http::milestone::Milestone;
pub use crate::transport::http::milestone::Observer;
pub use crate::transport::http::milestone::Step;
pub use crate::transport::http::milestone::Stop;
pub use crate::transport::http::origin::Origin;
pub use crate::transport::http::proxy::Address as ProxyAddress;
pub use crate::transport::http::proxy::Proxies;

use std::time::Duration;

use http::HeaderMap;
use url::Url;

/// Where the remote is and how to reach it.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// The endpoint.
    pub url: Url,
    /// Headers for every request; values that must not be shown are marked sensitive.
    pub headers: HeaderMap,
    /// Limit for one attempt to connect: name, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// Which proxy to use for which host.
    pub proxies: Proxies,
}
