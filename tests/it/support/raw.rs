//! A remote that does exactly, byte for byte, what a closure says, one thread a connection.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Weak;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;

use crate::support::patient::uninterrupted;
use crate::support::request::Request;
use crate::support::watched::LIMIT;
use crate::support::watched::Watched;

/// A listener on a free port of 127.0.0.1. Dropping it closes everything; a closure that panicked
/// makes the test fail then.
pub(crate) struct RawRemote {
    address: SocketAddr,
    shared: Arc<Watched<Shared>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: bool,
    sockets: Vec<Weak<TcpStream>>,
    threads: Vec<JoinHandle<()>>,
    panics: usize,
}

/// One accepted connection.
pub(crate) struct Connection {
    /// Counted from 0.
    pub(crate) number: usize,
    // The only strong reference, so that dropping it closes the socket.
    stream: Option<Arc<TcpStream>>,
    kept: Vec<u8>,
}

impl RawRemote {
    /// Runs `script` for each connection, in a thread of its own.
    pub(crate) fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Watched::new(Shared::default()));
        let accept = Arc::clone(&shared);
        let accepting =
            std::thread::spawn(move || accept_all(&listener, &accept, Arc::new(script)));
        Self { address, shared, accepting: Some(accepting) }
    }

    /// A remote that nobody is meant to reach: it counts whoever tries.
    pub(crate) fn nobody_calls() -> Self {
        Self::start(|_| {})
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.lock().sockets.len()
    }
}

impl Drop for RawRemote {
    fn drop(&mut self) {
        let panics = self.shared.change(|shared| {
            shared.stopping = true;
            for socket in shared.sockets.iter().filter_map(Weak::upgrade) {
                drop(socket.shutdown(Shutdown::Both));
            }
            shared.panics
        });
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take().map(JoinHandle::join));
        let threads = std::mem::take(&mut self.shared.lock().threads);
        threads.into_iter().for_each(|thread| drop(thread.join()));
        assert!(panics == 0 || std::thread::panicking(), "a script of the remote panicked");
    }
}

fn accept_all<S>(listener: &TcpListener, shared: &Arc<Watched<Shared>>, script: Arc<S>)
where
    S: Fn(&mut Connection) + Send + Sync + 'static,
{
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if shared.lock().stopping {
            return;
        }
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let stream = Arc::new(stream);
        let socket = Arc::downgrade(&stream);
        let number = shared.lock().sockets.len();
        let (script, guard) = (Arc::clone(&script), Guard(Arc::clone(shared)));
        let thread = std::thread::spawn(move || {
            let mut connection = Connection { number, stream: Some(stream), kept: Vec::new() };
            // Declared last: it takes its note before the peer can see the connection end.
            let _guard = guard;
            script(&mut connection);
        });
        shared.change(|shared| {
            shared.sockets.push(socket);
            shared.threads.push(thread);
        });
    }
}

/// Notes a panic of the thread that holds it, unless the test is over anyway.
struct Guard(Arc<Watched<Shared>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.change(|shared| shared.panics += usize::from(!shared.stopping));
        }
    }
}

impl Connection {
    /// The next HTTP/1.1 request; `None` if the peer has gone.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let mut stream = self.stream.as_deref()?;
        let mut request = Request::read(&mut stream, &mut self.kept).ok().flatten()?;
        request.connection = self.number;
        Some(request)
    }

    /// The head of a request, as it came. What follows it stays unread.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        if let Some(mut stream) = self.stream.as_deref() {
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
        }
        String::from_utf8(head).expect("a head is ASCII")
    }

    /// Exactly that many bytes; zeros if the peer has gone.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        if let Some(mut stream) = self.stream.as_deref() {
            drop(stream.read_exact(&mut bytes));
        }
        bytes
    }

    /// Waits for some bytes, whatever they are.
    pub(crate) fn read_some(&mut self) {
        if let Some(mut stream) = self.stream.as_deref() {
            drop(uninterrupted(|| stream.read(&mut [0; 16 * 1024])));
        }
    }

    /// Carries bytes both ways until the peer has gone.
    pub(crate) fn join(&mut self, far: TcpStream) {
        let Some(near) = self.stream.clone() else { return };
        let far = Arc::new(far);
        let (down_from, down_to) = (Arc::clone(&far), Arc::clone(&near));
        let downward = std::thread::spawn(move || {
            drop(io::copy(&mut &*down_from, &mut &*down_to));
            down_to.shutdown(Shutdown::Both)
        });
        drop(io::copy(&mut &*near, &mut &*far));
        drop(far.shutdown(Shutdown::Both));
        drop(downward.join());
    }

    /// Writes what a peer that has gone may miss.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(mut stream) = self.stream.as_deref() {
            drop(stream.write_all(bytes.as_ref()));
        }
    }

    /// Writes byte by byte.
    pub(crate) fn drip(&mut self, bytes: impl AsRef<[u8]>) {
        bytes.as_ref().iter().for_each(|byte| self.write([*byte]));
    }

    /// A whole response with a JSON body.
    pub(crate) fn json(&mut self, status: &str, body: &str) {
        let length = body.len();
        self.write(format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ));
    }

    /// The head of an event stream that lasts until the connection is closed.
    pub(crate) fn event_stream(&mut self) {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
    }

    /// Closes with a TCP reset.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Ends our direction only.
    pub(crate) fn half_close(&mut self) {
        drop(self.stream.as_deref().map(|stream| stream.shutdown(Shutdown::Write)));
    }

    /// Reads until the peer has gone, and gives what it still said.
    pub(crate) fn wait_for_end(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.kept);
        if let Some(mut stream) = self.stream.as_deref() {
            // A reset is an end as well.
            let _: io::Result<usize> = stream.read_to_end(&mut rest);
        }
        rest
    }
}
