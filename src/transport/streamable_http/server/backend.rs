//! Where the messages of clients go.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::adapt::mux::MuxSender;
use crate::auth::Label;
use crate::auth::Peer;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::report::Failure;

/// The MCP servers behind an HTTP front, for the legacy era. All limits on how many there may be are
/// its own.
pub trait Backend: Send + Sync + 'static {
    /// The number of the next session, for the log.
    fn next_session(&self) -> u64;

    /// A conversation from `initialize` on. Whether what the
    /// server leaves unanswered is answered by somebody else is the backend's own to say.
    ///
    /// # Errors
    /// There is no room, or the server cannot start.
    fn open(
        &self,
        peer: &Peer,
        label: &Label,
    ) -> impl Future<Output = Result<Opened, Failure>> + Send;
}

/// The same for the modern era.
pub trait ModernBackend: Backend {
    /// Whether it is served, as far as is known: a server is asked by who needs it.
    fn speaks_modern(&self) -> bool;

    /// A place for one request.
    ///
    /// # Errors
    /// As for [`Backend::open`], or the server does not speak the modern era.
    fn join(
        &self,
        peer: &Arc<Peer>,
    ) -> impl Future<Output = Result<(MuxSender, Receiver), Unserved>> + Send;
}

/// A conversation that has begun.
#[derive(Debug)]
pub struct Opened {
    /// The MCP server.
    pub channel: Channel,
    /// Held until it has answered for the first time: few may start at the same time.
    pub starting: Option<OwnedSemaphorePermit>,
}

/// Why a modern request cannot be served.
#[derive(Clone, Debug)]
pub enum Unserved {
    /// It could not be started, or there is no room.
    Failed(Failure),
    /// The server behind us speaks the legacy era alone.
    LegacyOnly,
}
