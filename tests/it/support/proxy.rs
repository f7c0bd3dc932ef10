//! Proxies on the way to a remote.

use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;

use crate::support::raw::RawRemote;
use crate::support::watched::Watched;

/// An HTTP proxy that knows one remote under every name, and remembers the heads that it saw.
pub(crate) struct Proxy {
    server: RawRemote,
    heads: Arc<Watched<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn to(remote: SocketAddr) -> Self {
        let heads = Arc::new(Watched::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let server = RawRemote::start(move |connection| {
            let head = connection.head();
            seen.change(|heads| heads.push(head.clone()));
            let far = TcpStream::connect(remote).unwrap();
            if head.starts_with("CONNECT ") {
                connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
            } else {
                { &far }.write_all(head.as_bytes()).unwrap();
            }
            connection.join(far);
        });
        Self { server, heads }
    }

    /// Says no to everybody.
    pub(crate) fn refusing(status: &'static str) -> Self {
        let heads = Arc::new(Watched::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let server = RawRemote::start(move |connection| {
            let head = connection.head();
            seen.change(|heads| heads.push(head));
            connection.write(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"));
        });
        Self { server, heads }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}
