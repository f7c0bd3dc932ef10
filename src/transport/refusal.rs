//! An HTTP status that is not a success, and the one error that the host gets for it.

mod words;

use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use url::Url;

use crate::limits;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::CHECK_AT_REMOTE;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::MAY_HAVE_RUN;
use crate::report::Report;
use crate::report::peer_text;
use crate::tls::Flaw;
use crate::transport::http::Origin;
use crate::transport::http::Reply;
use crate::transport::http::content_coding;
use crate::transport::http::media_type;
use crate::transport::refusal::words::Words;

/// `HeaderMismatch` of 2026-07-28.
pub const HEADER_MISMATCH: i64 = -32020;
/// `MissingRequiredClientCapability` of 2026-07-28.
const MISSING_CAPABILITY: i64 = -32021;
/// `UnsupportedProtocolVersion` of 2026-07-28.
pub const UNSUPPORTED_VERSION: i64 = -32022;
/// JSON-RPC: no such method; in the modern era with status 404.
pub const METHOD_NOT_FOUND: i64 = -32601;

/// Whether this is the code of an error that the modern era alone knows.
pub fn is_modern_code(code: i64) -> bool {
    matches!(code, HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION)
}

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
    // Whether it is a page for people.
    page: bool,
    // What the server's clock shows.
    date: Option<String>,
    // What is wrong with our client certificate.
    flaw: Option<Flaw>,
    text: String,
}

impl Refusal {
    /// Reads the reply, with at most [`limits::REFUSAL_BODY_BYTES`] of its body.
    pub async fn read(reply: Reply) -> Self {
        let retry_after = retry_after(&reply.headers, SystemTime::now());
        let target = redirect_target(&reply.headers);
        let page = media_type(&reply.headers) == "text/html";
        let date = reply.headers.get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.map(peer_text);
        let (status, secrets, flaw) = (reply.status, reply.secrets.clone(), reply.flaw.clone());
        let body = words_of(reply).await;
        let text = peer_text(&masked(without_tags(&String::from_utf8_lossy(&body)), &secrets));
        let error = Message::parse(body).ok().filter(|message| {
            let head = message.head();
            head.is_some_and(|head| matches!(head.kind, MessageKind::Response { failed: true, .. }))
        });
        let (in_session, only_transport) = (false, false);
        Self {
            status,
            retry_after,
            error,
            in_session,
            only_transport,
            target,
            page,
            date,
            flaw,
            text,
        }
    }

    /// The code of the JSON-RPC error in the body, if there is one.
    pub fn code(&self) -> Option<i64> {
        self.error.as_ref()?.error_code()
    }

    /// Whether only a server of the modern era answers like this (specification 2026-07-28,
    /// "Backward Compatibility").
    pub fn is_modern(&self) -> bool {
        match self.code() {
            Some(code) if is_modern_code(code) => true,
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
        let Words { kind, error, hint } = self.words(origin);
        // Many hosts show the message alone, so it names the status too.
        let (doubt, hint) = match kind {
            Kind::OutcomeUnknown => (MAY_HAVE_RUN, format!("{CHECK_AT_REMOTE}; {hint}")),
            _ => ("", hint.to_owned()),
        };
        let report = Report::new(format!("{origin} {error} (HTTP {}){doubt}", status.as_u16()));
        let text = if self.text.is_empty() { String::new() } else { format!(": {}", self.text) };
        let target = self.target.iter().map(|origin| format!(" to {origin}")).collect::<String>();
        let judged = if self.wants_certificate() { self.certificate() } else { String::new() };
        let report = report.cause(format!("HTTP status {status}{target}{text}{judged}")).hint(hint);
        let mut failure = Failure::new(kind, report);
        failure.retry_safe = kind == Kind::Overloaded;
        failure.retry_after = self.retry_after;
        failure
    }

    /// What is known of our certificate and of the server's clock, where it refuses the certificate.
    fn certificate(&self) -> String {
        let flaw = self.flaw.iter().map(|flaw| format!("; we sent a certificate {}", flaw.what));
        let date = self.date.iter().map(|date| format!("; the server's clock shows {date}"));
        flaw.chain(date).collect()
    }

    fn error(&self) -> Option<(&Message, &Head)> {
        let message = self.error.as_ref()?;
        Some((message, message.head()?))
    }
}

/// A body that does not come, is too long, or in a content coding says nothing; the status does.
async fn words_of(reply: Reply) -> Bytes {
    if let Some(coding) = content_coding(&reply.headers) {
        return format!("a text in the content coding {coding}").into();
    }
    let body = reply.body.read(limits::REFUSAL_BODY_BYTES);
    let body = tokio::time::timeout(limits::REFUSAL_BODY_TIMEOUT, body).await;
    body.ok().and_then(Result::ok).unwrap_or_default()
}

/// Some servers quote the credentials that they refuse.
fn masked(mut text: String, secrets: &[HeaderValue]) -> String {
    let values = secrets.iter().filter_map(|secret| secret.to_str().ok());
    for word in values.flat_map(str::split_whitespace) {
        if word.len() >= limits::MASKED_CHARS {
            text = text.replace(word, "***");
        }
    }
    text
}

/// The text of an HTML page, or any other text as it is.
fn without_tags(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    // A title says what the page says.
    let body = text.split_once("</head>").map_or(text, |(_, body)| body);
    let shown = |text: &str| -> String {
        let parts = text.split('<').skip(1);
        let parts = parts.map(|part| part.split_once('>').map_or("", |(_, shown)| shown));
        parts.fold(String::new(), |text, part| text + part + " ")
    };
    match shown(body) {
        nothing if nothing.trim().is_empty() => shown(text),
        text => text,
    }
}

fn redirect_target(headers: &HeaderMap) -> Option<String> {
    let target = Url::parse(headers.get(header::LOCATION)?.to_str().ok()?).ok()?;
    Some(target.origin().ascii_serialization())
}

/// `Retry-After`, seconds or a date (RFC 9110 section 10.2.3); a date that is past means now.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(until(httpdate::parse_http_date(text).ok()?, now)),
    }
}

/// Whole seconds, rounded up: never too early.
fn until(date: SystemTime, now: SystemTime) -> Duration {
    let wait = date.duration_since(now).unwrap_or_default();
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::SystemTime;

    use http::HeaderMap;
    use http::HeaderValue;

    use crate::transport::refusal::retry_after;
    use crate::transport::refusal::without_tags;

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500);
        let wait = |text: &'static str| {
            let headers: HeaderMap =
                [(http::header::RETRY_AFTER, HeaderValue::from_static(text))].into_iter().collect();
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait(" 17 "), Some(17));
        for date in [
            "Sun, 06 Nov 1994 08:50:37 GMT",
            "Sunday, 06-Nov-94 08:50:37 GMT",
            "Sun Nov  6 08:50:37 1994",
        ] {
            // Half a second is gone already.
            assert_eq!(wait(date), Some(60), "{date}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }

    #[test]
    fn a_page_is_shown_without_its_tags() {
        let page = "<html>\r\n<head><title>400 No</title></head><body a=\"b\">x < y</body></html>";
        let words: Vec<_> = without_tags(page).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["x"], "the title says what the page says");
        let page = "<html><head><title>400 No</title></head><body></body></html>";
        assert_eq!(without_tags(page).trim(), "400 No");
        assert_eq!(without_tags("1 < 2 > 1"), "1 < 2 > 1");
    }
}
