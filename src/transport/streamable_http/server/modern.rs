//! The modern era: each POST describes itself, and there is nothing between two of them
//! (specification 2026-07-28, "Streamable HTTP").

use std::sync::Arc;

use http::HeaderMap;
use http::StatusCode;

use crate::adapt::mux::MuxSender;
use crate::auth::Peer;
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
use crate::transport::http_listener::stream;
use crate::transport::posted;
use crate::transport::streamable_http::server::backend::Backend;
use crate::transport::streamable_http::server::backend::Unserved;
use crate::transport::streamable_http::server::checks;
use crate::transport::streamable_http::server::endpoint::Endpoint;
use crate::transport::streamable_http::server::reply;

impl<B: Backend> Endpoint<B> {
    /// Answers one POST.
    pub(super) async fn modern(
        &self,
        message: Message,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
    ) -> Result<Reply, Refused> {
        let refused = |(status, error)| posted::error(status, &message, &error);
        checks::check(&message, headers).map_err(refused)?;
        let joined = self.backend.join(peer).await;
        let (sender, mut queue) = joined.map_err(|unserved| match unserved {
            Unserved::Failed(failure) => posted::failure(&message, &failure),
            Unserved::LegacyOnly => legacy_only(&message),
        })?;
        let asks = message.request().is_some();
        sender.send(message).await.map_err(|_| empty(StatusCode::BAD_GATEWAY))?;
        if !asks {
            return Ok(empty(StatusCode::ACCEPTED));
        }
        let mut messages = Vec::new();
        let first = queue.recv_all(&mut messages);
        match tokio::time::timeout(limits::FIRST_ANSWER, first).await {
            Ok(false) => return Ok(empty(StatusCode::BAD_GATEWAY)),
            Ok(true) if is_answer(&messages) => {
                let status = status(reply::error_code(&messages[0]));
                return Ok(json(status, messages.remove(0).into_bytes()));
            }
            _ => {}
        }
        let mut body = EventBody::new(queue, Asking { _sender: sender }).until_answered();
        body.push(messages);
        let mut reply = stream(body);
        reply.headers_mut().extend(event_body::headers());
        Ok(reply)
    }
}

/// Whether the answer is all there is.
fn is_answer(messages: &[Message]) -> bool {
    matches!(messages, [only] if only.head().is_some_and(|head| head.method().is_none()))
}

/// Dropped with the stream, which cancels the request if it is not answered: a disconnect is the
/// cancel ("Cancellation").
struct Asking {
    _sender: MuxSender,
}

impl Reader for Asking {}

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
        Some(-32601) => StatusCode::NOT_FOUND,
        Some(-32022..=-32020) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
