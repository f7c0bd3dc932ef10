//! What one conversation is, whichever stream carries it: what waits for an answer, and what a new
//! stream has to be told again.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::header;
use serde::Deserialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::channel::Sender;
use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::transport::events::Events;
use crate::transport::http::Client;
use crate::transport::http::Reply;
use crate::transport::http::{self as plain};
use crate::transport::refusal::Refusal;
use crate::transport::sse::pending::Pending;
use crate::transport::sse::pending::Waiting;
use crate::transport::streamable_http::Settings;
use crate::transport::streamable_http::Trouble;

/// What the streams of one conversation share.
pub(crate) struct Conversation {
    pub(crate) http: Arc<Client>,
    pub(crate) host: Sender,
    pub(crate) settings: Settings,
    pub(crate) endpoint: Mutex<Url>,
    pub(crate) pending: Pending,
    pub(crate) handshake: Mutex<Handshake>,
}

/// What a new stream has to be told again, since a stream is a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) initialize: Option<Message>,
    pub(crate) initialized: Option<Message>,
    pub(crate) version: Option<String>,
}

impl Conversation {
    /// Forwards what the server says; returns why it says nothing more.
    pub(crate) async fn read(&self, events: &mut Events) -> String {
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
            self.pass(message).await;
        }
    }

    async fn pass(&self, message: Message) {
        let id = message.head().and_then(|head| head.response_id());
        if let Some(waiting) = id.and_then(|id| self.pending.settle(id)) {
            self.learn(&message, &waiting.method);
        }
        // Whether anybody waits for it is known to the relay.
        let _ = self.host.send(message).await;
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
    pub(crate) async fn fail_all(&self, cause: &str) {
        tracing::warn!("the remote's event stream is lost: {cause}");
        for (id, waiting) in self.pending.settle_all() {
            let failure = self.http.outcome_unknown(cause.to_owned());
            self.answer(&failure, &id, &waiting.method).await;
        }
    }

    /// Posts a message that has no answer.
    pub(crate) async fn post(&self, message: &Message) -> Result<(), Trouble> {
        let reply = self.send(message, &CancellationToken::new()).await?;
        // Read to its end so that the connection can be used again; what it says has no meaning.
        let rest = reply.body.read(limits::REFUSAL_BODY_BYTES);
        let _ = timeout(limits::REFUSAL_BODY_TIMEOUT, rest).await;
        Ok(())
    }

    /// Posts one message. The reply is a success.
    pub(crate) async fn send(
        &self,
        message: &Message,
        sent: &CancellationToken,
    ) -> Result<Reply, Trouble> {
        let request = plain::Request {
            method: Method::POST,
            url: self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body: message.bytes().clone(),
        };
        let reply = self.http.send(request, sent).await?;
        if !reply.status.is_success() {
            return Err(Trouble::Refused(Refusal::read(reply).await));
        }
        Ok(reply)
    }

    /// The answers in the reply to a POST. They belong on the stream, but there are servers that give
    /// them here.
    pub(crate) async fn answers(&self, reply: Reply) -> Vec<Message> {
        let is_json = plain::media_type(&reply.headers) == "application/json";
        let limit = if is_json { self.settings.max_message } else { limits::REFUSAL_BODY_BYTES };
        let body = reply.body.read(limit).await;
        // `Accepted`, as a rule.
        let Some(body) = body.ok().filter(|body| is_json && !body.is_empty()) else {
            return Vec::new();
        };
        match Message::parse(body) {
            Ok(message) => message.split(),
            Err(e) => {
                tracing::debug!("the reply to a POST is no message: {e}");
                Vec::new()
            }
        }
    }

    /// Posts a request and sees to it that it is answered.
    pub(crate) async fn request(self: Arc<Self>, message: Message, id: Id, waiting: Waiting) {
        let reply = match self.send(&message, &waiting.sent).await {
            Ok(reply) => reply,
            Err(trouble) => {
                if self.pending.settle(&id).is_some() {
                    let answer = trouble.answer(self.http.origin(), &id, &waiting.method);
                    let _ = self.host.send(answer).await;
                }
                return;
            }
        };
        let probe = &*waiting.method == "server/discover";
        let limit =
            if probe { Some(limits::DISCOVER_TIMEOUT) } else { self.settings.request_timeout };
        let Some(limit) = limit else { return self.hear(reply, &waiting).await };
        let answered = async {
            self.hear(reply, &waiting).await;
            waiting.answered.cancelled().await;
        };
        if timeout(limit, answered).await.is_ok() || self.pending.settle(&id).is_none() {
            return;
        }
        if !probe {
            return self.answer(&self.http.unanswered(limit), &id, &waiting.method).await;
        }
        // Servers of this transport may ignore what comes before `initialize` (A50).
        let error = RpcError::method_not_found(&waiting.method);
        let _ = self.host.send(error.answer(Some(&id))).await;
    }

    /// Reads the reply to a request: to its end, so that the connection can be used again, but not
    /// for ever.
    async fn hear(&self, reply: Reply, waiting: &Waiting) {
        let too_late = async {
            waiting.answered.cancelled().await;
            tokio::time::sleep(limits::REFUSAL_BODY_TIMEOUT).await;
        };
        let answers = tokio::select! {
            answers = self.answers(reply) => answers,
            () = too_late => return,
        };
        for message in answers {
            let id = message.head().and_then(|head| head.response_id());
            if id.is_some_and(|id| self.pending.holds(id)) {
                self.pass(message).await;
            } else {
                tracing::debug!("dropped a message in the reply to a POST: nobody waits for it");
            }
        }
    }

    pub(crate) async fn answer(&self, failure: &Failure, id: &Id, method: &str) {
        tracing::warn!("`{method}` failed: {}", failure.report.line());
        // Nobody to tell if the host is gone.
        let _ = self.host.send(RpcError::failed(failure, Some(method)).answer(Some(id))).await;
    }

    pub(crate) fn handshake(&self) -> MutexGuard<'_, Handshake> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
