//! The endpoint: what a request is, before it is anybody's.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::Method;
use http::Request;
use http::StatusCode;
use http::header;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use crate::auth::Peer;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::discard;
use crate::transport::http_listener::refusal;
use crate::transport::posted::check_content;
use crate::transport::posted::not_allowed;
use crate::transport::posted::read_message;
use crate::transport::streamable_http::server::backend::ModernBackend;
use crate::transport::streamable_http::server::catalogue::Catalogue;
use crate::transport::streamable_http::server::counts;
use crate::transport::streamable_http::server::counts::Counts;
use crate::transport::streamable_http::server::counts::Ending;
use crate::transport::streamable_http::server::counts::Ticket;
use crate::transport::streamable_http::server::era;
use crate::transport::streamable_http::server::era::Era;
use crate::transport::streamable_http::server::era::PROTOCOL_VERSION;
use crate::transport::streamable_http::server::registry::Registry;

/// What the operator chose.
#[derive(Clone, Copy, Debug)]
pub struct ServerSettings {
    /// Largest body of a request, in bytes.
    pub max_body: usize,
    /// Requests of one session that may wait for their answer at the same time.
    pub max_requests: usize,
    /// A session without a request and without an open stream ends after this long.
    pub session_idle: Duration,
    /// Any session ends after this long.
    pub session_lifetime: Duration,
    /// A session that is to finish has so long for what it was asked.
    pub drain: Duration,
}

/// The endpoint of one backend.
pub struct Endpoint<B> {
    pub(super) backend: Arc<B>,
    pub(super) settings: ServerSettings,
    pub(super) counts: Arc<Counts>,
    pub(super) registry: Arc<Registry>,
    pub(super) catalogue: Catalogue,
    // Ends what would never end by itself.
    pub(super) stop: CancellationToken,
    // One for each session.
    pub(super) tasks: Tasks,
}

impl<B: ModernBackend> Endpoint<B> {
    /// An endpoint without sessions. What it does is added to `counts`.
    pub fn new(backend: Arc<B>, settings: ServerSettings, counts: Arc<Counts>) -> Self {
        Self {
            backend,
            settings,
            counts,
            registry: Arc::default(),
            catalogue: Catalogue::default(),
            stop: CancellationToken::new(),
            tasks: Tasks::new(),
        }
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.registry.len()
    }

    /// Ends each session as soon as what runs in it is answered, and each subscription now.
    pub fn finish(&self) {
        self.stop.cancel();
        for session in self.registry.all() {
            session.finish(Ending::Stopping);
        }
    }

    /// Waits until no session is left.
    pub async fn finished(&self) {
        self.tasks.finished().await;
    }

    /// Ends all sessions now. Completes with the last one.
    pub async fn close(&self) {
        for session in self.registry.all() {
            session.end(Ending::Stopping);
        }
        self.tasks.finished().await;
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Reply {
        let mut ticket = Ticket::new(&self.counts);
        let reply = self.answer(request, peer, &mut ticket).await;
        let reply = reply.unwrap_or_else(Refused::into_reply);
        ticket.close(reply.status());
        reply
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        match *request.method() {
            Method::POST => self.post(request, peer, ticket).await,
            Method::GET | Method::DELETE if names_modern_version(request.headers()) => {
                Ok(not_allowed("POST"))
            }
            Method::GET => {
                ticket.name(counts::STREAM);
                self.get(request.headers(), &peer)
            }
            Method::DELETE => {
                ticket.name(counts::END_SESSION);
                self.delete(request.headers(), &peer)
            }
            _ => Ok(not_allowed("GET, POST, DELETE")),
        }
    }

    async fn post(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        if let Err(refused) = check_content(&headers).and_then(|()| check_accept(&headers)) {
            discard(body, &headers).await;
            return Err(refused);
        }
        let message = read_message(body, self.settings.max_body, &headers).await?;
        ticket.carries(&message);
        match era::of(&message, &headers) {
            // What is rare has a place of its own: it would make room for itself in every request.
            Era::Initialize => Box::pin(self.initialize(message, &headers, &peer, ticket)).await,
            Era::Legacy => self.in_session(message, &headers, &peer, ticket).await,
            Era::Modern => Box::pin(self.modern(message, &headers, &peer, ticket)).await,
        }
    }
}

const USUAL: &str = "application/json, text/event-stream";

/// Either form of answer has to be welcome (specification, "Sending Messages to the Server").
fn check_accept(headers: &HeaderMap) -> Result<(), Refused> {
    // As most clients write it.
    if headers.get(header::ACCEPT).is_some_and(|value| value == USUAL) {
        return Ok(());
    }
    if accepts(headers, "application/json") && accepts(headers, "text/event-stream") {
        return Ok(());
    }
    let report =
        Report::new("the answer may be JSON or an event stream, and both have to be welcome")
            .hint("send the header `Accept: application/json, text/event-stream`");
    Err(refusal(StatusCode::NOT_ACCEPTABLE, Kind::Protocol, report).into())
}

/// Whether `Accept` has this type, or a range that holds it (RFC 9110 section 12.5.1).
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let range = media_type.split_once('/').map_or(media_type, |(range, _)| range);
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut accepted = texts.flat_map(|text| text.split(',')).filter(|item| !is_unwanted(item));
    accepted.any(|item| {
        let item = item.split(';').next().unwrap_or_default().trim();
        item == "*/*"
            || item.eq_ignore_ascii_case(media_type)
            || item.strip_suffix("/*").is_some_and(|item| item.eq_ignore_ascii_case(range))
    })
}

fn is_unwanted(item: &str) -> bool {
    let mut parameters = item.split(';').skip(1).map(str::trim);
    parameters.any(|it| {
        let weight = it.strip_prefix("q=").or_else(|| it.strip_prefix("Q="));
        weight.is_some_and(|weight| weight.parse() == Ok(0.0))
    })
}

fn names_modern_version(headers: &HeaderMap) -> bool {
    let version = headers.get(PROTOCOL_VERSION).and_then(|version| version.to_str().ok());
    version.is_some_and(era::is_modern)
}
