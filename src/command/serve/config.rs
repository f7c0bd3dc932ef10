//! What `serve` is to do, free of what was typed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::Rules;
use crate::command::serve::notify::ServiceManager;
use crate::limits;
use crate::tls::ServerOptions;
use crate::transport::http_listener::Hosts;
use crate::transport::http_listener::Origins;
use crate::transport::process::ProcessConfig;
use crate::transport::process::watchdog::WatchdogProgram;

/// Everything that `serve` has to know.
#[derive(Debug)]
pub struct ServeConfig {
    /// Where clients connect to.
    pub listen: Vec<SocketAddr>,
    /// Sockets that were opened for us.
    pub inherited: Vec<std::net::TcpListener>,
    /// Where health and numbers are shown.
    pub admin: Option<SocketAddr>,
    /// Who started us and wants to hear of us.
    pub manager: ServiceManager,
    /// Another process may listen there, too.
    pub reuse_port: bool,
    /// Certificates; without them all is in clear text.
    pub tls: Option<ServerOptions>,
    /// Which client certificates are let in.
    pub rules: Rules,
    /// Names that stand for us, apart from the obvious ones; none: any name, where a certificate
    /// proves who calls.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call.
    pub origins: Origins,
    /// What stands before all our paths, as clients see them.
    pub path_prefix: String,
    /// The MCP server.
    pub process: ProcessConfig,
    /// What ends the children if we are killed.
    pub watchdog: WatchdogProgram,
    /// One child for all clients of an era.
    pub shared: bool,
    /// How much of everything.
    pub limits: Limits,
    /// For what runs when it is to stop.
    pub shutdown_timeout: Duration,
}

/// The limits that the operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Children at the same time, those included that are about to end.
    pub sessions: usize,
    /// Sessions of one principal at the same time.
    pub sessions_each: usize,
    /// Requests of one session, or of one principal, that wait for their answer.
    pub requests: usize,
    /// For a server to answer a request; `None` has all the time there is.
    pub request_timeout: Option<Duration>,
    /// Children that have not answered yet, at the same time.
    pub starting: usize,
    /// Body of a request, in bytes.
    pub body: usize,
    /// A session without a request and without an open stream ends.
    pub session_idle: Duration,
    /// A session ends.
    pub session_lifetime: Duration,
    /// A connection without a request is closed.
    pub idle_timeout: Duration,
    /// From the first byte of a connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
}

impl ServeConfig {
    /// For what runs in a session that is to finish; then it is told that its time is over.
    pub(super) fn drain(&self) -> Duration {
        self.shutdown_timeout + limits::FLUSH_TIMEOUT
    }

    /// The names that requests may be for.
    pub(super) fn hosts(&self, addresses: &[SocketAddr]) -> Hosts {
        let demands_certificate = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if self.allowed_hosts.is_empty() && demands_certificate {
            return Hosts::Any;
        }
        let own = Hosts::loopback_and(addresses.iter().map(SocketAddr::ip));
        match own {
            Hosts::Listed(own) => {
                Hosts::Listed(self.allowed_hosts.iter().cloned().chain(own).collect())
            }
            Hosts::Any => Hosts::Any,
        }
    }

    /// The endpoint at an address.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}{}/mcp", self.path_prefix)
    }
}
