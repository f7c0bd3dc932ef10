//! The legacy era: sessions (specification 2025-11-25, "Streamable HTTP").

use std::future::Future;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;

use crate::auth::Label;
use crate::auth::Peer;
use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::tls::random_id;
use crate::transport::batch;
use crate::transport::event_body;
use crate::transport::event_body::EventBody;
use crate::transport::event_body::EventId;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::json;
use crate::transport::http_listener::refusal;
use crate::transport::posted;
use crate::transport::refusal::UNSUPPORTED_VERSION;
use crate::transport::streamable_http::SESSION_ID;
use crate::transport::streamable_http::server::backend::ModernBackend;
use crate::transport::streamable_http::server::backend::Opened;
use crate::transport::streamable_http::server::counts::Ending;
use crate::transport::streamable_http::server::counts::Ticket;
use crate::transport::streamable_http::server::endpoint::Endpoint;
use crate::transport::streamable_http::server::endpoint::accepts;
use crate::transport::streamable_http::server::era;
use crate::transport::streamable_http::server::session::Seat;
use crate::transport::streamable_http::server::session::Session;
use crate::transport::streamable_http::server::streams::Attached;
use crate::transport::streamable_http::server::streams::NotNow;

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

impl<B: ModernBackend> Endpoint<B> {
    /// Opens a session.
    pub(super) async fn initialize(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        if headers.contains_key(SESSION_ID) {
            let error = RpcError::invalid_request("`initialize` within a session");
            return Err(posted::error(StatusCode::BAD_REQUEST, &message, &error).into());
        }
        let label = Label::new(self.backend.next_session(), Some(peer));
        let opened = self.backend.open(peer, &label).await;
        let Opened { channel, starting } =
            opened.map_err(|failure| posted::failure(&message, &failure))?;
        let id = random_id().ok_or_else(|| empty(StatusCode::INTERNAL_SERVER_ERROR))?;
        tracing::info!(session = label.session(), peer = label.peer(), "a session begins");
        let session = Session::new(label, peer.principal(), channel.sender);
        self.start(&id, Arc::clone(&session), channel.receiver);
        // A client that goes before it knows the id cannot use the session.
        let unknown = Unknown(Some(Arc::clone(&session)));
        let asked = message.clone();
        let begun = self.ask(&session, message, tokio::time::sleep(limits::FIRST_ANSWER)).await;
        let Ok((seat, attached, first)) = begun else {
            return Ok(posted::failure(&asked, &session.not_begun().await));
        };
        let mut reply = match first {
            First::Answer(answer) => {
                seat.answered();
                if let Some(failure) = session.failure() {
                    return Ok(posted::failure(&asked, failure));
                }
                ticket.passes(&answer);
                if let Some(code) = answer.error_code() {
                    // There is nothing that a client could do with the session.
                    return Ok(json(status_of(code), answer.into_bytes()));
                }
                json(StatusCode::OK, answer.into_bytes())
            }
            First::Others(messages) => {
                events(seat.with(ticket).starting(starting), attached, messages)
            }
            First::Over => return Ok(posted::failure(&asked, &session.not_begun().await)),
        };
        unknown.told();
        reply.headers_mut().extend(HeaderValue::from_str(&id).map(|id| (SESSION_ID, id)));
        Ok(reply)
    }

    /// A message of a session.
    pub(super) async fn in_session(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Peer,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        check_version(headers, self.backend.speaks_modern(), Some(&message))?;
        let session = self.registry.find(headers, peer)?;
        if message.is_batch() {
            return Box::pin(self.batch(&session, message, ticket)).await;
        }
        if message.request().is_none() {
            session.send(message).await.map_err(|_| gone())?;
            return Ok(empty(StatusCode::ACCEPTED));
        }
        let (seat, attached, first) =
            self.ask(&session, message, session.patience.moment()).await?;
        Ok(match first {
            First::Answer(answer) => {
                seat.answered();
                ticket.passes(&answer);
                json(StatusCode::OK, answer.into_bytes())
            }
            First::Others(messages) => events(seat.with(ticket), attached, messages),
            First::Over if session.failure().is_some() => gone(),
            // The client has cancelled the request, and nothing is to come.
            First::Over => events(seat.with(ticket), attached, Vec::new()),
        })
    }

    /// Several messages at once, in the one version that has them.
    async fn batch(
        &self,
        session: &Arc<Session>,
        batch: Message,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        let messages = batch::unpack(batch.clone(), session.version()).map_err(|_| {
            let error = RpcError::invalid_request("batches are not part of this protocol version");
            posted::error(StatusCode::BAD_REQUEST, &batch, &error)
        })?;
        if batch.heads().iter().any(|head| head.method() == Some("initialize")) {
            let error = RpcError::invalid_request("`initialize` within a batch");
            return Err(posted::error(StatusCode::BAD_REQUEST, &batch, &error).into());
        }
        let attached = self.begin(session, &batch)?;
        let seat = Seat::new(session, &attached);
        for message in messages {
            session.send(message).await.map_err(|_| gone())?;
        }
        let asks = batch.request_ids().next().is_some();
        if !asks {
            return Ok(empty(StatusCode::ACCEPTED));
        }
        Ok(events(seat.with(ticket), attached, Vec::new()))
    }

    /// The stream for what the server says of its own accord, or one that broke.
    pub(super) fn get(&self, headers: &HeaderMap, peer: &Peer) -> Result<Reply, Refused> {
        if !accepts(headers, "text/event-stream") {
            let report = Report::new("a GET opens an event stream")
                .hint("send the header `Accept: text/event-stream`");
            return Err(refusal(StatusCode::NOT_ACCEPTABLE, Kind::Protocol, report).into());
        }
        check_version(headers, self.backend.speaks_modern(), None)?;
        let session = self.registry.find(headers, peer)?;
        let last = headers.get(LAST_EVENT_ID).and_then(|id| EventId::parse(id.to_str().ok()?));
        let attached = {
            let mut streams = session.streams();
            let resumed = last.and_then(|last| streams.resume(last));
            resumed.unwrap_or_else(|| streams.general())
        };
        Ok(events(Seat::new(&session, &attached), attached, Vec::new()))
    }

    /// Ends a session.
    pub(super) fn delete(&self, headers: &HeaderMap, peer: &Peer) -> Result<Reply, Refused> {
        self.registry.take(headers, peer)?.end(Ending::Deleted);
        Ok(empty(StatusCode::NO_CONTENT))
    }

    /// Puts a session in the registry until it ends.
    fn start(&self, id: &str, session: Arc<Session>, from_server: Receiver) {
        self.registry.add(id, &session);
        self.counts.session_begins();
        let (registry, id) = (Arc::clone(&self.registry), id.to_owned());
        let (counts, settings) = (Arc::clone(&self.counts), self.settings);
        self.tasks.spawn(async move {
            let ending = session.run(from_server, settings, || registry.remove(&id)).await;
            counts.session_ends(ending);
            let (number, peer) = (session.label.session(), session.label.peer());
            tracing::info!(session = number, peer, "a session ends: {ending}");
        });
    }

    /// A stream for the answers to the requests in `message`.
    fn begin(&self, session: &Session, message: &Message) -> Result<Attached, Refused> {
        let most = self.settings.max_requests;
        let begun = session.streams().begin(message, most);
        begun.map_err(|not_now| match not_now {
            NotNow::Full => posted::failure(message, &Failure::full(FULL, most)).into(),
            NotNow::InUse => in_use(message).into(),
        })
    }

    /// Sends a request and waits for what comes first, but not once `patience` ends.
    async fn ask(
        &self,
        session: &Arc<Session>,
        message: Message,
        patience: impl Future<Output = ()> + Send,
    ) -> Result<(Seat, Attached, First), Refused> {
        let mut attached = self.begin(session, &message)?;
        let seat = Seat::new(session, &attached);
        session.send(message).await.map_err(|_| gone())?;
        let mut messages = Vec::new();
        let is_open = tokio::select! {
            biased;
            is_open = attached.queue.recv_all(&mut messages) => is_open,
            () = patience => true,
        };
        let first = match &messages[..] {
            _ if !is_open => First::Over,
            [only] if only.is_response() => messages.pop().map_or(First::Over, First::Answer),
            _ => First::Others(messages),
        };
        Ok((seat, attached, first))
    }
}

const FULL: &str = "too many requests of this session wait for their answer";

/// A session whose client has not heard of it yet. Dropped, it ends it.
struct Unknown(Option<Arc<Session>>);

impl Unknown {
    fn told(mut self) {
        self.0 = None;
    }
}

impl Drop for Unknown {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.end(Ending::Unheard);
        }
    }
}

/// An event stream with what is there already.
fn events(mut seat: Seat, attached: Attached, messages: Vec<Message>) -> Reply {
    seat.can_resume = attached.next.is_some();
    let mut body = EventBody::new(attached.queue, seat);
    if let Some(next) = attached.next {
        body = body.with_ids(next);
        body.prime();
    }
    body.push(attached.missed.into_iter().chain(messages));
    event_body::reply(body)
}

/// A client that is told that its version is not spoken has to see it in the status, too.
fn status_of(code: i64) -> StatusCode {
    if code == UNSUPPORTED_VERSION { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

/// The version header is optional, but must not be wrong (specification 2025-06-18, "Protocol
/// Version Header").
fn check_version(
    headers: &HeaderMap,
    speaks_modern: bool,
    message: Option<&Message>,
) -> Result<(), Refused> {
    let Err(report) = era::check_version(headers, speaks_modern) else { return Ok(()) };
    Err(match message {
        Some(message) => posted::failure(message, &Failure::new(Kind::Protocol, report)).into(),
        None => refusal(StatusCode::BAD_REQUEST, Kind::Protocol, report).into(),
    })
}

fn in_use(message: &Message) -> Reply {
    let error = RpcError::invalid_request("this id is in use");
    posted::error(StatusCode::BAD_REQUEST, message, &error)
}

fn gone() -> Reply {
    let report = Report::new("the session has ended").hint("send `initialize` for a new one");
    refusal(StatusCode::NOT_FOUND, Kind::Protocol, report)
}
