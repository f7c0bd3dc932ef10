//! What went wrong on the way, in words, and whether the remote can have processed the request.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::{StatusCode, header};
use url::Url;

use crate::limits;
use crate::report::{Failure, Kind, Report};
use crate::tls::{self, Explanation};
use crate::transport::http::client::Reply;
use crate::transport::http::dial::{Dial, DialError, ProxyError, Step};
use crate::transport::http::link::{Cause, LinkState};
use crate::transport::http::origin::Origin;

/// A failed attempt, and whether a second one is allowed and makes sense.
pub(crate) struct Attempt {
    pub(crate) failure: Failure,
    pub(crate) again: bool,
    pub(crate) pause: Duration,
}

/// There is no connection: nothing was sent.
pub(crate) fn unreachable(dial: &Dial, error: &DialError) -> Attempt {
    let cause = error.cause.as_ref();
    if let Some(explanation) = explain(dial, cause) {
        return final_attempt(tls_failure(dial, explanation));
    }
    let origin = dial.origin();
    let report = match error.step {
        Step::Name => Report::new(format!("no address found for `{}`", origin.name()))
            .cause(deepest(cause))
            .hint("check the host name, the DNS and the VPN"),
        Step::Tcp if dial.proxy().is_some() => proxy_report(dial, cause),
        Step::Tcp | Step::TimeLimit => tcp_report(origin, cause),
        Step::Proxy => proxy_report(dial, cause),
        Step::Tls => handshake_report(dial, cause),
        Step::Http => Report::new(format!("{origin} does not speak HTTP")).cause(deepest(cause)),
    };
    let kind = if error.step == Step::Tls { Kind::Tls } else { Kind::NotSent };
    // A name, a route or a listener may be back in a moment; a time limit was waited for already.
    let again = matches!(error.step, Step::Name | Step::Tcp | Step::Tls | Step::Http);
    Attempt { failure: Failure::new(kind, report), again, pause: limits::CONNECT_RETRY_PAUSE }
}

/// There was a connection, and proof that the request was not processed.
pub(crate) fn not_sent(dial: &Dial, state: &LinkState, cause: Cause) -> Attempt {
    if let Some(explanation) = explain(dial, cause.as_ref()) {
        return final_attempt(tls_failure(dial, explanation));
    }
    let report = Report::new(format!("{} closed the connection before the request", dial.origin()));
    let report = report.cause(broken_cause(dial, state, cause.as_ref()));
    let failure = Failure::new(Kind::NotSent, report);
    Attempt { failure, again: true, pause: Duration::ZERO }
}

/// The connection broke after the request, or a part of it, was written.
pub(crate) fn lost(dial: &Dial, state: &LinkState, cause: Cause) -> Attempt {
    // An alert about our certificate is proof that the server never read the request.
    if let Some(explanation) = explain(dial, cause.as_ref()) {
        return final_attempt(tls_failure(dial, explanation));
    }
    let cause = broken_cause(dial, state, cause.as_ref());
    final_attempt(outcome_unknown(dial.origin(), cause))
}

/// The outcome of a request whose connection was lost.
pub(crate) fn outcome_unknown(origin: &Origin, cause: String) -> Failure {
    let report = Report::new(format!(
        "connection to {origin} lost; the remote may or may not have executed this request"
    ));
    let hint = "check at the remote before you send it again";
    Failure::new(Kind::OutcomeUnknown, report.cause(cause).hint(hint))
}

/// Where a redirect that keeps method and body leads to; `None` if the reply is not one.
pub(crate) fn redirect(from: &Url, reply: &Reply) -> Option<Url> {
    let keeps = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
    if !keeps.contains(&reply.status) {
        return None;
    }
    from.join(reply.headers.get(header::LOCATION)?.to_str().ok()?).ok()
}

/// A redirect out of the origin is not followed: headers and certificate stay here.
pub(crate) fn foreign_redirect(origin: &Origin, to: &Url) -> Failure {
    let target = to.origin().ascii_serialization();
    let report = Report::new(format!("{origin} redirects to another origin"));
    let report = report.cause(format!("the target is {target}"));
    Failure::new(Kind::Refused, report.hint("give the final URL if you trust that origin"))
}

/// A chain of redirects without an end.
pub(crate) fn endless_redirect(origin: &Origin) -> Failure {
    let report = Report::new(format!("{origin} redirects too often"));
    let cause = format!("more than {} redirects", limits::MAX_REDIRECTS);
    Failure::new(Kind::Refused, report.cause(cause))
}

/// The deepest error of a chain, in its own words.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}

fn final_attempt(failure: Failure) -> Attempt {
    Attempt { failure, again: false, pause: Duration::ZERO }
}

fn explain(dial: &Dial, cause: &(dyn Error + 'static)) -> Option<Explanation> {
    let origin = dial.origin();
    let peer = tls::Peer {
        host: origin.name(),
        port: origin.port(),
        sent_identity: dial.tls()?.has_identity(),
    };
    tls::explain(cause, &peer)
}

fn tls_failure(dial: &Dial, explanation: Explanation) -> Failure {
    let mut report = Report::new(format!("no secure connection to {}", dial.origin()));
    report.cause = Some(explanation.cause);
    report.hint = explanation.hint;
    Failure::new(Kind::Tls, report)
}

fn tcp_report(origin: &Origin, cause: &(dyn Error + 'static)) -> Report {
    let report = Report::new(format!("cannot connect to {origin}")).cause(deepest(cause));
    match io_kind(cause) {
        Some(io::ErrorKind::ConnectionRefused) => {
            report.hint("check the port, and that the server is running")
        }
        Some(io::ErrorKind::TimedOut) => {
            report.hint("check the address and any firewall on the way")
        }
        _ => report,
    }
}

fn handshake_report(dial: &Dial, cause: &(dyn Error + 'static)) -> Report {
    Report::new(format!("the TLS handshake with {} failed", dial.origin()))
        .cause(deepest(cause))
        .hint("check that this port speaks TLS")
}

fn proxy_report(dial: &Dial, cause: &(dyn Error + 'static)) -> Report {
    let name = dial.proxy().map(ToString::to_string).unwrap_or_default();
    let report = Report::new(format!("no way through the proxy {name} to {}", dial.origin()));
    let report = report.cause(deepest(cause));
    match cause.downcast_ref::<ProxyError>() {
        Some(ProxyError::Refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED)) => report.hint(
            "put user and password into the proxy variable: `http://user:password@proxy:port`",
        ),
        _ => report.hint("set `NO_PROXY` for hosts that are reached directly"),
    }
}

/// A broken connection in words. In TLS 1.3 a server judges our certificate after the handshake,
/// and some close without an alert: a break before the first answer ever is probably that.
fn broken_cause(dial: &Dial, state: &LinkState, cause: &(dyn Error + 'static)) -> String {
    let cause = deepest(cause);
    if dial.tls().is_none() || state.has_answered() {
        return cause;
    }
    let refused = "the server probably refused the client certificate";
    if dial.tls().is_some_and(|tls| tls.has_identity()) {
        format!("{cause}; {refused}")
    } else {
        format!("{cause}; the server probably wants a client certificate")
    }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    let mut kind = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            kind = Some(io.kind());
        }
        next = error.source();
    }
    kind
}
