//! The way to the server, step by step, out of the milestones that the transport tells.

use std::time::Duration;

use http::HeaderMap;
use http::Version;
use http::header;
use tokio::time::Instant;

use crate::command::probe::certificates;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Step;
use crate::report::peer_text;
use crate::tls::HandshakeFacts;
use crate::transport::fallback::SSE;
use crate::transport::http::Milestone;
pub(super) use crate::transport::http::Step as Part;
use crate::transport::http::Stop;

/// Follows the connections. A connection may be tried twice, and there may be several: each step is
/// told once.
pub(super) struct Way {
    since: Instant,
    secure: bool,
    told: Vec<Step>,
    /// What stopped the last attempt to connect.
    pub(super) stop: Option<Stop>,
    /// What was learned of a handshake that failed.
    pub(super) unsecured: Option<HandshakeFacts>,
    /// The transport that works.
    pub(super) transport: Option<&'static str>,
    proxy: Option<(String, String)>,
    refused_transports: Vec<String>,
}

impl Way {
    pub(super) fn new(secure: bool) -> Self {
        Self {
            since: Instant::now(),
            secure,
            told: Vec::new(),
            stop: None,
            unsecured: None,
            transport: None,
            proxy: None,
            refused_transports: Vec::new(),
        }
    }

    /// The step that this milestone completes.
    pub(super) fn passes(&mut self, milestone: Milestone, at: Instant) -> Option<Entry> {
        let entry = match milestone {
            Milestone::Begins { proxy } => {
                self.since = at;
                self.stop = None;
                self.proxy = proxy;
                return None;
            }
            Milestone::Resolved { name, addresses } => name_entry(&name, &addresses),
            Milestone::Connected { from, to } => Entry::new(Step::Tcp)
                .fact("from", from.to_string())
                .fact("to", to.to_string())
                .line(format!("connected to {to}")),
            Milestone::Tunnelled => {
                let (proxy, source) = self.proxy.clone()?;
                Entry::new(Step::Proxy)
                    .line(format!("through {proxy}, from `{source}`"))
                    .fact("proxy", proxy)
                    .fact("source", source)
            }
            Milestone::Secured(facts) => certificates::secured(&facts),
            Milestone::Unsecured(facts) => {
                self.unsecured = Some(*facts);
                return None;
            }
            Milestone::Stopped(stop) => {
                self.stop = Some(stop);
                return None;
            }
            Milestone::Answered { status, version, headers } => {
                http_entry(status.as_u16(), version, &headers)
            }
            Milestone::TransportFailed { name, reason } => {
                self.refused_transports.push(format!("{name} was refused: {reason}"));
                return None;
            }
            Milestone::TransportChosen { name } => {
                self.transport = Some(name);
                self.transport(name)
            }
        };
        let took = self.lap(at);
        (!self.told.contains(&entry.step)).then(|| {
            self.told.push(entry.step);
            entry.took(took)
        })
    }

    /// Where the connection was stopped.
    pub(super) fn stopped_at(&self) -> Option<Step> {
        Some(match self.stop.as_ref()?.step {
            Part::Name if self.proxy.is_some() => Step::Proxy,
            Part::Name => Step::Name,
            Part::Tcp if self.proxy.is_some() => Step::Proxy,
            Part::Tcp => Step::Tcp,
            Part::Proxy => Step::Proxy,
            Part::Tls => Step::Tls,
            Part::Http => Step::Http,
            Part::TimeLimit => self.under_way(self.told.iter().max().copied()).min(Step::Http),
        })
    }

    /// The step that comes after the last one that was done.
    pub(super) fn under_way(&self, last: Option<Step>) -> Step {
        match last {
            None | Some(Step::Identity | Step::Name) => Step::Tcp,
            Some(Step::Tcp) if self.proxy.is_some() => Step::Proxy,
            Some(Step::Tcp | Step::Proxy) if self.secure => Step::Tls,
            Some(Step::Tcp | Step::Proxy | Step::Tls) => Step::Http,
            Some(Step::Http | Step::Transport) => Step::Session,
            Some(Step::Session) => Step::Lists,
            Some(Step::Lists | Step::Latency) => Step::Latency,
        }
    }

    fn lap(&mut self, at: Instant) -> Duration {
        let took = at.saturating_duration_since(self.since);
        self.since = at;
        took
    }

    fn transport(&self, name: &'static str) -> Entry {
        let entry = Entry::new(Step::Transport)
            .fact("name", name)
            .fact("refused", self.refused_transports.clone())
            .line(if name == SSE { "HTTP+SSE, of 2024-11-05" } else { name });
        self.refused_transports.iter().fold(entry, Entry::line)
    }
}

fn name_entry(name: &str, addresses: &[std::net::IpAddr]) -> Entry {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Entry::new(Step::Name)
        .fact("name", name)
        .line(format!("{name} is {}", addresses.join(", ")))
        .fact("addresses", addresses)
}

fn http_entry(status: u16, version: Version, headers: &HeaderMap) -> Entry {
    let text = |name| {
        let value = headers.get(name)?;
        Some(peer_text(&String::from_utf8_lossy(value.as_bytes())))
    };
    let version = format!("{version:?}");
    let server = text(header::SERVER);
    let by = server.as_ref().map(|server| format!(", server {server}")).unwrap_or_default();
    Entry::new(Step::Http)
        .line(format!("{version}, first answer {status}{by}"))
        .fact("version", version)
        .fact("status", status)
        .fact("server", server)
        .fact("contentType", text(header::CONTENT_TYPE))
}
