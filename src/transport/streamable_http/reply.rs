//! What kind of reply a POST got.

use http::StatusCode;

use crate::report::peer_text;
use crate::transport::http::Reply;
use crate::transport::http::content_coding;
use crate::transport::http::media_type;

/// A reply, by what has to be done with it.
pub(crate) enum Shape {
    /// Taken, and nothing more to read: right for a notification, wrong for a request.
    Accepted,
    /// One JSON body.
    Json,
    /// An event stream.
    Stream,
    /// A success with a body in a content coding, which we never ask for.
    Coded(String),
    /// A success with a body that is neither; its media type.
    Foreign(String),
    /// Not a success.
    Refused,
}

impl Shape {
    pub(crate) fn of(reply: &Reply) -> Self {
        if !reply.status.is_success() {
            return Self::Refused;
        }
        if matches!(reply.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Self::Accepted;
        }
        if let Some(coding) = content_coding(&reply.headers) {
            return Self::Coded(coding);
        }
        match media_type(&reply.headers).as_str() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::Stream,
            other => Self::Foreign(peer_text(other)),
        }
    }
}
