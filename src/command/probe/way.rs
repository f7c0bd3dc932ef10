//! The way to the server, step by step, out of the milestones that the transport tells.

use std::time::Duration;
use std::time::SystemTime;

use http::HeaderMap;
use http::StatusCode;
use http::Version;
use http::header;
use tokio::time::Instant;
use url::Host;
use url::Url;

use crate::command::probe::certificates;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Step;
use crate::report::Report;
use crate::report::peer_text;
use crate::tls::Asked;
use crate::tls::Flaw;
use crate::tls::HandshakeFacts;
use crate::tls::IdentityFacts;
use crate::tls::Trust;
use crate::transport::fallback::SSE;
use crate::transport::fallback::STREAMABLE_HTTP;
use crate::transport::http::Milestone;
pub(super) use crate::transport::http::Step as Part;
use crate::transport::http::Stop;
use crate::transport::http::media_type;
use crate::transport::streamable_http::SESSION_ID;

/// Follows the connections. A connection may be tried twice, and there may be several: each step is
/// told once.
pub(super) struct Way {
    since: Instant,
    /// When a step was told last.
    pub(super) since_told: Instant,
    secure: bool,
    /// Whether the host of the URL is a name, and no address.
    named: bool,
    /// Who we are.
    pub(super) identity: Option<IdentityFacts>,
    /// The server asked for a client certificate.
    asked: Option<Asked>,
    /// The server gave a session ID.
    in_session: bool,
    first_status: Option<StatusCode>,
    told: Vec<Step>,
    /// What stopped the last attempt to connect.
    pub(super) stop: Option<Stop>,
    /// What was learned of a handshake that failed.
    pub(super) unsecured: Option<HandshakeFacts>,
    /// The transport that works.
    pub(super) transport: Option<&'static str>,
    proxy: Option<(String, String)>,
    proxy_status: Option<StatusCode>,
    refused_transports: Vec<(&'static str, String)>,
}

impl Way {
    /// The way to this URL.
    pub(super) fn new(url: &Url) -> Self {
        Self {
            since: Instant::now(),
            since_told: Instant::now(),
            secure: url.scheme() == "https",
            named: matches!(url.host(), Some(Host::Domain(_))),
            identity: None,
            asked: None,
            in_session: false,
            first_status: None,
            told: Vec::new(),
            stop: None,
            unsecured: None,
            transport: None,
            proxy: None,
            proxy_status: None,
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
            Milestone::ProxyAnswered { status } => {
                self.proxy_status = status;
                if status.is_some_and(|status| !status.is_success()) {
                    return None;
                }
                self.proxy_facts(Entry::new(Step::Proxy))
            }
            Milestone::Secured(facts) => {
                let unasked = self.identity.is_some() && facts.asked.is_none();
                let entry = certificates::secured(&facts);
                self.asked = facts.asked;
                if unasked { entry.line("ours is not sent then") } else { entry }
            }
            Milestone::Unsecured(facts) => {
                self.asked = facts.asked.clone();
                self.unsecured = Some(*facts);
                return None;
            }
            Milestone::Stopped(stop) => {
                self.stop = Some(stop);
                return None;
            }
            Milestone::Answered { status, version, headers } => {
                self.in_session |= headers.contains_key(SESSION_ID);
                self.first_status.get_or_insert(status);
                self.judged(http_entry(status, version, &headers), status, &headers)
            }
            Milestone::TransportFailed { name, report } => {
                let report = Report { hint: None, ..report };
                self.refused_transports.push((name, report.line()));
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
            Part::TimeLimit => {
                let last = self.told.iter().max().copied().unwrap_or(Step::Identity);
                self.under_way(Some(last)).min(Step::Http)
            }
        })
    }

    /// The step that comes after the last one that was done.
    pub(super) fn under_way(&self, last: Option<Step>) -> Step {
        match last {
            None => Step::Arguments,
            Some(Step::Arguments) if self.secure => Step::Identity,
            Some(Step::Arguments | Step::Identity) if self.named => Step::Name,
            Some(Step::Arguments | Step::Identity | Step::Name) => Step::Tcp,
            Some(Step::Tcp) if self.proxy.is_some() => Step::Proxy,
            Some(Step::Tcp | Step::Proxy) if self.secure => Step::Tls,
            Some(Step::Tcp | Step::Proxy | Step::Tls) => Step::Http,
            Some(Step::Http | Step::Transport) => Step::Session,
            Some(Step::Session) => Step::Lists,
            Some(Step::Lists | Step::Latency) => Step::Latency,
        }
    }

    /// Adds through which proxy it goes, and what that one answered.
    pub(super) fn proxy_facts(&self, entry: Entry) -> Entry {
        let Some((proxy, source)) = self.proxy.clone() else { return entry };
        let answer =
            self.proxy_status.map(|status| format!(", CONNECT was answered with {status}"));
        entry
            .line(format!("through {proxy}, from `{source}`{}", answer.unwrap_or_default()))
            .fact("proxy", proxy)
            .fact("source", source)
            .fact("status", self.proxy_status.map(|status| status.as_u16()))
    }

    /// Adds to the step of the session whether it has an ID, which is there with Streamable HTTP alone.
    pub(super) fn session(&self, entry: Entry) -> Entry {
        if self.transport != Some(STREAMABLE_HTTP)
            || entry.facts.get("era") != Some(&"legacy".into())
        {
            return entry;
        }
        let told = if self.in_session { "the server keeps a session" } else { "without a session" };
        entry.line(told).fact("hasSessionId", self.in_session)
    }

    /// Adds what the first answer tells of our certificate: in TLS 1.3 a handshake ends before the server
    /// has judged it (RFC 8446 section 4.4.2.4).
    fn judged(&self, entry: Entry, status: StatusCode, headers: &HeaderMap) -> Entry {
        let refused = match status.as_u16() {
            // How nginx refuses one.
            400 => media_type(headers) != "application/json",
            // And by what it may be told to.
            other => matches!(other, 401 | 403 | 495 | 496),
        };
        match (self.asked.is_some() && !refused, self.identity.is_some()) {
            (true, true) => entry
                .line("the server has accepted our client certificate")
                .fact("certificateAccepted", true),
            (true, false) => entry
                .line("the server goes on without a client certificate")
                .fact("certificateAccepted", false),
            (false, _) => entry,
        }
    }

    /// Whether it was us who did not like the certificate of the server.
    pub(super) fn has_refused_server(&self) -> bool {
        let refused = |facts: &HandshakeFacts| facts.trust == Some(Trust::Refused);
        self.unsecured.as_ref().is_some_and(refused)
    }

    /// Adds what is known of our certificate where the server may have refused it, or missed it.
    pub(super) fn explain_certificate(&self, report: &mut Report) {
        let Some(accepted) = self.asked.as_ref().map(Asked::issuers) else { return };
        let Some(identity) = &self.identity else {
            if self.is_first_answer(&[400, 403, 495, 496]) {
                let hint = "the server asks for a client certificate, and none was given: pass one \
                            with `--tls-cert` and `--tls-key`";
                report.hint = Some(hint.to_owned());
            }
            return;
        };
        let fits =
            accepted.is_empty() || identity.chain.iter().any(|it| accepted.contains(&it.issuer));
        let Some(top) = identity.chain.last() else { return };
        let is_sound = Flaw::of(identity, SystemTime::now()).is_none();
        let known = if !fits {
            if is_sound && identity.chain.len() == 1 {
                report.hint = Some(format!(
                    "pass a certificate of a CA that the server trusts; if {} is an intermediate CA \
                     below one, put its certificate behind yours in the file",
                    top.issuer
                ));
            }
            let accepted = accepted.join(" or ");
            format!("it asks for a certificate of {accepted}, and ours is of {}", top.issuer)
        // A 403 may have any reason.
        } else if self.is_first_answer(&[400, 495, 496]) && is_sound {
            "ours is of a CA that it takes, so it may be revoked, or be for somebody else"
                .to_owned()
        } else {
            return;
        };
        let cause = report.cause.take();
        report.cause = Some(cause.map(|cause| format!("{cause}; {known}")).unwrap_or(known));
    }

    fn is_first_answer(&self, statuses: &[u16]) -> bool {
        self.first_status.is_some_and(|status| statuses.contains(&status.as_u16()))
    }

    /// The variable that named the proxy.
    pub(super) fn proxy_source(&self) -> Option<&str> {
        self.proxy.as_ref().map(|(_, source)| &**source)
    }

    fn lap(&mut self, at: Instant) -> Duration {
        let took = at.saturating_duration_since(self.since);
        self.since = at;
        took
    }

    fn transport(&self, name: &'static str) -> Entry {
        // One that was refused in the other era is not refused any more.
        let refused = self.refused_transports.iter().filter(|(other, _)| *other != name);
        let refused: Vec<_> =
            refused.map(|(other, reason)| format!("{other} was refused: {reason}")).collect();
        let entry = Entry::new(Step::Transport)
            .fact("name", name)
            .fact("refused", refused.clone())
            .line(if name == SSE { "HTTP+SSE, of 2024-11-05" } else { name });
        refused.into_iter().fold(entry, Entry::line)
    }
}

fn name_entry(name: &str, addresses: &[std::net::IpAddr]) -> Entry {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Entry::new(Step::Name)
        .fact("name", name)
        .line(format!("{name} is {}", addresses.join(", ")))
        .fact("addresses", addresses)
}

fn http_entry(status: StatusCode, version: Version, headers: &HeaderMap) -> Entry {
    let text = |name| {
        let value = headers.get(name)?;
        Some(peer_text(&String::from_utf8_lossy(value.as_bytes())))
    };
    let version = format!("{version:?}");
    let server = text(header::SERVER);
    let by = server.as_ref().map(|server| format!(", server {server}")).unwrap_or_default();
    Entry::new(Step::Http)
        .line(format!("{version}, first answer {}{by}", status.as_u16()))
        .fact("version", version)
        .fact("status", status.as_u16())
        .fact("server", server)
        .fact("contentType", text(header::CONTENT_TYPE))
}
