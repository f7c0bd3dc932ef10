//! Batches of the host: part of one protocol version alone (specification 2025-03-26, "Batching").

use crate::message::Id;
use crate::message::Message;
use crate::message::RpcError;

/// The version with batches.
const VERSION: &str = "2025-03-26";

/// The messages of a batch, one by one, since servers of later versions take no batches; or the
/// errors that answer it, where `version`, the negotiated one, has none. A single message passes.
///
/// # Errors
/// The answers: one for each request in it.
pub fn unpack(message: Message, version: Option<&str>) -> Result<Vec<Message>, Vec<Message>> {
    if !message.is_batch() || version == Some(VERSION) {
        return Ok(message.split());
    }
    let error = RpcError::invalid_request("batches are not part of this protocol version");
    let mut ids: Vec<Option<&Id>> = message.request_ids().map(Some).collect();
    if ids.is_empty() {
        ids.push(None);
    }
    Err(ids.into_iter().map(|id| error.answer(id)).collect())
}
