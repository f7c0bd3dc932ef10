//! What happens on the way to the remote, told as it happens to whoever wants to show it.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::StatusCode;
use http::Version;

use crate::report::Failure;
use crate::report::Report;
use crate::tls::HandshakeFacts;

/// A part of the way that was made, or the end of it.
#[derive(Clone, Debug)]
pub enum Milestone {
    /// An attempt to connect begins, through this proxy if there is one.
    Begins {
        /// Host and port of the proxy, and the name of the variable that gave it.
        proxy: Option<(String, String)>,
    },
    /// A name has these addresses.
    Resolved {
        /// The name: of the remote, or of the proxy.
        name: String,
        /// What the system found, in its order.
        addresses: Vec<IpAddr>,
    },
    /// A TCP connection.
    Connected {
        /// Our end.
        from: SocketAddr,
        /// The other end: the remote, or the proxy.
        to: SocketAddr,
    },
    /// The proxy was asked for the way to the remote.
    ProxyAnswered {
        /// The status of its answer to CONNECT; none with SOCKS, where it has opened the way.
        status: Option<StatusCode>,
    },
    /// A TLS handshake succeeded.
    Secured(Box<HandshakeFacts>),
    /// A TLS handshake failed; what was learned until then.
    Unsecured(Box<HandshakeFacts>),
    /// A connection cannot be had.
    Stopped(Stop),
    /// The head of a response.
    Answered {
        /// The status.
        status: StatusCode,
        /// The version of HTTP.
        version: Version,
        /// The headers.
        headers: HeaderMap,
    },
    /// A transport does not work.
    TransportFailed {
        /// Its name.
        name: &'static str,
        /// Why.
        report: Report,
    },
    /// A transport works.
    TransportChosen {
        /// Its name.
        name: &'static str,
    },
}

/// The part of the way where a connection was stopped.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Where.
    pub step: Step,
    /// What a request would have been told.
    pub failure: Failure,
}

/// The steps of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The protocol after the connection was made.
    Http,
    /// The address of a name.
    Name,
    /// The way through a proxy.
    Proxy,
    /// The TCP connection.
    Tcp,
    /// The time for all of it was over.
    TimeLimit,
    /// The TLS handshake.
    Tls,
}

/// Who is told; nobody unless asked for.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<dyn Fn(Milestone) + Send + Sync>>);

impl Observer {
    /// Calls `told` at each milestone. It must not block.
    pub fn new(told: impl Fn(Milestone) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Tells what `milestone` makes; nothing is made where nobody listens.
    pub(crate) fn tell(&self, milestone: impl FnOnce() -> Milestone) {
        if let Some(told) = &self.0 {
            told(milestone());
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer(..)" } else { "Observer(nobody)" })
    }
}
