//! HTTP+SSE, the client side (specification 2024-11-05, "HTTP with SSE"): one event stream for all
//! that the server says, and a second URL, which its first event names, for all that we say.

mod client;
mod conversation;
mod pending;
mod reopening;
pub mod server;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::header;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::limits;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::report::peer_text;
use crate::transport::events::Events;
use crate::transport::http::Client;
use crate::transport::http::Origin;
use crate::transport::http::{self as plain};
use crate::transport::refusal::Refusal;

pub use crate::transport::sse::client::run;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// A stream whose endpoint is known.
pub struct Opened {
    events: Events,
    endpoint: Url,
}

/// Opens the stream and waits for its endpoint.
///
/// # Errors
/// The remote cannot be reached, has no such stream, or names an endpoint in another origin.
pub async fn open(http: &Client, max_message: usize) -> Result<Opened, Failure> {
    let request = plain::Request {
        method: Method::GET,
        url: http.url().clone(),
        headers: vec![(header::ACCEPT, EVENT_STREAM)],
        body: Bytes::new(),
    };
    let reply = http.send(request, &CancellationToken::new()).await?;
    if !reply.status.is_success() {
        let refusal = Refusal::read(reply).await;
        // So answer the servers that know the other transport alone.
        return Err(if refusal.allows_fallback() {
            let cause = format!("GET was answered with HTTP status {}", refusal.status);
            no_stream(http.origin(), &cause)
        } else {
            refusal.failure(http.origin())
        });
    }
    if plain::media_type(&reply.headers) != "text/event-stream" {
        return Err(no_stream(http.origin(), "GET was not answered with an event stream"));
    }
    if let Some(coding) = plain::content_coding(&reply.headers) {
        let cause = format!("its event stream is in the content coding `{coding}`");
        return Err(no_stream(http.origin(), &cause));
    }
    let mut events = Events::new(reply.body, max_message);
    let first = timeout(limits::ENDPOINT_TIMEOUT, events.next()).await;
    let event = match first {
        Ok(Ok(event)) => event,
        Ok(Err(end)) => return Err(no_stream(http.origin(), &end.to_string())),
        Err(_) => return Err(no_stream(http.origin(), "its event stream stays silent")),
    };
    if event.kind != "endpoint" {
        return Err(no_stream(http.origin(), "its event stream does not begin with an endpoint"));
    }
    let endpoint = endpoint(http, &event.data)?;
    Ok(Opened { events, endpoint })
}

/// The endpoint is a reference relative to the stream's URL, and stays within the origin: a
/// server must not be able to send our messages and our certificate elsewhere.
fn endpoint(http: &Client, reference: &[u8]) -> Result<Url, Failure> {
    let reference = String::from_utf8_lossy(reference);
    let url = http.url().join(reference.trim()).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        plain && Origin::of(url).as_ref() == Some(http.origin())
    });
    url.ok_or_else(|| {
        let report = Report::new("Refusing outbound request to an unexpected origin");
        let cause = format!("{} names the endpoint `{}`", http.origin(), peer_text(&reference));
        let hint = "let the server name an endpoint of its own, as in `/messages`; behind a proxy it may \
                    have to be told its public address";
        Failure::new(Kind::Protocol, report.cause(cause).hint(hint))
    })
}

fn no_stream(origin: &Origin, cause: &str) -> Failure {
    let report = Report::new(format!("{origin} does not speak HTTP+SSE")).cause(cause);
    Failure::new(Kind::Protocol, report.hint("check the URL's path, or omit `--transport`"))
}
