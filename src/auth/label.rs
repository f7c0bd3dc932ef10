//! What a log calls a conversation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Peer;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;

/// The `session` and `peer` fields of each log line about one conversation. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Label(Arc<Texts>);

#[derive(Debug)]
struct Texts {
    session: String,
    peer: Option<String>,
}

impl Label {
    /// A conversation with one peer, or with many.
    pub fn new(session: impl fmt::Display, peer: Option<&Peer>) -> Self {
        let (session, peer) = (session.to_string(), peer.map(Peer::to_string));
        Self(Arc::new(Texts { session, peer }))
    }

    /// The number of the session, or what a shared server is called.
    pub fn session(&self) -> &str {
        &self.0.session
    }

    /// Whose it is; `None` where it is that of many.
    pub fn peer(&self) -> Option<&str> {
        self.0.peer.as_deref()
    }
}

impl From<&str> for Label {
    fn from(session: &str) -> Self {
        Self::new(session, None)
    }
}

/// Whether [`trace`] says anything.
pub(crate) fn is_traced() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// A debug line about a message on its way, never its body; `took` is the time from the request to
/// its answer.
pub(crate) fn trace(
    way: &str,
    label: Option<&Label>,
    message: &Message,
    head: &Head,
    took: Option<Duration>,
) {
    if !is_traced() {
        return;
    }
    let (session, peer) = (label.map(Label::session), label.and_then(Label::peer));
    let bytes = message.bytes().len();
    let what = match &head.kind {
        Kind::Notification { method } => format!("notification method={method:?}"),
        Kind::Request { id, method } => format!("request id={id} method={method:?}"),
        Kind::Response { id, failed } => {
            let id = id.as_ref().map_or("null", Id::as_json);
            let outcome = if *failed { "error" } else { "result" };
            format!("response id={id} {outcome}")
        }
    };
    let ms = took.map(|took| format!(" ms={:.1}", took.as_secs_f64() * 1e3)).unwrap_or_default();
    tracing::debug!(session, peer, "{way} {what} bytes={bytes}{ms}");
}
