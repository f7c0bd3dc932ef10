//! What an answer of the server says.

use serde::Deserialize;

use crate::message::Kind;
use crate::message::Message;

/// The code of an error answer.
pub(super) fn error_code(message: &Message) -> Option<i64> {
    #[derive(Deserialize)]
    struct Error {
        code: i64,
    }
    let head = message.head()?;
    if !matches!(head.kind, Kind::Response { failed: true, .. }) {
        return None;
    }
    serde_json::from_slice::<Error>(message.payload(head)).ok().map(|error| error.code)
}
