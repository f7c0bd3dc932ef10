//! The messages that clients POST, and what those are told whose are none.

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use hyper::body::Incoming;

use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::message::ParseError;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http::media_type;
use crate::transport::http_listener::BodyError;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::json;
use crate::transport::http_listener::read;
use crate::transport::http_listener::refusal;

/// Reads the one message in a body.
pub(crate) async fn read_message(
    body: Incoming,
    limit: usize,
    head: &HeaderMap,
) -> Result<Message, Refused> {
    let bytes = read(body, limit, head).await.map_err(|error| unreadable(&error))?;
    Ok(Message::parse(bytes).map_err(not_a_message)?)
}

/// Says which methods a path knows (RFC 9110 section 15.5.6).
pub(crate) fn not_allowed(allowed: &'static str) -> Reply {
    let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// A POST carries JSON.
pub(crate) fn check_content(headers: &HeaderMap) -> Result<(), Refused> {
    let mut named = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = match (named.next(), named.next()) {
        // Mostly just so.
        (Some(kind), None) => {
            kind == "application/json" || media_type(headers) == "application/json"
        }
        _ => false,
    };
    if !is_json {
        let report = Report::new("the body has to be JSON")
            .hint("send the header `Content-Type: application/json`");
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::Protocol, report).into());
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let report = Report::new("bodies with a content coding are not taken");
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::Protocol, report).into());
    }
    Ok(())
}

fn unreadable(error: &BodyError) -> Reply {
    let (status, kind) = match error {
        BodyError::Broken(_) => (StatusCode::BAD_REQUEST, Kind::Protocol),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, Kind::Timeout),
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, Kind::TooLarge),
    };
    let mut report = Report::new("the request was not taken").cause(error.to_string());
    if kind == Kind::TooLarge {
        report = report.hint("raise the limit of the server with `--max-body-size`");
    }
    let mut reply = refusal(status, kind, report);
    // What is left of the body is not read.
    reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn not_a_message(error: ParseError) -> Reply {
    let (error, ids) = match error {
        ParseError::NotJson(reason) => (RpcError::parse_error(&reason), Vec::new()),
        ParseError::Invalid { ids, reason } => (RpcError::invalid_request(reason), ids),
    };
    json(StatusCode::BAD_REQUEST, answers(&ids.iter().collect::<Vec<_>>(), &error))
}

/// An answer to the requests in `message` that is an error of ours; under a null id if there are
/// none.
pub(crate) fn error(status: StatusCode, message: &Message, error: &RpcError) -> Reply {
    json(status, answers(&message.request_ids().collect::<Vec<_>>(), error))
}

/// The answers to all of these requests; one under a null id if there are none.
fn answers(ids: &[&Id], error: &RpcError) -> Bytes {
    let answer = |id| error.answer(id).into_bytes();
    match ids {
        [] => answer(None),
        [id] => answer(Some(id)),
        ids => array(&ids.iter().map(|id| answer(Some(id))).collect::<Vec<_>>()),
    }
}

/// The same for what failed on its way to the MCP server.
pub(crate) fn failure(message: &Message, failure: &Failure) -> Reply {
    let method = message.request().map(|(_, method)| method);
    let error_of = RpcError::failed(failure, method);
    busy_for(failure, error(status(failure.kind), message, &error_of))
}

/// What is told to who opens a conversation that cannot begin.
pub(crate) fn unavailable(failure: &Failure) -> Reply {
    busy_for(failure, refusal(status(failure.kind), failure.kind, failure.report.clone()))
}

/// Says when to come again.
fn busy_for(failure: &Failure, mut reply: Reply) -> Reply {
    if failure.kind == Kind::Overloaded {
        let wait = failure.retry_after.unwrap_or(limits::RETRY_AFTER);
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    reply
}

/// Several JSON texts as one.
fn array(texts: &[Bytes]) -> Bytes {
    let mut whole = vec![b'['];
    for (count, text) in texts.iter().enumerate() {
        if count > 0 {
            whole.push(b',');
        }
        whole.extend_from_slice(text);
    }
    whole.push(b']');
    whole.into()
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Auth => StatusCode::FORBIDDEN,
        Kind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Protocol => StatusCode::BAD_REQUEST,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::NotSent | Kind::OutcomeUnknown | Kind::Refused | Kind::Tls => StatusCode::BAD_GATEWAY,
    }
}
