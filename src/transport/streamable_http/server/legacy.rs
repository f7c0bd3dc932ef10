//! The legacy era: sessions (specification 2025-11-25, "Streamable HTTP").

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;

use crate::auth::Peer;
use crate::channel::Channel;
use crate::limits;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Kind;
use crate::report::Report;
use crate::tls::random_id;
use crate::transport::batch;
use crate::transport::event_body;
use crate::transport::event_body::EventBody;
use crate::transport::event_body::EventId;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::json;
use crate::transport::http_listener::refusal;
use crate::transport::http_listener::stream;
use crate::transport::posted;
use crate::transport::streamable_http::server::backend::Backend;
use crate::transport::streamable_http::server::endpoint::Endpoint;
use crate::transport::streamable_http::server::endpoint::accepts;
use crate::transport::streamable_http::server::era;
use crate::transport::streamable_http::server::era::PROTOCOL_VERSION;
use crate::transport::streamable_http::server::registry::SESSION_ID;
use crate::transport::streamable_http::server::reply;
use crate::transport::streamable_http::server::session::Seat;
use crate::transport::streamable_http::server::session::Session;
use crate::transport::streamable_http::server::streams::Attached;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What came of the wait for the first messages of an answer.
enum First {
    /// The one answer, and nothing else is to come.
    Answer(Message),
    /// Something before it, or nothing yet.
    Others(Vec<Message>),
    /// The session ended.
    Over,
}

impl<B: Backend> Endpoint<B> {
    /// Opens a session.
    pub(super) async fn initialize(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
    ) -> Reply {
        if headers.contains_key(SESSION_ID) {
            let error = RpcError::invalid_request("`initialize` within a session");
            return posted::error(StatusCode::BAD_REQUEST, &message, &error);
        }
        let number = self.backend.next_session();
        let opened = match self.backend.open(peer, number).await {
            Ok(opened) => opened,
            Err(failure) => return posted::failure(&message, &failure),
        };
        // Until the server has answered for the first time.
        let _starting = opened.starting;
        let Some(id) = random_id() else { return empty(StatusCode::INTERNAL_SERVER_ERROR) };
        tracing::info!(session = number, %peer, "a session begins");
        let session = self.start(&id, number, opened.channel, peer);
        let first = self.ask(&session, message, limits::FIRST_ANSWER).await;
        let mut answer = match first {
            Ok((seat, _, First::Answer(answer))) => {
                seat.answered();
                match reply::error_code(&answer) {
                    None => json(StatusCode::OK, answer.into_bytes()),
                    // There is nothing that a client could do with the session.
                    Some(code) => {
                        session.end();
                        return json(status_of(code), answer.into_bytes());
                    }
                }
            }
            Ok((seat, attached, First::Others(messages))) => events(seat, attached, messages),
            Ok((_, _, First::Over)) => empty(StatusCode::BAD_GATEWAY),
            Err(reply) => return reply,
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(SESSION_ID, id);
        }
        answer
    }

    /// A message of a session.
    pub(super) async fn in_session(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
    ) -> Reply {
        if let Err(reply) = check_version(headers) {
            return reply;
        }
        let session = match self.registry.find(headers, peer) {
            Ok(session) => session,
            Err(reply) => return reply,
        };
        if message.is_batch() {
            return self.batch(&session, message).await;
        }
        if message.request().is_none() {
            return match session.send(message).await {
                Ok(()) => empty(StatusCode::ACCEPTED),
                Err(_) => gone(),
            };
        }
        match self.ask(&session, message, limits::ANSWER_AT_ONCE).await {
            Ok((seat, _, First::Answer(answer))) => {
                seat.answered();
                json(StatusCode::OK, answer.into_bytes())
            }
            Ok((seat, attached, First::Others(messages))) => events(seat, attached, messages),
            Ok((_, _, First::Over)) => gone(),
            Err(reply) => reply,
        }
    }

    /// Several messages at once, in the one version that has them.
    async fn batch(&self, session: &Arc<Session>, message: Message) -> Reply {
        let whole = message.clone();
        let messages = match batch::unpack(message, session.version()) {
            Ok(messages) => messages,
            Err(_) => {
                let error =
                    RpcError::invalid_request("batches are not part of this protocol version");
                return posted::error(StatusCode::BAD_REQUEST, &whole, &error);
            }
        };
        let asked = whole.request_ids().next().is_some();
        let attached = session.streams().begin(&whole);
        let Ok(attached) = attached else { return in_use(&whole) };
        let seat = Seat::new(session, &attached);
        for message in messages {
            if session.send(message).await.is_err() {
                return gone();
            }
        }
        if asked { events(seat, attached, Vec::new()) } else { empty(StatusCode::ACCEPTED) }
    }

    /// The stream for what the server says of its own accord, or one that broke.
    pub(super) fn get(&self, headers: &HeaderMap, peer: &Arc<Peer>) -> Reply {
        if !accepts(headers, "text/event-stream") {
            let report = Report::new("a GET opens an event stream")
                .hint("send the header `Accept: text/event-stream`");
            return refusal(StatusCode::NOT_ACCEPTABLE, Kind::Protocol, report);
        }
        if let Err(reply) = check_version(headers) {
            return reply;
        }
        let session = match self.registry.find(headers, peer) {
            Ok(session) => session,
            Err(reply) => return reply,
        };
        let last = headers.get(LAST_EVENT_ID).and_then(|id| EventId::parse(id.to_str().ok()?));
        let attached = {
            let mut streams = session.streams();
            match last.and_then(|last| streams.resume(last)) {
                Some(attached) => attached,
                None => streams.general(),
            }
        };
        events(Seat::new(&session, &attached), attached, Vec::new())
    }

    /// Ends a session.
    pub(super) fn delete(&self, headers: &HeaderMap, peer: &Arc<Peer>) -> Reply {
        match self.registry.find(headers, peer) {
            Ok(session) => {
                session.end();
                empty(StatusCode::NO_CONTENT)
            }
            Err(reply) => reply,
        }
    }

    /// Puts a session in the registry until it ends.
    fn start(&self, id: &str, number: u64, channel: Channel, peer: &Peer) -> Arc<Session> {
        let Channel { sender, receiver } = channel;
        let session = Session::new(number, peer.principal(), sender);
        self.registry.add(id, &session);
        let idle = self.settings.session_idle;
        let (registry, id) = (Arc::clone(&self.registry), id.to_owned());
        let running = Arc::clone(&session);
        self.tasks.spawn(async move {
            let ending = running.run(receiver, idle, || registry.remove(&id)).await;
            tracing::info!(session = number, "a session ends: {ending}");
        });
        session
    }

    /// Sends a request and waits for what comes first, but no longer than `patience`.
    async fn ask(
        &self,
        session: &Arc<Session>,
        message: Message,
        patience: Duration,
    ) -> Result<(Seat, Attached, First), Reply> {
        let attached = session.streams().begin(&message);
        let Ok(mut attached) = attached else { return Err(in_use(&message)) };
        let seat = Seat::new(session, &attached);
        if session.send(message).await.is_err() {
            return Err(gone());
        }
        let mut messages = Vec::new();
        let first = attached.queue.recv_all(&mut messages);
        let first = match tokio::time::timeout(patience, first).await {
            Ok(false) => First::Over,
            Ok(true) if messages.len() == 1 && is_answer(&messages[0]) => {
                messages.pop().map_or(First::Over, First::Answer)
            }
            _ => First::Others(messages),
        };
        Ok((seat, attached, first))
    }
}

/// JSON-RPC error of the specification of 2026-07-28: the version is not spoken.
const UNSUPPORTED_VERSION: i64 = -32022;

/// An event stream with what is there already.
fn events(mut seat: Seat, attached: Attached, messages: Vec<Message>) -> Reply {
    seat.can_resume = attached.next.is_some();
    let mut body = EventBody::new(attached.queue, seat);
    if let Some(next) = attached.next {
        body = body.with_ids(next);
        body.prime();
    }
    body.push(attached.missed.into_iter().chain(messages));
    let mut reply = stream(body);
    reply.headers_mut().extend(event_body::headers());
    reply
}

/// A client that is told that its version is not spoken has to see it in the status, too.
fn status_of(code: i64) -> StatusCode {
    if code == UNSUPPORTED_VERSION { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

/// The version header is optional, but must not be wrong (specification 2025-06-18, "Protocol
/// Version Header").
fn check_version(headers: &HeaderMap) -> Result<(), Reply> {
    let mut named = headers.get_all(PROTOCOL_VERSION).iter();
    let (Some(version), others) = (named.next(), named.next()) else { return Ok(()) };
    let known = version.to_str().is_ok_and(|version| era::LEGACY.contains(&version));
    if known && others.is_none() {
        return Ok(());
    }
    let report = Report::new("the `MCP-Protocol-Version` header names no version of this server")
        .cause(format!("it speaks {}", era::LEGACY.join(", ")));
    Err(refusal(StatusCode::BAD_REQUEST, Kind::Protocol, report))
}

fn is_answer(message: &Message) -> bool {
    message.head().is_some_and(|head| matches!(head.kind, MessageKind::Response { .. }))
}

fn in_use(message: &Message) -> Reply {
    let error = RpcError::invalid_request("this id is in use");
    posted::error(StatusCode::BAD_REQUEST, message, &error)
}

fn gone() -> Reply {
    let report = Report::new("the session has ended").hint("send `initialize` for a new one");
    refusal(StatusCode::NOT_FOUND, Kind::Protocol, report)
}
