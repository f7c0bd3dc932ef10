//! What kind of reply a POST got.

use http::{HeaderMap, StatusCode, header};

use crate::report::peer_text;
use crate::transport::http::Reply;

/// A reply, by what has to be done with it.
pub(crate) enum Shape {
    /// Taken, and nothing more to read: right for a notification, wrong for a request.
    Accepted,
    /// One JSON body.
    Json,
    /// An event stream.
    Stream,
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
        match media_type(&reply.headers).as_str() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::Stream,
            other => Self::Foreign(peer_text(other)),
        }
    }
}

/// The media type without its parameters, in lower case (RFC 9110 section 8.3.1).
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
