//! The conversation over an event stream: reading it, posting beside it, and opening it again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::channel::Sender;
use crate::limits;
use crate::message::{Id, Kind as MessageKind, Message, RpcError};
use crate::report::Failure;
use crate::retry::Backoff;
use crate::task::Tasks;
use crate::transport::batch;
use crate::transport::events::Events;
use crate::transport::http::{self as plain, Client};
use crate::transport::inlet::Inlet;
use crate::transport::refusal::Refusal;
use crate::transport::sse::pending::{Pending, Waiting};
use crate::transport::sse::{Opened, open};
use crate::transport::streamable_http::Settings;

/// Carries what comes from the host over the opened stream, and over the next one when that breaks,
/// until nothing more will come.
pub async fn run(
    http: Arc<Client>,
    opened: Opened,
    host: Sender,
    settings: Settings,
    mut inlet: Inlet,
) {
    let shared = Arc::new(Shared {
        http,
        host,
        settings,
        endpoint: Mutex::new(opened.endpoint.clone()),
        pending: Pending::default(),
        handshake: Mutex::default(),
    });
    let (lane, items) = mpsc::channel(limits::CHANNEL_MESSAGES);
    let one_way = Tasks::new();
    one_way.spawn(post_one_by_one(Arc::clone(&shared), items));
    let mut next = Some(opened.events);
    while let Some(mut events) = next {
        let posting = Posting { shared: &shared, lane: &lane, requests: Tasks::new() };
        let lost = tokio::select! {
            lost = shared.read(&mut events) => Some(lost),
            () = posting.run(&mut inlet) => None,
        };
        let Some(cause) = lost else { break };
        shared.fail_all(&cause).await;
        next = shared.reopen(&mut inlet).await;
    }
    drop(lane);
    // What the host said last, before it went.
    let _ = timeout(limits::DELETE_TIMEOUT, one_way.finished()).await;
}

struct Shared {
    http: Arc<Client>,
    host: Sender,
    settings: Settings,
    endpoint: Mutex<Url>,
    pending: Pending,
    handshake: Mutex<Handshake>,
}

/// What a new stream has to be told again, since a stream is a session.
#[derive(Clone, Debug, Default)]
struct Handshake {
    initialize: Option<Message>,
    initialized: Option<Message>,
    version: Option<String>,
}

/// A message without an answer, and what it has to wait for.
struct OneWay {
    message: Message,
    after: Option<CancellationToken>,
}

impl Shared {
    /// Forwards what the server says; returns why it says nothing more.
    async fn read(&self, events: &mut Events) -> String {
        loop {
            let event = match events.next().await {
                Ok(event) => event,
                Err(end) => return end.to_string(),
            };
            match &*event.kind {
                "message" if !event.data.is_empty() => self.take(event.data).await,
                "endpoint" => tracing::warn!("the remote names a second endpoint: ignored"),
                _ => {}
            }
        }
    }

    async fn take(&self, data: Bytes) {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(e) => return tracing::warn!("dropped an event of the remote: {e}"),
        };
        for message in message.split() {
            let id = message.head().and_then(|head| head.response_id());
            if let Some(waiting) = id.and_then(|id| self.pending.settle(id)) {
                self.learn(&message, &waiting.method);
            }
            // Whether anybody waits for it is known to the relay.
            let _ = self.host.send(message).await;
        }
    }

    fn learn(&self, answer: &Message, method: &str) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct InitializeResult {
            protocol_version: String,
        }
        let Some(head) = answer.head() else { return };
        if method == "initialize" {
            let result = serde_json::from_slice::<InitializeResult>(answer.payload(head));
            self.handshake().version = result.ok().map(|result| result.protocol_version);
        }
    }

    /// The loss of the stream is the loss of the session: what waits on it is never answered.
    async fn fail_all(&self, cause: &str) {
        tracing::warn!("the remote's event stream is lost: {cause}");
        for (id, waiting) in self.pending.settle_all() {
            let failure = self.http.outcome_unknown(cause.to_owned());
            self.answer(&failure, &id, &waiting.method).await;
        }
    }

    /// Opens the next stream. Whatever the host asks for before that succeeds is answered: nothing
    /// waits for a server that may never come back. `None` once the host is gone.
    async fn reopen(&self, inlet: &mut Inlet) -> Option<Events> {
        let mut backoff = Backoff::default();
        loop {
            let pause = tokio::time::sleep(backoff.next(None));
            let asked = tokio::select! {
                message = inlet.next() => Some(message?),
                () = pause => None,
            };
            match self.handshake_again().await {
                Ok(events) => {
                    if let Some(message) = asked {
                        inlet.put_back(message);
                    }
                    return Some(events);
                }
                Err(failure) => {
                    if let Some((id, method)) = asked.as_ref().and_then(Message::request) {
                        self.answer(&failure, id, method).await;
                    }
                }
            }
        }
    }

    /// A new stream, and the host's own handshake over it, unseen by the host.
    async fn handshake_again(&self) -> Result<Events, Failure> {
        let opened = open(&self.http, self.settings.max_message).await?;
        let mut events = opened.events;
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = opened.endpoint;
        let Handshake { initialize, initialized, .. } = self.handshake().clone();
        let Some(initialize) = initialize else { return Ok(events) };
        let limit = limits::OWN_REQUEST_TIMEOUT;
        let answered = timeout(limit, self.initialize_again(&initialize, &mut events)).await;
        answered.unwrap_or_else(|_| Err(self.http.unanswered(limit)))?;
        if let Some(initialized) = initialized {
            self.post(&initialized, &CancellationToken::new()).await.map_err(|refused| {
                refused.unwrap_or_else(|refusal| refusal.failure(self.http.origin()))
            })?;
        }
        Ok(events)
    }

    async fn initialize_again(
        &self,
        initialize: &Message,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let id = initialize.request_ids().next().cloned();
        self.post(initialize, &CancellationToken::new()).await.map_err(|refused| {
            refused.unwrap_or_else(|refusal| refusal.failure(self.http.origin()))
        })?;
        loop {
            let event =
                events.next().await.map_err(|end| self.http.outcome_unknown(end.to_string()))?;
            let Ok(message) = Message::parse(event.data) else { continue };
            let answers = message.head().and_then(|head| head.response_id()) == id.as_ref();
            if answers && message.head().is_some_and(|head| head.response_id().is_some()) {
                return Ok(());
            }
        }
    }

    /// Posts one message.
    async fn post(
        &self,
        message: &Message,
        sent: &CancellationToken,
    ) -> Result<(), Result<Failure, Refusal>> {
        let request = plain::Request {
            method: Method::POST,
            url: self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body: message.bytes().clone(),
        };
        let reply = self.http.send(request, sent).await.map_err(Ok)?;
        if !reply.status.is_success() {
            return Err(Err(Refusal::read(reply).await));
        }
        // Read to its end so that the connection can be used again; what it says has no meaning.
        let rest = reply.body.read(limits::REFUSAL_BODY_BYTES);
        let _ = timeout(limits::REFUSAL_BODY_TIMEOUT, rest).await;
        Ok(())
    }

    /// Posts a request and sees to it that it is answered.
    async fn request(self: Arc<Self>, message: Message, id: Id, waiting: Waiting) {
        if let Err(refused) = self.post(&message, &waiting.sent).await {
            if self.pending.settle(&id).is_some() {
                let answer = match refused {
                    Ok(failure) => {
                        RpcError::failed(&failure, Some(&waiting.method)).answer(Some(&id))
                    }
                    Err(refusal) => refusal.answer(self.http.origin(), &id, &waiting.method),
                };
                let _ = self.host.send(answer).await;
            }
            return;
        }
        let probe = &*waiting.method == "server/discover";
        let limit =
            if probe { Some(limits::DISCOVER_TIMEOUT) } else { self.settings.request_timeout };
        let Some(limit) = limit else { return };
        if timeout(limit, waiting.answered.cancelled()).await.is_ok()
            || self.pending.settle(&id).is_none()
        {
            return;
        }
        // Servers of this transport may ignore what comes before `initialize` (A50).
        let error = if probe {
            RpcError::method_not_found(&waiting.method)
        } else {
            RpcError::failed(&self.http.unanswered(limit), Some(&waiting.method))
        };
        let _ = self.host.send(error.answer(Some(&id))).await;
    }

    async fn answer(&self, failure: &Failure, id: &Id, method: &str) {
        // Nobody to tell if the host is gone.
        let _ = self.host.send(RpcError::failed(failure, Some(method)).answer(Some(id))).await;
    }

    fn handshake(&self) -> std::sync::MutexGuard<'_, Handshake> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host's messages on their way, while one stream lives.
struct Posting<'a> {
    shared: &'a Arc<Shared>,
    lane: &'a mpsc::Sender<OneWay>,
    requests: Tasks,
}

impl Posting<'_> {
    async fn run(&self, inlet: &mut Inlet) {
        while let Some(message) = inlet.next().await {
            let version = self.shared.handshake().version.clone();
            match batch::unpack(message, version.as_deref()) {
                Ok(messages) => {
                    for message in messages {
                        self.take(message, inlet).await;
                    }
                }
                Err(answers) => {
                    for answer in answers {
                        let _ = self.shared.host.send(answer).await;
                    }
                }
            }
        }
    }

    async fn take(&self, message: Message, inlet: &mut Inlet) {
        let Some(head) = message.head() else { return };
        match (&head.kind, head.method()) {
            (MessageKind::Request { .. }, Some("initialize")) => {
                self.shared.handshake().initialize = Some(message.clone());
                let Some(waiting) = self.request(message) else { return };
                // Everything behind it waits for its answer (A18).
                inlet.hold(waiting.answered.cancelled()).await;
            }
            (MessageKind::Request { .. }, _) => drop(self.request(message)),
            (_, Some("notifications/initialized")) => {
                self.shared.handshake().initialized = Some(message.clone());
                let sent = CancellationToken::new();
                let posted = self.shared.post(&message, &sent);
                if matches!(inlet.hold(posted).await, Some(Err(_))) {
                    tracing::warn!("lost `notifications/initialized` on the way to the remote");
                }
            }
            (_, Some("notifications/cancelled")) => {
                // Many servers never answer a cancelled request, so it leaves the table at once.
                let target = message.cancelled_request();
                let waiting = target.and_then(|id| self.shared.pending.settle(&id));
                self.one_way(message, waiting.map(|waiting| waiting.sent)).await;
            }
            _ => self.one_way(message, None).await,
        }
    }

    fn request(&self, message: Message) -> Option<Waiting> {
        let (id, method) = message.request()?;
        let (id, waiting) = (id.clone(), Waiting::new(method.into()));
        self.shared.pending.add(id.clone(), waiting.clone());
        self.requests.spawn(Arc::clone(self.shared).request(message, id, waiting.clone()));
        Some(waiting)
    }

    async fn one_way(&self, message: Message, after: Option<CancellationToken>) {
        // The lane lives as long as the conversation.
        let _ = self.lane.send(OneWay { message, after }).await;
    }
}

/// Notifications and responses, in the order of the host (A19).
async fn post_one_by_one(shared: Arc<Shared>, mut items: mpsc::Receiver<OneWay>) {
    while let Some(OneWay { message, after }) = items.recv().await {
        if let Some(after) = after {
            let _ = timeout(limits::ONE_WAY_TIMEOUT, after.cancelled()).await;
        }
        let posted = timeout(limits::ONE_WAY_TIMEOUT, async {
            shared.post(&message, &CancellationToken::new()).await
        });
        if !matches!(posted.await, Ok(Ok(()))) {
            let what = message.head().and_then(|head| head.method()).unwrap_or("a response");
            tracing::warn!("lost `{what}` on the way to the remote");
        }
    }
}
