//! HTTP+SSE, the server side: one long event stream for what the server says, and POSTs for what the
//! client says (specification 2024-11-05, "HTTP with SSE").

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use http::Method;
use http::Request;
use http::StatusCode;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use crate::auth::Label;
use crate::auth::Peer;
use crate::auth::Principal;
use crate::channel::Sender;
use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::report::Kind;
use crate::report::Report;
use crate::tls::random_id;
use crate::transport::event_body;
use crate::transport::event_body::EventBody;
use crate::transport::event_body::Reader;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::refusal;
use crate::transport::posted;
use crate::transport::posted::check_content;
use crate::transport::posted::not_allowed;
use crate::transport::posted::read_message;
use crate::transport::streamable_http::server::Backend;
use crate::transport::streamable_http::server::Counts;
use crate::transport::streamable_http::server::Ending;
use crate::transport::streamable_http::server::Opened;
use crate::transport::streamable_http::server::STREAM;
use crate::transport::streamable_http::server::Ticket;

/// The pair of endpoints of one backend, which has to answer each request whatever becomes of the MCP
/// server: here is only known what is to be counted.
pub struct SseEndpoint<B> {
    backend: Arc<B>,
    settings: SseSettings,
    counts: Arc<Counts>,
    sessions: Arc<Sessions>,
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct SseSettings {
    /// Largest body of a request, in bytes.
    pub max_body: usize,
    /// The path that takes the messages, as clients see it.
    pub messages_path: String,
}

#[derive(Debug, Default)]
struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    label: Label,
    principal: Principal,
    to_server: Sender,
    asked: Arc<Asked>,
}

/// The requests of one session that wait for their answer, to be counted then.
#[derive(Debug, Default)]
struct Asked(Mutex<HashMap<Id, Ticket>>);

impl Asked {
    /// Before it is handed on: the answer may be quick. What is too many is not followed.
    fn note(&self, message: &Message, ticket: &mut Ticket) {
        let mut asked = self.lock();
        if let Some(id) = message.cancelled_request() {
            asked.remove(&id);
        }
        if let Some((id, _)) = message.request()
            && asked.len() < limits::MAX_IN_FLIGHT
        {
            asked.insert(id.clone(), ticket.hand_on());
        }
    }

    fn passes(&self, message: &Message) {
        let Some(id) = message.head().and_then(|head| head.response_id()) else { return };
        if let Some(mut ticket) = self.lock().remove(id) {
            ticket.passes(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Backend> SseEndpoint<B> {
    /// Endpoints without sessions. What they do is added to `counts`.
    pub fn new(backend: Arc<B>, settings: SseSettings, counts: Arc<Counts>) -> Self {
        Self { backend, settings, counts, sessions: Arc::default() }
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.sessions.lock().len()
    }

    /// Ends each session as soon as what runs in it is answered.
    pub fn finish(&self) {
        // With its sender each session has said all it will.
        self.sessions.lock().clear();
    }

    /// Answers a request to the path of the stream.
    pub async fn open(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Reply {
        match *request.method() {
            Method::GET => {
                let mut ticket = Ticket::new(&self.counts);
                ticket.name(STREAM);
                let reply = self.stream(peer).await.unwrap_or_else(Refused::into_reply);
                ticket.close(reply.status());
                reply
            }
            _ => not_allowed("GET"),
        }
    }

    /// Answers a request to the path of the messages.
    pub async fn post(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Reply {
        match *request.method() {
            Method::POST => {
                let mut ticket = Ticket::new(&self.counts);
                let taken = self.take(request, &peer, &mut ticket).await;
                let reply = taken.unwrap_or_else(Refused::into_reply);
                ticket.close(reply.status());
                reply
            }
            _ => not_allowed("POST"),
        }
    }

    async fn stream(&self, peer: Arc<Peer>) -> Result<Reply, Refused> {
        let label = Label::new(self.backend.next_session(), Some(&peer));
        let opened = self.backend.open(&peer, &label).await;
        let Opened { channel, starting } = opened.map_err(|it| posted::unavailable(&it))?;
        let id = random_id().ok_or_else(|| empty(StatusCode::INTERNAL_SERVER_ERROR))?;
        tracing::info!(session = label.session(), peer = label.peer(), "a session begins");
        let (principal, to_server) = (peer.principal(), channel.sender);
        let asked = Arc::<Asked>::default();
        let session =
            Session { label: label.clone(), principal, to_server, asked: Arc::clone(&asked) };
        self.sessions.lock().insert(id.clone(), session);
        self.counts.session_begins();
        let endpoint = format!("{}?sessionId={id}", self.settings.messages_path);
        let (sessions, counts) = (Arc::clone(&self.sessions), Arc::clone(&self.counts));
        let seat = Seat { sessions, counts, id, label, asked, starting };
        let mut body = EventBody::new(channel.receiver, seat);
        body.begin_with("endpoint", &endpoint);
        Ok(event_body::reply(body))
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        let (head, body) = request.into_parts();
        check_content(&head.headers)?;
        let (sender, asked) = self.find(head.uri.query(), peer).ok_or_else(unknown)?;
        let message = read_message(body, self.settings.max_body, &head.headers).await?;
        ticket.carries(&message);
        asked.note(&message, ticket);
        for message in message.split() {
            sender.send(message).await.map_err(|_| unknown())?;
        }
        Ok(empty(StatusCode::ACCEPTED))
    }

    fn find(&self, query: Option<&str>, peer: &Peer) -> Option<(Sender, Arc<Asked>)> {
        let id = query?.split('&').find_map(|pair| pair.strip_prefix("sessionId="))?;
        let sessions = self.sessions.lock();
        let session = sessions.get(id)?;
        if session.principal != peer.principal() {
            tracing::warn!(
                session = session.label.session(), %peer,
                "a peer used the session of another one: refused"
            );
            return None;
        }
        Some((session.to_server.clone(), Arc::clone(&session.asked)))
    }
}

/// The client at the end of a stream: with it the session ends.
struct Seat {
    sessions: Arc<Sessions>,
    counts: Arc<Counts>,
    id: String,
    label: Label,
    asked: Arc<Asked>,
    starting: Option<OwnedSemaphorePermit>,
}

impl Reader for Seat {
    fn passes(&mut self, message: &Message) {
        self.starting = None;
        self.asked.passes(message);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.id);
        self.counts.session_ends(Ending::Disconnected);
        let (session, peer) = (self.label.session(), self.label.peer());
        tracing::info!(session, peer, "a session ends: {}", Ending::Disconnected);
    }
}

fn unknown() -> Reply {
    let report = Report::new("there is no such session").hint("open the stream again");
    refusal(StatusCode::NOT_FOUND, Kind::Protocol, report)
}
