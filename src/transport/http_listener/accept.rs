//! The accept loop: it hands each connection to a task of its own, so that none can hold up another.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::task::Tasks;
use crate::tls::ServerTls;
use crate::transport::http_listener::Handler;
use crate::transport::http_listener::admission::Admission;
use crate::transport::http_listener::connection;
use crate::transport::http_listener::counts::Counts;
use crate::transport::http_listener::counts::Open;

/// What all connections of a front have in common.
#[derive(Debug)]
pub struct FrontConfig {
    /// The handshake; without it the connections are in clear text.
    pub tls: Option<ServerTls>,
    /// Who may call.
    pub admission: Admission,
    /// Connections that may be open at the same time, handshakes included.
    pub max_connections: usize,
    /// From the first byte of a connection to the end of its handshake.
    pub handshake_timeout: Duration,
    /// A connection without a request for this long is closed.
    pub idle_timeout: Duration,
}

/// A front: its sockets, its connections and what answers on them. Dropping it closes them all.
pub struct Front<H> {
    shared: Arc<Shared<H>>,
    accepting: Tasks,
    connections: Arc<Tasks>,
}

/// What each connection holds.
pub(super) struct Shared<H> {
    pub(super) config: FrontConfig,
    pub(super) handler: Arc<H>,
    pub(super) counts: Arc<Counts>,
    // Cancelled: no new connections but those that wait.
    stopping: CancellationToken,
    // Cancelled: each connection ends when what runs on it is done.
    pub(super) drain: CancellationToken,
}

impl<H: Handler> Front<H> {
    /// A front without a socket yet.
    pub fn new(config: FrontConfig, handler: Arc<H>) -> Self {
        let counts = Arc::new(Counts::default());
        let (stopping, drain) = (CancellationToken::new(), CancellationToken::new());
        let shared = Arc::new(Shared { config, handler, counts, stopping, drain });
        Self { shared, accepting: Tasks::new(), connections: Arc::new(Tasks::new()) }
    }

    /// Takes connections from these sockets.
    pub fn open(&self, sockets: Vec<TcpListener>) {
        let slots = Arc::new(Semaphore::new(self.shared.config.max_connections));
        for socket in sockets {
            let accept = accept(
                socket,
                Arc::clone(&self.shared),
                Arc::clone(&slots),
                Arc::clone(&self.connections),
            );
            self.accepting.spawn(accept);
        }
    }

    /// Its numbers.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.shared.counts
    }

    /// The certificates in use.
    pub fn tls(&self) -> Option<&ServerTls> {
        self.shared.config.tls.as_ref()
    }

    /// Closes everything now. Completes with the last connection.
    pub async fn close(&self) {
        self.accepting.stop();
        self.connections.stop();
        self.connections.finished().await;
    }

    /// Closes the sockets and all connections that are idle, and the others when what runs on them
    /// is done. Completes with the last one.
    pub async fn drain(&self) {
        self.shared.stopping.cancel();
        self.accepting.finished().await;
        self.shared.drain.cancel();
        self.connections.finished().await;
    }
}

impl<H> Shared<H> {
    /// Completes some time after the drain has begun.
    pub(super) async fn drain_and_farewell(&self) {
        self.drain.cancelled().await;
        tokio::time::sleep(limits::FAREWELL).await;
    }
}

async fn accept<H: Handler>(
    socket: TcpListener,
    shared: Arc<Shared<H>>,
    slots: Arc<Semaphore>,
    connections: Arc<Tasks>,
) {
    let take = |stream, address: SocketAddr| {
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            // The stream is dropped, which says it without a handshake that would cost as much as
            // the connection.
            if (shared.counts.turned_away.fetch_add(1, Relaxed) + 1).is_power_of_two() {
                tracing::warn!("too many connections: {address} is turned away");
            }
            return;
        };
        let open = Open::new(&shared.counts);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let _held = (slot, open);
            connection::serve(stream, address, shared).await;
        });
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => take(stream, address),
            Err(error) => pause_after(&error).await,
        }
    }
    for (stream, address) in rest(socket) {
        if let Ok(stream) = TcpStream::from_std(stream) {
            take(stream, address);
        }
    }
}

/// Closes a socket, and gives the connections that the system had made already: they would be reset
/// with it. The system is asked, since the runtime may not have heard of the last ones yet; and
/// nothing else is done in between, since each moment is time for one more that is lost.
fn rest(socket: TcpListener) -> Vec<(std::net::TcpStream, SocketAddr)> {
    let Ok(socket) = socket.into_std() else { return Vec::new() };
    let waiting = std::iter::from_fn(|| socket.accept().ok());
    let waiting: Vec<_> = waiting.take(limits::LISTEN_BACKLOG as usize).collect();
    drop(socket);
    // Which is not inherited from the socket.
    waiting.into_iter().filter(|(stream, _)| stream.set_nonblocking(true).is_ok()).collect()
}

/// A connection that broke before it was taken concerns nobody. What remains is a lack of
/// descriptors or of memory, which goes away when others close.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind;
    let kinds = [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::Interrupted,
    ];
    if kinds.contains(&error.kind()) {
        return;
    }
    tracing::warn!("cannot accept connections for the moment: {error}");
    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
}
