//! A client of HTTP/1.1 that does byte for byte what a test says, and reads answers as they come.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::StreamOwned;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use serde_json::Value;
use socket2::SockRef;

use crate::support::patient::uninterrupted;
use crate::support::pki::Leaf;
use crate::support::serve::Serve;
use crate::support::tls_server::store;
use crate::support::watched::LIMIT;

/// One connection.
pub(crate) struct Wire {
    stream: Box<dyn ReadWrite>,
    socket: TcpStream,
    host: String,
    kept: Vec<u8>,
    rest: Rest,
}

trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    None,
    Bytes(usize),
    Chunks,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

/// An answer with its body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: String,
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) retry: Option<String>,
    pub(crate) data: String,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: None }
    }

    /// A POST of a message with the headers that it has to have.
    pub(crate) fn post(message: impl ToString) -> Self {
        Self::post_to("/mcp", message)
    }

    pub(crate) fn post_to(path: &str, message: impl ToString) -> Self {
        let mut ask = Self::new("POST", path)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        ask.body = Some(message.to_string());
        ask
    }

    /// A GET of an event stream.
    pub(crate) fn stream(path: &str) -> Self {
        Self::new("GET", path).header("accept", "text/event-stream")
    }

    /// Adds a header, and takes away what had that name.
    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a header besides those of that name.
    pub(crate) fn and(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn body(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// As it goes over the wire.
    pub(crate) fn text(&self, host: &str) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        format!("{text}\r\n{body}")
    }
}

impl Wire {
    /// Without a client certificate, and in clear text unless the server speaks TLS.
    pub(crate) fn to(serve: &Serve) -> Self {
        Self::connect(serve, None)
    }

    /// As the holder of this certificate.
    pub(crate) fn of(serve: &Serve, leaf: &Leaf) -> Self {
        Self::connect(serve, Some(leaf))
    }

    fn connect(serve: &Serve, leaf: Option<&Leaf>) -> Self {
        let socket = TcpStream::connect(serve.address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let plain = socket.try_clone().unwrap();
        let (host, stream): (_, Box<dyn ReadWrite>) = match &serve.ca {
            None => (serve.address.to_string(), Box::new(plain)),
            Some(_) => {
                let name = ServerName::try_from("localhost").unwrap();
                let config = Arc::new(config(serve, leaf));
                let client = ClientConnection::new(config, name).unwrap();
                let host = format!("localhost:{}", serve.address.port());
                (host, Box::new(StreamOwned::new(client, plain)))
            }
        };
        Self { stream, socket, host, kept: Vec::new(), rest: Rest::None }
    }

    pub(crate) fn local_port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Waits for the time of its patience whether the server closes.
    pub(crate) fn is_closed(&mut self) -> bool {
        match uninterrupted(|| self.stream.read(&mut [0; 4096])) {
            Ok(count) => count == 0,
            Err(error) => !is_timeout(&error),
        }
    }

    /// Waits longer, or not as long, for bytes of the server.
    pub(crate) fn patience(self, limit: Duration) -> Self {
        self.socket.set_read_timeout(Some(limit)).unwrap();
        self
    }

    /// Sends a request and reads the head of the answer.
    #[track_caller]
    pub(crate) fn head(&mut self, ask: &Ask) -> Head {
        self.send(ask);
        self.read_head().expect("an answer")
    }

    /// Sends a request and reads the whole answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, ask: &Ask) -> Answer {
        let head = self.head(ask);
        let body = String::from_utf8(self.body()).unwrap();
        Answer { head, body }
    }

    pub(crate) fn send(&mut self, ask: &Ask) {
        let text = ask.text(&self.host);
        self.write(text);
    }

    /// Writes what a server that has gone may miss.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_write(bytes);
    }

    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// The head of the next answer; `None` if the server closes instead.
    pub(crate) fn read_head(&mut self) -> Option<Head> {
        let mut text = String::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        let head = Head::parse(&text);
        self.rest = head.rest();
        Some(head)
    }

    /// The rest of the body.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece() {
            body.extend(piece);
        }
        body
    }

    /// The next piece of the body; `None` at its end, also where the connection broke.
    pub(crate) fn piece(&mut self) -> Option<Vec<u8>> {
        match self.rest {
            Rest::None => None,
            Rest::Bytes(count) => {
                self.rest = Rest::None;
                self.take(count)
            }
            Rest::Chunks => {
                let line = self.line()?;
                let size = usize::from_str_radix(line.trim(), 16).expect("the size of a chunk");
                let piece = self.take(size)?;
                self.line()?;
                if size == 0 {
                    self.rest = Rest::None;
                    return None;
                }
                Some(piece)
            }
        }
    }

    /// Whether the body, or the connection, was ended by the server in good order.
    pub(crate) fn is_complete(&self) -> bool {
        self.rest == Rest::None
    }

    /// Reads until the connection ends, and gives what still came. Fails if it does not end.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.kept);
        match self.stream.read_to_end(&mut rest) {
            Err(error) if is_timeout(&error) => panic!("the server does not close"),
            _ => rest,
        }
    }

    /// Closes with a TCP reset, at the drop.
    pub(crate) fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.kept.len() < count {
            self.fill()?;
        }
        Some(self.kept.drain(..count).collect())
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.kept.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.kept.drain(..at + 2).take(at).collect();
                return String::from_utf8(line).ok();
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 64 * 1024];
        match uninterrupted(|| self.stream.read(&mut chunk)) {
            Ok(0) => None,
            Ok(count) => {
                self.kept.extend_from_slice(&chunk[..count]);
                Some(())
            }
            Err(error) if is_timeout(&error) => panic!("the server says nothing"),
            Err(_) => None,
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// rustls as the client of a server that demands a certificate.
pub(crate) fn config(serve: &Serve, leaf: Option<&Leaf>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store(&[serve.authority()]));
    match leaf {
        Some(leaf) => builder.with_client_auth_cert(leaf.chain.clone(), leaf.key_der()).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

impl Head {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { status: status.expect("a status"), headers: lines.map(header).collect() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_event_stream(&self) -> bool {
        self.header("content-type") == Some("text/event-stream")
    }

    fn rest(&self) -> Rest {
        match (self.header("content-length"), self.header("transfer-encoding")) {
            (_, Some("chunked")) => Rest::Chunks,
            (Some(length), _) => Rest::Bytes(length.parse().unwrap()),
            _ => Rest::None,
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// The events of a stream, one by one.
pub(crate) struct Events {
    pub(crate) wire: Wire,
    pub(crate) head: Head,
    text: String,
    /// Comments so far.
    pub(crate) comments: usize,
}

impl Events {
    pub(crate) fn new(wire: Wire, head: Head) -> Self {
        Self { wire, head, text: String::new(), comments: 0 }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let end = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < end, "comments and no event");
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                match Event::parse(&block) {
                    Some(event) => return Some(event),
                    None => self.comments += 1,
                }
                continue;
            }
            let piece = self.wire.piece()?;
            self.text.push_str(&String::from_utf8(piece).unwrap());
        }
    }

    /// The next event with data, as a message.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Value {
        loop {
            let event = self.next().expect("another event");
            if !event.data.is_empty() {
                return serde_json::from_str(&event.data).expect("a message");
            }
        }
    }

    /// All messages up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        let events = std::iter::from_fn(|| self.next()).filter(|event| !event.data.is_empty());
        events.map(|event| serde_json::from_str(&event.data).expect("a message")).collect()
    }
}

impl Event {
    fn parse(block: &str) -> Option<Self> {
        let mut event = Self::default();
        let mut fields = 0;
        for line in block.lines().filter(|line| !line.starts_with(':')) {
            let (name, value) = line.split_once(": ").expect("a field and its value");
            fields += 1;
            let value = value.to_owned();
            match name {
                "id" => event.id = Some(value),
                "event" => event.name = Some(value),
                "retry" => event.retry = Some(value),
                "data" => {
                    assert!(event.data.is_empty(), "a message is one line");
                    event.data = value;
                }
                _ => panic!("a field {name}"),
            }
        }
        (fields > 0).then_some(event)
    }
}
