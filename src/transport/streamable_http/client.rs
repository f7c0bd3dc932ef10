//! The client: takes the host's messages in their order and sends each the way it has to go.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::channel::Sender;
use crate::limits;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::batch;
use crate::transport::http;
use crate::transport::http::Origin;
use crate::transport::inlet::Inlet;
use crate::transport::inlet::never_sent;
use crate::transport::refusal::Refusal;
use crate::transport::streamable_http::exchange::Exchange;
use crate::transport::streamable_http::flights::Flight;
use crate::transport::streamable_http::lane;
use crate::transport::streamable_http::listen;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::session::Pass;
use crate::transport::streamable_http::shared::Shared;

/// What the user may choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest message from the remote, in bytes.
    pub max_message: usize,
    /// Limit for the answer to a request; none by default, since long tools exist.
    pub request_timeout: Option<Duration>,
    /// Whether a lost session is replaced unseen by the host.
    pub reinitialize: bool,
}

/// Why a request has no answer of the remote.
#[derive(Debug)]
pub enum Trouble {
    /// Two parsers could read it in two ways, so it was not sent.
    Ambiguous,
    /// It failed on its way.
    Failed(Failure),
    /// The remote answered with an HTTP status that is not a success.
    Refused(Refusal),
}

impl Trouble {
    /// The error answer for the request `id`, and a line of the log about it.
    pub fn answer(&self, origin: &Origin, id: &Id, method: &str) -> Message {
        tracing::warn!("`{method}` failed: {}", self.line(origin));
        match self {
            Self::Ambiguous => {
                RpcError::invalid_request("a member of `params` stands twice").answer(Some(id))
            }
            Self::Failed(failure) => RpcError::failed(failure, Some(method)).answer(Some(id)),
            Self::Refused(refusal) => refusal.answer(origin, id, method),
        }
    }

    /// One line for the log.
    pub fn line(&self, origin: &Origin) -> String {
        self.report(origin).line()
    }

    /// The sentences, for those who have no request to answer.
    pub fn report(&self, origin: &Origin) -> Report {
        match self {
            Self::Ambiguous => Report::new("the request is ambiguous"),
            Self::Failed(failure) => failure.report.clone(),
            Self::Refused(refusal) => refusal.failure(origin).report,
        }
    }

    /// The failure, for those who have no request to answer.
    pub fn into_failure(self, origin: &Origin) -> Failure {
        match self {
            Self::Ambiguous => {
                let report = Report::new("the request is ambiguous");
                Failure::new(Kind::NotSent, report.cause("a member of `params` stands twice"))
            }
            Self::Failed(failure) => failure,
            Self::Refused(refusal) => refusal.failure(origin),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A Streamable HTTP client.
pub struct Client {
    shared: Arc<Shared>,
    exchanges: Tasks,
    listening: Tasks,
    one_way: Tasks,
    // Ends the lane once it is empty.
    last_one: CancellationToken,
}

impl Client {
    /// A client whose answers go to `host`.
    pub fn new(http: Arc<http::Client>, host: Sender, settings: Settings) -> Self {
        let (lane, items) = mpsc::channel(limits::CHANNEL_MESSAGES);
        let shared = Arc::new(Shared::new(http, host, settings, lane));
        let (one_way, last_one) = (Tasks::new(), CancellationToken::new());
        one_way.spawn(lane::run(Arc::clone(&shared), items, last_one.clone()));
        Self { shared, exchanges: Tasks::new(), listening: Tasks::new(), one_way, last_one }
    }

    /// Sends a request while everything behind it is held back, and returns when the host has its
    /// answer. `None` if the host went away before.
    ///
    /// # Errors
    /// The [`Trouble`] that the host has not been told yet.
    pub async fn first(&self, message: Message, inlet: &mut Inlet) -> Option<Result<(), Trouble>> {
        let exchange = self.exchange(message)?;
        let done = inlet.hold(exchange.run()).await?;
        Some(done.map(|exchange| self.exchanges.spawn(exchange.drain())))
    }

    /// The error answer for what [`Client::first`] returned.
    pub fn error(&self, trouble: &Trouble, id: &Id, method: &str) -> Message {
        trouble.answer(self.shared.http.origin(), id, method)
    }

    /// Whether the request `id` has no answer and has certainly not left.
    pub fn is_unsent(&self, id: &Id) -> bool {
        self.shared.flights.unsent().contains(id)
    }

    /// Carries what comes from the host until nothing more will come, then ends the session.
    pub async fn run(mut self, mut inlet: Inlet) {
        while !inlet.is_over() {
            tokio::select! {
                biased;
                message = inlet.next() => match message {
                    Some(message) => self.take(message, &mut inlet).await,
                    None => break,
                },
                () = self.shared.reopen.notified() => self.listen(),
            }
        }
        inlet.abandon(&self.shared.host).await;
        self.finish().await;
    }

    async fn take(&mut self, message: Message, inlet: &mut Inlet) {
        if !message.is_batch() {
            return self.take_one(message, inlet).await;
        }
        match batch::unpack(message, self.shared.session.version().as_deref()) {
            Ok(messages) => {
                for message in messages {
                    self.take_one(message, inlet).await;
                }
            }
            Err(answers) => {
                for answer in answers {
                    // Nobody to tell if the host is gone.
                    let _ = self.shared.host.send(answer).await;
                }
            }
        }
    }

    async fn take_one(&mut self, message: Message, inlet: &mut Inlet) {
        let Some(head) = message.head() else { return };
        match &head.kind {
            MessageKind::Request { method, .. } if &**method == "initialize" => {
                self.initialize(message, inlet).await;
            }
            MessageKind::Request { .. } => self.request(message),
            MessageKind::Notification { method } => match &**method {
                "notifications/initialized" => self.initialized(message, inlet).await,
                "notifications/cancelled" => self.cancelled(message).await,
                _ => self.one_way(message, None).await,
            },
            MessageKind::Response { .. } => self.one_way(message, None).await,
        }
    }

    /// Everything behind `initialize` waits for its answer (A18).
    async fn initialize(&self, message: Message, inlet: &mut Inlet) {
        let before = self.shared.session.pass();
        let outcome = self.first(message.clone(), inlet).await;
        if let (Some(Err(trouble)), Some((id, method))) = (outcome, message.request()) {
            // Nobody to tell if the host is gone.
            let _ = self.shared.host.send(self.error(&trouble, id, method)).await;
        }
        if before.id.is_some() && self.shared.session.pass().generation != before.generation {
            self.end_session(before);
        }
    }

    /// Everything behind `notifications/initialized` waits until it was taken (A18); then the
    /// session has its GET stream.
    async fn initialized(&mut self, message: Message, inlet: &mut Inlet) {
        self.shared.session.note_initialized(message.clone());
        let taken = lane::deliver(&self.shared, &message);
        if inlet.hold(taken).await.is_some() {
            self.listen();
        }
    }

    /// Ends a session that another one has taken the place of.
    fn end_session(&self, pass: Pass) {
        let shared = Arc::clone(&self.shared);
        self.exchanges.spawn(async move {
            // The server finds out by itself otherwise.
            let _ = tokio::time::timeout(limits::ONE_WAY_TIMEOUT, shared.delete(&pass)).await;
        });
    }

    fn request(&self, message: Message) {
        let Some(exchange) = self.exchange(message.clone()) else { return };
        let shared = Arc::clone(&self.shared);
        let cancelled = exchange.cancelled();
        self.exchanges.spawn(async move {
            match (exchange.run().await, message.request()) {
                (Ok(exchange), _) => exchange.drain().await,
                (Err(_), None) => {}
                // Nobody waits for it, and many servers just end what was cancelled.
                (Err(trouble), Some((_, method))) if cancelled.is_cancelled() => {
                    let line = trouble.line(shared.http.origin());
                    tracing::debug!("`{method}` was cancelled, and ended so: {line}");
                }
                (Err(trouble), Some((id, method))) => {
                    let answer = trouble.answer(shared.http.origin(), id, method);
                    // Nobody to tell if the host is gone.
                    let _ = shared.host.send(answer).await;
                }
            }
        });
    }

    /// In the modern era closing the response stream is the cancellation, and nothing is posted;
    /// before, the notification is, behind its request (A37, A38).
    async fn cancelled(&self, message: Message) {
        let target = message.cancelled_request();
        match target.and_then(|id| self.shared.flights.find(&id)) {
            Some(flight) => {
                flight.cancelled.cancel();
                // What has not left will not leave.
                if !flight.modern && flight.sent.is_cancelled() {
                    self.one_way(message, Some(flight.sent)).await;
                }
            }
            None => tracing::debug!("dropped a cancellation of a request that is not in flight"),
        }
    }

    async fn one_way(&self, message: Message, after: Option<CancellationToken>) {
        // The lane lives as long as this client.
        let _ = self.shared.lane.send(lane::Item::new(message, after)).await;
    }

    fn exchange(&self, message: Message) -> Option<Exchange> {
        let head = message.head()?;
        let MessageKind::Request { id, method } = head.kind.clone() else { return None };
        let flight = Flight::new(is_modern(&message, head));
        self.shared.flights.add(id.clone(), flight.clone());
        Some(Exchange::new(Arc::clone(&self.shared), message, id, method, flight))
    }

    /// Opens the GET stream of the session, in place of that of an older one.
    fn listen(&mut self) {
        // A session without an id is none: such servers answer GET with an error (A33).
        self.listening = Tasks::new();
        if self.shared.session.pass().version.is_some() {
            self.listening.spawn(listen::run(Arc::clone(&self.shared)));
        }
    }

    /// Ends what runs, says what still has to be said, and ends the session (A24).
    async fn finish(self) {
        self.exchanges.stop();
        self.listening.stop();
        self.last_one.cancel();
        let ending = async {
            self.one_way.finished().await;
            let pass = self.shared.session.pass();
            if pass.id.is_some() {
                let ended = self.shared.delete(&pass).await;
                tracing::debug!("session ended: {}", ended.map_or(0, |r| r.status.as_u16()));
            }
        };
        let ending = async { tokio::join!(ending, self.answer_unsent()) };
        // The host waits for us to end; a server that does not answer finds out by itself.
        let _ = tokio::time::timeout(limits::DELETE_TIMEOUT, ending).await;
    }

    /// Answers what has not left, now that nothing leaves any more.
    async fn answer_unsent(&self) {
        let origin = self.shared.http.origin();
        let error = never_sent(format!("it still waited for its turn on a connection to {origin}"));
        for id in self.shared.flights.unsent() {
            // Nobody to tell if the host is gone.
            let _ = self.shared.host.send(error.answer(Some(&id))).await;
        }
    }
}

/// The body says which era a request belongs to (specification 2026-07-28, "Versioning").
fn is_modern(message: &Message, head: &Head) -> bool {
    // An ambiguous body goes the modern way, where it is refused.
    Params::read(message, head).map_or(true, |params| params.protocol_version.is_some())
}
