//! What went wrong on the way, in words, and whether the remote can have processed the request.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;
use http::header;
use url::Url;

use crate::limits;
use crate::report::CHECK_AT_REMOTE;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::MAY_HAVE_RUN;
use crate::report::Report;
use crate::tls;
use crate::tls::Explanation;
use crate::transport::http::client::Reply;
use crate::transport::http::dial::Dial;
use crate::transport::http::dial::DialError;
use crate::transport::http::dial::ProxyError;
use crate::transport::http::greeting::Greeting;
use crate::transport::http::link::Cause;
use crate::transport::http::link::LinkState;
use crate::transport::http::milestone::Step;
use crate::transport::http::origin::Origin;
use crate::transport::http::socks::SocksError;

/// A failed attempt, and whether a second one is allowed and makes sense.
pub(crate) struct Attempt {
    pub(crate) failure: Failure,
    pub(crate) again: bool,
    pub(crate) pause: Duration,
    /// The part of the way that is to blame, where it is one.
    pub(crate) step: Option<Step>,
}

/// There is no connection: nothing was sent.
pub(crate) fn unreachable(dial: &Dial, error: &DialError) -> Attempt {
    let cause = error.cause.as_ref();
    if let Some(explanation) = explain(dial, cause) {
        return insecure(dial, Some(explanation));
    }
    let origin = dial.origin();
    let report = match error.step {
        // It is the proxy's name that is looked up.
        Step::Name if dial.proxy().is_some() => proxy_report(dial, cause),
        Step::Name => Report::new(format!("no address found for `{}`", origin.name()))
            .cause(deepest(cause))
            .hint("check the host name, the DNS and the VPN"),
        Step::Tcp | Step::TimeLimit if dial.proxy().is_some() => proxy_report(dial, cause),
        Step::Tcp | Step::TimeLimit => tcp_report(origin, cause),
        Step::Proxy => proxy_report(dial, cause),
        Step::Tls => handshake_report(dial, cause),
        Step::Http => Report::new(format!("{origin} does not speak HTTP")).cause(deepest(cause)),
    };
    let kind = if error.step == Step::Tls { Kind::Tls } else { Kind::NotSent };
    // A name, a route or a listener may be back in a moment; a time limit was waited for already.
    let again = matches!(error.step, Step::Name | Step::Tcp | Step::Tls | Step::Http);
    let (failure, pause) = (Failure::new(kind, report), limits::CONNECT_RETRY_PAUSE);
    Attempt { failure, again, pause, step: Some(error.step) }
}

/// There was a connection, and proof that the request was not processed.
pub(crate) fn not_sent(dial: &Dial, state: &LinkState, cause: &Cause) -> Attempt {
    let explanation = explain(dial, cause.as_ref());
    if explanation.as_ref().is_some_and(|explanation| explanation.proof) {
        return insecure(dial, explanation);
    }
    if let Some(failure) = foreign(dial, state) {
        return final_attempt(failure);
    }
    let report = Report::new(format!("{} closed the connection before the request", dial.origin()));
    let step = blamed(explanation.as_ref());
    let failure = Failure::new(Kind::NotSent, explained(report, explanation, cause));
    Attempt { failure, again: true, pause: Duration::ZERO, step }
}

/// The connection broke after the request, or a part of it, was written.
pub(crate) fn lost(dial: &Dial, state: &LinkState, cause: &Cause) -> Attempt {
    let explanation = explain(dial, cause.as_ref());
    let refused = explanation.as_ref().is_some_and(|explanation| explanation.proof);
    if refused && !state.has_answered() {
        return insecure(dial, explanation);
    }
    if let Some(failure) = foreign(dial, state) {
        return final_attempt(failure);
    }
    let step = blamed(explanation.as_ref());
    let mut failure = outcome_unknown(dial.origin(), deepest(cause.as_ref()));
    failure.report = explained(failure.report, explanation, cause);
    if talks_in_clear(dial) && state.greeting() == Greeting::Silence {
        let hint = "if this port speaks TLS, use `https://` in the URL";
        failure.report.hint = Some(format!("{CHECK_AT_REMOTE}; {hint}"));
    }
    Attempt { step, ..final_attempt(failure) }
}

/// The handshake, where TLS is what went wrong.
fn blamed(explanation: Option<&Explanation>) -> Option<Step> {
    explanation.filter(|explanation| explanation.of_handshake).map(|_| Step::Tls)
}

/// Whether it is the remote itself that gets our plain text, and not a proxy that forwards it.
fn talks_in_clear(dial: &Dial) -> bool {
    dial.tls().is_none() && dial.forwarding().is_none()
}

/// The peer certainly is no HTTP server, so it cannot have executed a request.
fn foreign(dial: &Dial, state: &LinkState) -> Option<Failure> {
    let (cause, hint) = match state.greeting() {
        Greeting::Silence | Greeting::Http => return None,
        Greeting::Tls if talks_in_clear(dial) => {
            ("it speaks TLS".to_owned(), "use `https://` in the URL")
        }
        Greeting::Foreign(Some(word)) => {
            (format!("what it says begins with `{word}`"), "check the port")
        }
        Greeting::Foreign(None) | Greeting::Tls => {
            ("what it says is no HTTP response".to_owned(), "check the port")
        }
    };
    let forwards = dial.proxy().filter(|_| dial.forwarding().is_some());
    let who = forwards.map_or_else(|| dial.origin().to_string(), |it| format!("the proxy {it}"));
    let report = Report::new(format!("{who} does not speak HTTP")).cause(cause).hint(hint);
    Some(Failure::new(Kind::Protocol, report))
}

/// The outcome of a request whose connection was lost.
pub(crate) fn outcome_unknown(origin: &Origin, cause: String) -> Failure {
    let report = Report::new(format!("connection to {origin} lost{MAY_HAVE_RUN}"));
    Failure::new(Kind::OutcomeUnknown, report.cause(cause).hint(CHECK_AT_REMOTE))
}

/// A time limit ended the wait for an answer.
pub(crate) fn unanswered(origin: &Origin, limit: Duration) -> Failure {
    let report = Report::new(format!("no answer of {origin} within the time limit"))
        .cause(format!("the limit is {limit:?}"))
        .hint("allow more time with `--request-timeout`");
    Failure::new(Kind::Timeout, report)
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
    let hint = "check the URL, and the address that the server or a proxy before it has for itself";
    Failure::new(Kind::Refused, report.cause(cause).hint(hint))
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
    Attempt { failure, again: false, pause: Duration::ZERO, step: None }
}

fn explain(dial: &Dial, cause: &(dyn Error + 'static)) -> Option<Explanation> {
    let (origin, tls) = (dial.origin(), dial.tls()?);
    let identity = tls.identity_facts();
    let peer = tls::Peer { host: origin.name(), port: origin.port(), identity: identity.as_ref() };
    tls::explain(cause, &peer)
}

fn insecure(dial: &Dial, explanation: Option<Explanation>) -> Attempt {
    let mut report = Report::new(format!("no secure connection to {}", dial.origin()));
    if let Some(explanation) = explanation {
        report.cause = Some(explanation.cause);
        report.hint = explanation.hint;
    }
    Attempt { step: Some(Step::Tls), ..final_attempt(Failure::new(Kind::Tls, report)) }
}

/// The report with what TLS knows about the cause, or else the cause in its own words.
fn explained(mut report: Report, explanation: Option<Explanation>, cause: &Cause) -> Report {
    match explanation {
        Some(Explanation { cause, hint, .. }) => {
            report.cause = Some(cause);
            report.hint = hint.or(report.hint);
            report
        }
        None => report.cause(deepest(cause.as_ref())),
    }
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
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            report.hint("check the address, the network of this machine and the VPN")
        }
        Some(io::ErrorKind::PermissionDenied) => {
            report.hint("a firewall of this machine forbids it: check its rules")
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
    let origin = dial.origin();
    let Some(proxy) = dial.proxy() else { return tcp_report(origin, cause) };
    let (name, source) = (origin.name(), proxy.source());
    let hint = match cause.downcast_ref::<ProxyError>() {
        Some(ProxyError::Refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED))
            if proxy.login().is_some() || proxy.authorization().is_some() =>
        {
            format!("check user and password in `{source}`")
        }
        Some(ProxyError::Refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED)) => {
            format!("put user and password into `{source}`: `http://user:password@{proxy}`")
        }
        Some(ProxyError::Scheme) => format!("set `{source}` to a proxy of another kind"),
        Some(ProxyError::Socks(error)) if error.is_about_login() => {
            format!("put user and password into `{source}`: `socks5h://user:password@{proxy}`")
        }
        Some(ProxyError::Socks(error)) if error.is_refused_by_target() => {
            "check the port, and that the server is running".to_owned()
        }
        Some(ProxyError::Socks(SocksError::Unknown(..))) => {
            format!(
                "use `socks5h` in place of `socks5` in `{source}`: then the proxy looks names up"
            )
        }
        _ => format!(
            "the proxy comes from `{source}`; if {name} is reached directly, set `NO_PROXY={name}`"
        ),
    };
    Report::new(format!("no way through the proxy {proxy} to {origin}"))
        .cause(deepest(cause))
        .hint(hint)
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
