//! A request as a remote saw it.

use std::io;
use std::io::Read;

use serde_json::Value;

use crate::support::patient::uninterrupted;

/// One HTTP request. Over HTTP/1.1 the headers stand as they came, with case and repetitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Which connection of the remote carried it, counted from 0.
    pub(crate) connection: usize,
    /// The server name of the TLS handshake.
    pub(crate) server_name: Option<String>,
    /// Whether the peer showed a client certificate.
    pub(crate) certified: bool,
    pub(crate) http2: bool,
}

impl Request {
    /// The value of a header; the first one, if it stands more than once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).first().copied()
    }

    /// All values of a header, in their order.
    pub(crate) fn headers_named(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The JSON-RPC method; `response` for a response, the HTTP method where there is no message.
    pub(crate) fn what(&self) -> String {
        match self.json() {
            Value::Object(message) => match message.get("method") {
                Some(method) => method.as_str().unwrap_or_default().to_owned(),
                None => "response".to_owned(),
            },
            Value::Array(_) => "batch".to_owned(),
            _ => self.method.clone(),
        }
    }

    /// Reads one HTTP/1.1 request from `stream`; `None` if it ends before the request does. Bytes
    /// that belong to the next one stay in `kept`.
    pub(crate) fn read(stream: &mut dyn Read, kept: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let Some(end) = fill_until(stream, kept, |bytes| find(bytes, b"\r\n\r\n"))? else {
            return Ok(None);
        };
        let head: Vec<u8> = kept.drain(..end + 4).collect();
        let mut request = Self::from_head(&String::from_utf8_lossy(&head));
        let length = request.header("content-length").map_or(0, |n| n.parse().unwrap());
        assert!(request.header("transfer-encoding").is_none(), "the bridge knows every length");
        if fill_until(stream, kept, |bytes| (bytes.len() >= length).then_some(0))?.is_none() {
            return Ok(None);
        }
        let body = kept.drain(..length).collect();
        request.body = String::from_utf8(body).expect("a body is UTF-8");
        Ok(Some(request))
    }

    fn from_head(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
        let (method, path) = (first.next().unwrap(), first.next().unwrap());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_owned(), value.trim().to_owned())
        };
        Self { method, path, headers: lines.map(header).collect(), ..Self::default() }
    }
}

fn fill_until(
    stream: &mut dyn Read,
    kept: &mut Vec<u8>,
    ready: impl Fn(&[u8]) -> Option<usize>,
) -> io::Result<Option<usize>> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(at) = ready(kept) {
            return Ok(Some(at));
        }
        match uninterrupted(|| stream.read(&mut chunk))? {
            0 => return Ok(None),
            count => kept.extend_from_slice(&chunk[..count]),
        }
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
