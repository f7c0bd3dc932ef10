//! One session of the legacy era: what a client and a server share between HTTP requests
//! (specification 2025-11-25, "Session Management").

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Label;
use crate::auth::Principal;
use crate::auth::label;
use crate::channel::Gone;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::limits;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Aside;
use crate::transport::event_body::Reader;
use crate::transport::streamable_http::server::counts::Ending;
use crate::transport::streamable_http::server::counts::Ticket;
use crate::transport::streamable_http::server::endpoint::ServerSettings;
use crate::transport::streamable_http::server::patience::Patience;
use crate::transport::streamable_http::server::streams::Attached;
use crate::transport::streamable_http::server::streams::Place;
use crate::transport::streamable_http::server::streams::Route;
use crate::transport::streamable_http::server::streams::Streams;
use crate::transport::streamable_http::session::Agreed;

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    /// What the log calls it.
    pub(super) label: Label,
    /// Whom it belongs to.
    pub(super) principal: Principal,
    version: OnceLock<String>,
    // None once the client has said all it will.
    to_server: Mutex<Option<Sender>>,
    streams: Mutex<Streams>,
    used: Mutex<Instant>,
    end: CancellationToken,
    // Takes no more requests, and ends when those that wait are answered.
    finish: CancellationToken,
    /// For answers that come at once.
    pub(super) patience: Patience,
    // Has ended, and `failure` says why.
    over: CancellationToken,
    why: OnceLock<Ending>,
    // What became of the server.
    failure: OnceLock<Failure>,
}

impl Session {
    pub(super) fn new(label: Label, principal: Principal, to_server: Sender) -> Arc<Self> {
        Arc::new(Self {
            label,
            principal,
            version: OnceLock::new(),
            to_server: Mutex::new(Some(to_server)),
            streams: Mutex::default(),
            used: Mutex::new(Instant::now()),
            end: CancellationToken::new(),
            finish: CancellationToken::new(),
            patience: Patience::default(),
            over: CancellationToken::new(),
            why: OnceLock::new(),
            failure: OnceLock::new(),
        })
    }

    /// Notes the version that is agreed on in the answer to `initialize`, the first of a session.
    fn agree(&self, message: &Message) {
        let Some(head) = message.head() else { return };
        if !matches!(head.kind, MessageKind::Response { failed: false, .. }) {
            return;
        }
        let Some(agreed) = Agreed::read(message.payload(head)) else { return };
        if agreed.version.as_str() >= RESUMABLE_SINCE {
            self.streams().make_resumable();
        }
        let _ = self.version.set(agreed.version);
    }

    /// The version that was agreed on.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.get().map(String::as_str)
    }

    /// Why the session has ended, once it has.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.get()
    }

    /// Why there is no answer to the first request of the session.
    pub(super) async fn not_begun(&self) -> Failure {
        // Its end may have been seen here before it was there.
        let _ = tokio::time::timeout(limits::SESSION_LAST_WORDS, self.over.cancelled()).await;
        let unknown = || Failure::new(Kind::NotSent, Report::new("the server ended at its start"));
        self.failure.get().cloned().unwrap_or_else(unknown)
    }

    /// Counts as use.
    pub(super) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    /// Passes a message of the client on.
    pub(super) async fn send(&self, message: Message) -> Result<(), Gone> {
        if self.finish.is_cancelled() && message.request_ids().next().is_some() {
            return Err(Gone);
        }
        let sender = lock(&self.to_server).clone().ok_or(Gone)?;
        for head in message.heads() {
            label::trace("client -> server", Some(&self.label), &message, head, None);
        }
        let cancelled = message.cancelled_request();
        sender.send(message).await?;
        if let Some(id) = cancelled {
            self.streams().cancel(&id);
        }
        Ok(())
    }

    /// The streams, for a moment.
    pub(super) fn streams(&self) -> MutexGuard<'_, Streams> {
        lock(&self.streams)
    }

    /// Ends it now. The first reason counts.
    pub(super) fn end(&self, why: Ending) {
        let _ = self.why.set(why);
        self.end.cancel();
    }

    /// Ends it as soon as what runs is answered.
    pub(super) fn finish(&self, why: Ending) {
        let _ = self.why.set(why);
        self.finish.cancel();
        self.streams().close_general();
    }

    /// Carries the messages of the server to the client's streams, until one of them ends. What
    /// waits for an answer then is answered with an error, and what is left of the channel is dropped.
    /// `ended` is called before the last stream is closed, so that who comes then finds nothing.
    pub(super) async fn run(
        &self,
        mut from_server: Receiver,
        settings: ServerSettings,
        ended: impl FnOnce(),
    ) -> Ending {
        let ending = tokio::select! {
            biased;
            () = self.pump(&mut from_server) => Ending::ServerGone,
            ending = Aside::new(self.ending(settings)) => ending,
        };
        let ending = self.why.get().copied().unwrap_or(ending);
        let failure = from_server.reason().cloned();
        let failure = self.failure.get_or_init(|| failure.unwrap_or_else(|| unanswered(ending)));
        self.over.cancel();
        ended();
        lock(&self.to_server).take();
        let mut streams = self.streams();
        streams.fail(failure);
        streams.close();
        ending
    }

    /// Completes when the session has to end though its server lives.
    async fn ending(&self, settings: ServerSettings) -> Ending {
        tokio::select! {
            // It never ends.
            () = self.patience.run() => Ending::ServerGone,
            () = self.end.cancelled() => Ending::Deleted,
            () = self.idle(settings.session_idle) => Ending::Idle,
            () = tokio::time::sleep(settings.session_lifetime) => Ending::TooOld,
            () = self.finished(settings.drain) => Ending::Stopping,
        }
    }

    /// Completes when it should have finished, and has not in time.
    async fn finished(&self, limit: Duration) {
        self.finish.cancelled().await;
        let answered = self.streams().answered();
        if tokio::time::timeout(limit, answered.cancelled()).await.is_ok() {
            // The server hears that nothing more will come, and ends.
            lock(&self.to_server).take();
            std::future::pending().await
        }
    }

    async fn pump(&self, from_server: &mut Receiver) {
        loop {
            // It comes with its room, and that goes with it.
            let mut messages = Vec::new();
            if !from_server.recv_all(&mut messages).await {
                return;
            }
            for message in messages {
                if self.version.get().is_none() {
                    self.agree(&message);
                }
                self.trace_answer(&message);
                let route = self.streams().route(message);
                let (outlet, message, place) = match route {
                    Route::To(outlet, message, place) => (outlet, message, place),
                    Route::Kept => continue,
                    Route::Lost(count) => {
                        tracing::warn!(
                            session = self.label.session(),
                            peer = self.label.peer(),
                            "the client opens no stream for what the server sends: {count} messages are lost"
                        );
                        continue;
                    }
                };
                // A client that does not read makes its own server wait, but not for ever: the
                // message can be had by taking the stream up again.
                let sent = tokio::time::timeout(limits::STALLED_WRITE, outlet.send(message)).await;
                if sent.is_err() {
                    let (session, peer) = (self.label.session(), self.label.peer());
                    tracing::warn!(session, peer, "a client does not read its stream");
                    self.streams().leave(place, true);
                }
            }
        }
    }

    fn trace_answer(&self, message: &Message) {
        if !label::is_traced() {
            return;
        }
        for head in message.heads() {
            let took = head.response_id().and_then(|id| self.streams().waits_for(id));
            label::trace("server -> client", Some(&self.label), message, head, took);
        }
    }

    async fn idle(&self, limit: Duration) {
        loop {
            let in_use = self.streams().readers() > 0;
            let since = *lock(&self.used);
            let rest = if in_use { limit } else { limit.saturating_sub(since.elapsed()) };
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest).await;
        }
    }
}

/// Since this version a client may take a stream up again after an event without data, which older
/// clients take for a broken message.
const RESUMABLE_SINCE: &str = "2025-11-25";

/// What a request is told that has no answer at the end of its session.
fn unanswered(ending: Ending) -> Failure {
    let report =
        Report::new("the session ended; the server may or may not have executed this request")
            .cause(ending.to_string())
            .hint("check at the server before you send it again");
    Failure::new(Kind::OutcomeUnknown, report)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A client that reads one stream of a session.
pub(super) struct Seat {
    session: Arc<Session>,
    place: Place,
    // It has the id of an event, by which it can come back.
    pub(super) can_resume: bool,
    // What is counted when its answer passes.
    ticket: Option<Ticket>,
    // Held until the server has said something.
    starting: Option<OwnedSemaphorePermit>,
}

impl Seat {
    pub(super) fn new(session: &Arc<Session>, attached: &Attached) -> Self {
        Self {
            session: Arc::clone(session),
            place: attached.place,
            can_resume: false,
            ticket: None,
            starting: None,
        }
    }

    /// The server counts as starting until its first message passes.
    pub(super) fn starting(mut self, starting: Option<OwnedSemaphorePermit>) -> Self {
        self.starting = starting;
        self
    }

    /// Counts the request when its answer passes.
    pub(super) fn with(mut self, ticket: &mut Ticket) -> Self {
        self.ticket = Some(ticket.hand_on());
        self
    }

    /// The one answer was given in another way than as an event.
    pub(super) fn answered(self) {
        self.session.streams().forget(self.place);
    }
}

impl Reader for Seat {
    fn passes(&mut self, message: &Message) {
        self.starting = None;
        if let Some(ticket) = &mut self.ticket {
            ticket.passes(message);
        }
    }

    fn finished(&mut self) {
        self.session.streams().finished(self.place);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.session.touch();
        self.session.streams().leave(self.place, self.can_resume);
    }
}
