//! What to do about the error with which a server answers the handshake of MCP.

use crate::command::script::Refused;
use crate::transport::refusal::UNSUPPORTED_VERSION;

/// The hint for it.
pub(super) fn of(refused: &Refused) -> &'static str {
    if refused.data["supported"].is_array() || refused.code == Some(UNSUPPORTED_VERSION) {
        "the server and this program have no protocol version in common: update the older one"
    } else if refused.is_unknown_method() {
        "check that this is an MCP server, and the path of the URL"
    } else {
        "the log of the server says why"
    }
}
