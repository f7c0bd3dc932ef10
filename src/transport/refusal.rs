//! An HTTP status that is not a success, and the one error that the host gets for it.

use std::time::Duration;

use http::HeaderMap;
use http::StatusCode;
use http::header;
use serde::Deserialize;
use url::Url;

use crate::limits;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::report::peer_text;
use crate::transport::http::Origin;
use crate::transport::http::Reply;

/// `HeaderMismatch` of 2026-07-28.
pub const HEADER_MISMATCH: i64 = -32020;
/// `MissingRequiredClientCapability` of 2026-07-28.
const MISSING_CAPABILITY: i64 = -32021;
/// `UnsupportedProtocolVersion` of 2026-07-28.
const UNSUPPORTED_VERSION: i64 = -32022;
/// JSON-RPC: no such method; in the modern era with status 404.
const METHOD_NOT_FOUND: i64 = -32601;

/// The remote said no.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    retry_after: Option<Duration>,
    error: Option<Message>,
    // Whether the request named a session.
    in_session: bool,
    // Whether the user rules the other transport out.
    only_transport: bool,
    // Where a redirect leads to: its origin alone.
    target: Option<String>,
    text: String,
}

impl Refusal {
    /// Reads the reply, with at most [`limits::REFUSAL_BODY_BYTES`] of its body.
    pub async fn read(reply: Reply) -> Self {
        let retry_after = retry_after(&reply.headers);
        let target = redirect_target(&reply.headers);
        let body = tokio::time::timeout(
            limits::REFUSAL_BODY_TIMEOUT,
            reply.body.read(limits::REFUSAL_BODY_BYTES),
        );
        // A body that does not come or is too long says nothing; the status does.
        let body = body.await.ok().and_then(Result::ok).unwrap_or_default();
        let text = peer_text(&without_tags(&String::from_utf8_lossy(&body)));
        let error = Message::parse(body).ok().filter(|message| {
            let head = message.head();
            head.is_some_and(|head| matches!(head.kind, MessageKind::Response { failed: true, .. }))
        });
        Self {
            status: reply.status,
            retry_after,
            error,
            in_session: false,
            only_transport: false,
            target,
            text,
        }
    }

    /// The code of the JSON-RPC error in the body, if there is one.
    pub fn code(&self) -> Option<i64> {
        #[derive(Deserialize)]
        struct Error {
            code: i64,
        }
        let (message, head) = self.error()?;
        let error: Error = serde_json::from_slice(message.payload(head)).ok()?;
        Some(error.code)
    }

    /// Whether only a server of the modern era answers like this (specification 2026-07-28,
    /// "Backward Compatibility").
    pub fn is_modern(&self) -> bool {
        match self.code() {
            Some(HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION) => true,
            Some(METHOD_NOT_FOUND) => self.status == StatusCode::NOT_FOUND,
            _ => false,
        }
    }

    /// Notes that the request named a session, so that 404 means another thing.
    pub fn in_session(mut self) -> Self {
        self.in_session = true;
        self
    }

    /// Notes that there is no other transport to be tried, so that a hint at it makes sense.
    pub fn as_only_transport(mut self) -> Self {
        self.only_transport = true;
        self
    }

    fn wants_certificate(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.text.contains("SSL certificate")
    }

    /// How nginx, Go, Apache and Tomcat answer plain HTTP on a port that speaks TLS.
    fn wants_tls(&self) -> bool {
        ["to HTTPS port", "to an HTTPS server", "to an SSL-enabled server", "requires TLS"]
            .iter()
            .any(|words| self.text.contains(words))
    }

    /// Whether the body says nothing that a host could understand.
    pub fn is_mute(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the session is gone: 404, or 400 if the error says so, as some servers do (A23).
    pub fn says_session_lost(&self) -> bool {
        let named = |(message, head): (&Message, &Head)| {
            let text = String::from_utf8_lossy(message.payload(head)).to_ascii_lowercase();
            text.contains("session")
        };
        match self.status {
            StatusCode::NOT_FOUND => true,
            StatusCode::BAD_REQUEST => self.error().is_some_and(named),
            _ => false,
        }
    }

    /// Whether the other HTTP transport may be tried: the older servers answer the first POST so.
    pub fn allows_fallback(&self) -> bool {
        let older = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            // Seen from load balancers in front of such servers.
            StatusCode::NOT_ACCEPTABLE,
            StatusCode::LENGTH_REQUIRED,
        ];
        let other_reason = self.is_modern() || self.wants_certificate() || self.wants_tls();
        older.contains(&self.status) && !other_reason
    }

    /// The error for the request `id`: the remote's own if it sent one, under the right id.
    pub fn answer(&self, origin: &Origin, id: &Id, method: &str) -> Message {
        match self.error() {
            Some((message, head)) if head.response_id() == Some(id) => message.clone(),
            Some((message, head)) => Message::error_response(Some(id), message.payload(head)),
            None => RpcError::failed(&self.failure(origin), Some(method)).answer(Some(id)),
        }
    }

    /// The refusal in words.
    pub fn failure(&self, origin: &Origin) -> Failure {
        let status = self.status;
        let (kind, error, hint) = match status.as_u16() {
            // How nginx says that it got none, or one that it does not trust.
            400 if self.wants_certificate() => (
                Kind::Auth,
                "wants a client certificate that it accepts",
                Some("pass a valid one of a CA that it trusts with `--tls-cert` and `--tls-key`"),
            ),
            400 if self.wants_tls() && !origin.is_secure() => {
                (Kind::Refused, "speaks TLS on this port", Some("use `https://` in the URL"))
            }
            401 => (Kind::Auth, "does not know us", Some("give credentials with `--header-file`")),
            403 => (Kind::Auth, "does not let us in", Some("ask whether this identity is allowed")),
            429 => (
                Kind::Overloaded,
                "has had too many requests",
                Some("wait before you send more, or ask for a higher limit"),
            ),
            503 => (Kind::Overloaded, "is overloaded", Some("try again later")),
            502 | 504 => (
                Kind::OutcomeUnknown,
                "lost its own server; the request may or may not have been executed",
                Some("check at the remote before you send it again"),
            ),
            300..=399 => (Kind::Refused, "redirects", Some("give the final URL")),
            413 => (
                Kind::TooLarge,
                "takes no message of this size",
                Some("send less, or raise the limit of the server and of the proxies before it"),
            ),
            404 | 405 | 406 | 411 if self.only_transport => (
                Kind::Refused,
                "does not speak Streamable HTTP at this path",
                Some("check the URL's path; if the server speaks HTTP+SSE, omit `--transport`"),
            ),
            404 if self.in_session => {
                (Kind::Refused, "has lost the session", Some("let the host connect again"))
            }
            404 => {
                (Kind::Refused, "has no MCP endpoint at this path", Some("check the URL's path"))
            }
            405 => (
                Kind::Refused,
                "does not take this request at this path",
                Some("check the URL's path"),
            ),
            _ => (Kind::Refused, "refused the request", None),
        };
        // Many hosts show the message alone, so it names the status too.
        let report = Report::new(format!("{origin} {error} (HTTP {})", status.as_u16()));
        let text = if self.text.is_empty() { String::new() } else { format!(": {}", self.text) };
        let target = self.target.iter().map(|origin| format!(" to {origin}")).collect::<String>();
        let mut report = report.cause(format!("HTTP status {status}{target}{text}"));
        report.hint = hint.map(str::to_owned);
        let mut failure = Failure::new(kind, report);
        failure.retry_safe = kind == Kind::Overloaded;
        failure.retry_after = self.retry_after;
        failure
    }

    fn error(&self) -> Option<(&Message, &Head)> {
        let message = self.error.as_ref()?;
        Some((message, message.head()?))
    }
}

/// The text of an HTML page, or any other text as it is.
fn without_tags(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let parts = text.split('<').map(|part| part.split_once('>').map_or("", |(_, shown)| shown));
    parts.fold(String::new(), |text, part| text + part + " ")
}

fn redirect_target(headers: &HeaderMap) -> Option<String> {
    let target = Url::parse(headers.get(header::LOCATION)?.to_str().ok()?).ok()?;
    Some(target.origin().ascii_serialization())
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); a date is not worth a calendar here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use crate::transport::refusal::without_tags;

    #[test]
    fn a_page_is_shown_without_its_tags() {
        let page = "<html>\r\n<head><title>400 No</title></head><body a=\"b\">x < y</body></html>";
        let words: Vec<_> = without_tags(page).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["400", "No", "x"]);
        assert_eq!(without_tags("1 < 2 > 1"), "1 < 2 > 1");
    }
}
