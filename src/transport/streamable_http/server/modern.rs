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
    ) -> Reply {
        if let Err((status, error)) = checks::check(&message, headers) {
            return posted::error(status, &message, &error);
        }
        let (sender, mut queue) = match self.backend.join(peer).await {
            Ok(joined) => joined,
            Err(Unserved::Failed(failure)) => return posted::failure(&message, &failure),
            Err(Unserved::LegacyOnly) => return legacy_only(&message),
        };
        let asked = message.request().is_some();
        if sender.send(message).await.is_err() {
            return empty(StatusCode::BAD_GATEWAY);
        }
        if !asked {
            return empty(StatusCode::ACCEPTED);
        }
        let mut messages = Vec::new();
        let first = queue.recv_all(&mut messages);
        match tokio::time::timeout(limits::FIRST_ANSWER, first).await {
            Ok(false) => return empty(StatusCode::BAD_GATEWAY),
            Ok(true)
                if messages.len() == 1
                    && messages[0].head().is_some_and(|head| head.method().is_none()) =>
            {
                let status = status(reply::error_code(&messages[0]));
                let text = messages.remove(0).into_bytes();
                return json(status, text);
            }
            _ => {}
        }
        let mut body = EventBody::new(queue, Asking { _sender: sender }).until_answered();
        body.push(messages);
        let mut reply = stream(body);
        reply.headers_mut().extend(event_body::headers());
        reply
    }
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
