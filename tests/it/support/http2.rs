//! A remote that follows a script in frames of HTTP/2.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::background::{Background, PanicNote};
use crate::support::watched::Watched;

/// One connection after its handshakes.
pub(crate) type Connection = h2::server::Connection<TlsStream<TcpStream>, Bytes>;

/// A listener on a free port. It counts the requests that the script notes.
pub(crate) struct Http2Remote {
    address: SocketAddr,
    _background: Background,
}

/// The bodies of all requests that came whole.
pub(crate) type Bodies = Arc<Watched<Vec<String>>>;

impl Http2Remote {
    /// Runs `script` for each connection; the first one has the number 0.
    pub(crate) fn start<S, F>(acceptor: TlsAcceptor, script: S) -> Self
    where
        S: Fn(usize, Connection) -> F + Send + 'static,
        F: Future<Output = ()> + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let background = Background::start(move |note| async move {
            LocalSet::new().run_until(accept(listener, acceptor, script, note)).await;
        });
        Self { address, _background: background }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/mcp", self.address.port())
    }
}

async fn accept<S, F>(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    script: S,
    note: PanicNote,
) where
    S: Fn(usize, Connection) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::from_std(listener).unwrap();
    let script = Rc::new(script);
    for number in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, script, note) = (acceptor.clone(), Rc::clone(&script), note.clone());
        spawn_local(async move {
            let _note = note;
            // A handshake that fails is the bridge's to report.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let Ok(connection) = h2::server::handshake(stream).await else { return };
            script(number, connection).await;
        });
    }
}

/// Reads the body of a request; `None` if it does not come whole.
pub(crate) async fn body(stream: &mut h2::RecvStream) -> Option<String> {
    let mut whole = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.ok()?;
        stream.flow_control().release_capacity(chunk.len()).ok()?;
        whole.extend_from_slice(&chunk);
    }
    String::from_utf8(whole).ok()
}
