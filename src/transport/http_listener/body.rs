//! Bodies: of requests, with their bounds, and of answers.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header;
use http_body::Body;
use http_body_util::BodyExt as _;
use http_body_util::Either;
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use crate::limits;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

/// The body of an answer: whole, or as it comes.
pub type ReplyBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

/// An answer.
pub type Reply = Response<ReplyBody>;

/// An answer that ends the work on a request early.
#[derive(Debug)]
pub struct Refused(Box<Reply>);

impl Refused {
    /// The answer.
    pub fn into_reply(self) -> Reply {
        *self.0
    }
}

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Self(Box::new(reply))
    }
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Either::Left(Full::default()));
    *reply.status_mut() = status;
    reply
}

/// An answer with a JSON text.
pub fn json(status: StatusCode, text: Bytes) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(text)));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// An answer whose body comes in pieces.
pub fn stream(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> Reply {
    Response::new(Either::Right(UnsyncBoxBody::new(body)))
}

/// The answer to what is no request of a session: a JSON-RPC error with a null id, which programs
/// and people can read.
pub fn refusal(status: StatusCode, kind: Kind, report: Report) -> Reply {
    let answer = RpcError::failed(&Failure::new(kind, report), None).answer(None);
    json(status, answer.into_bytes())
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client went away.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It came too slowly.
    #[error("the body took longer than {} s", limits::BODY_TIMEOUT.as_secs())]
    Slow,
    /// It is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
}

/// The whole body of a request: at most `limit` bytes within [`limits::BODY_TIMEOUT`].
///
/// # Errors
/// [`BodyError`]; what was read is dropped.
pub async fn read(mut body: Incoming, limit: usize, head: &HeaderMap) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        discard(body, head).await;
        return Err(BodyError::TooLarge(limit));
    }
    // Most bodies are there at once, and then need no timer.
    let read = tokio::select! {
        biased;
        read = gather(&mut body, limit) => read,
        () = tokio::time::sleep(limits::BODY_TIMEOUT) => Err(BodyError::Slow),
    };
    if matches!(read, Err(BodyError::TooLarge(_))) {
        discard(body, head).await;
    }
    read
}

/// Reads on for a moment before a request is refused: a client that still writes when its connection
/// closes loses the answer. One that waits for leave to write (RFC 9110 section 10.1.1) gets the
/// answer instead.
pub async fn discard(mut body: Incoming, head: &HeaderMap) {
    if head.contains_key(header::EXPECT) {
        return;
    }
    let rest = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = Pin::new(&mut body).frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > limits::DISCARDED_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limits::DISCARD_TIMEOUT, rest).await;
}

async fn gather(body: &mut Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = Pin::new(&mut *body).frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            // Pages that are never written cost nothing.
            whole.reserve(announced.max(2 * first.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
