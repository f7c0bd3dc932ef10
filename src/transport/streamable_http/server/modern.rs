//! The modern era: each POST describes itself, and there is nothing between two of them
//! (specification 2026-07-28, "Streamable HTTP").

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::StatusCode;

use crate::adapt::mux::MuxSender;
use crate::auth::Label;
use crate::auth::Peer;
use crate::auth::label;
use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;
use crate::message::RpcError;
use crate::transport::event_body;
use crate::transport::event_body::EventBody;
use crate::transport::event_body::Reader;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::json;
use crate::transport::posted;
use crate::transport::refusal::METHOD_NOT_FOUND;
use crate::transport::refusal::is_modern_code;
use crate::transport::streamable_http::server::backend::ModernBackend;
use crate::transport::streamable_http::server::backend::Unserved;
use crate::transport::streamable_http::server::checks;
use crate::transport::streamable_http::server::counts::Ticket;
use crate::transport::streamable_http::server::endpoint::Endpoint;

impl<B: ModernBackend> Endpoint<B> {
    /// Answers one POST.
    pub(super) async fn modern(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
        ticket: &mut Ticket,
    ) -> Result<Reply, Refused> {
        let refused = |(status, error)| posted::error(status, &message, &error);
        let params = checks::check(&message, headers).map_err(refused)?;
        if self.catalogue.is_needed_for(&message) {
            let (sender, answers) = self.join(&message, peer).await?;
            self.catalogue.read(sender, answers).await;
        }
        let mismatch = |error| posted::error(StatusCode::BAD_REQUEST, &message, &error);
        self.catalogue.check(&message, &params, headers).map_err(mismatch)?;
        let (sender, mut queue) = self.join(&message, peer).await?;
        trace("client -> server", &message, peer, None);
        let lists = is_list(&message).then_some(params.cursor.is_none());
        let asks = message.request().is_some();
        let farewell = farewell(&message);
        sender.send(message).await.map_err(|_| empty(StatusCode::BAD_GATEWAY))?;
        if !asks {
            return Ok(empty(StatusCode::ACCEPTED));
        }
        let mut messages = Vec::new();
        let first = queue.recv_all(&mut messages);
        match tokio::time::timeout(limits::FIRST_ANSWER, first).await {
            Ok(false) => return Ok(empty(StatusCode::BAD_GATEWAY)),
            Ok(true) if is_answer(&messages) => {
                if let Some(is_first_page) = lists {
                    self.catalogue.learn(&messages[0], is_first_page);
                }
                ticket.passes(&messages[0]);
                trace("server -> client", &messages[0], peer, Some(ticket.elapsed()));
                let status = status(messages[0].error_code());
                return Ok(json(status, messages.remove(0).into_bytes()));
            }
            _ => {}
        }
        let mut body = EventBody::new(
            queue,
            Asking { _sender: sender, ticket: ticket.hand_on(), peer: Arc::clone(peer) },
        )
        .until_answered();
        if let Some(farewell) = farewell {
            body = body.until_stopped(self.stop.clone(), farewell);
        }
        body.push(messages);
        Ok(event_body::reply(body))
    }

    async fn join(
        &self,
        message: &Message,
        peer: &Arc<Peer>,
    ) -> Result<(MuxSender, Receiver), Refused> {
        self.backend.join(peer).await.map_err(|unserved| match unserved {
            Unserved::Failed(failure) => posted::failure(message, &failure).into(),
            Unserved::LegacyOnly => legacy_only(message).into(),
        })
    }
}

/// There is no session, but a peer.
fn trace(way: &str, message: &Message, peer: &Peer, took: Option<Duration>) {
    let Some(head) = message.head().filter(|_| tracing::enabled!(tracing::Level::DEBUG)) else {
        return;
    };
    let label = Label::new("modern", Some(peer));
    label::trace(way, Some(&label), message, head, took);
}

/// The result with which the server ends a subscription; `None` for any other request (specification
/// 2026-07-28, "Subscriptions").
fn farewell(message: &Message) -> Option<Message> {
    let (id, _) = message.request().filter(|(_, method)| *method == "subscriptions/listen")?;
    let id = id.as_json();
    let result = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    );
    Message::parse(Bytes::from(result)).ok()
}

fn is_list(message: &Message) -> bool {
    message.head().and_then(|head| head.method()) == Some("tools/list")
}

/// Whether the answer is all there is.
fn is_answer(messages: &[Message]) -> bool {
    matches!(messages, [only] if only.is_response())
}

/// Dropped with the stream, which cancels the request if it is not answered: a disconnect is the
/// cancel ("Cancellation").
struct Asking {
    _sender: MuxSender,
    ticket: Ticket,
    peer: Arc<Peer>,
}

impl Reader for Asking {
    fn passes(&mut self, message: &Message) {
        self.ticket.passes(message);
        let took = message.is_response().then(|| self.ticket.elapsed());
        trace("server -> client", message, &self.peer, took);
    }
}

/// So that clients of both eras fall back to `initialize`: no error of the modern era
/// ("Versioning").
fn legacy_only(message: &Message) -> Reply {
    let error = RpcError::invalid_request(
        "this server speaks protocol versions up to 2025-11-25: send `initialize`",
    );
    posted::error(StatusCode::BAD_REQUEST, message, &error)
}

/// The status that goes with an error of the server ("Error Handling").
fn status(code: Option<i64>) -> StatusCode {
    match code {
        Some(METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(code) if is_modern_code(code) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
