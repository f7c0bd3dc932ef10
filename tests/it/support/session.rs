//! MCP clients of a running `serve`, in both eras.

use serde_json::Value;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::host::MODERN;
use crate::support::http::Answer;
use crate::support::http::Ask;
use crate::support::http::Events;
use crate::support::http::Wire;
use crate::support::pki::Leaf;
use crate::support::serve::Serve;

/// A session of the legacy era.
#[derive(Clone)]
pub(crate) struct Session<'a> {
    serve: &'a Serve,
    leaf: Option<&'a Leaf>,
    pub(crate) id: String,
    version: String,
}

/// What a request was answered with, of whatever form.
pub(crate) enum Told {
    Once(Answer),
    Streamed(Events),
}

impl<'a> Session<'a> {
    /// Opened without a certificate.
    #[track_caller]
    pub(crate) fn open(serve: &'a Serve) -> Self {
        Self::open_as(serve, None, LEGACY)
    }

    #[track_caller]
    pub(crate) fn open_as(serve: &'a Serve, leaf: Option<&'a Leaf>, version: &str) -> Self {
        let mut wire = connect(serve, leaf);
        let answer = wire.ask(&Ask::post(initialize(version)));
        assert_eq!(answer.head.status, 200, "{answer:?}");
        let id = answer.head.header("mcp-session-id").expect("a session id").to_owned();
        let session = Self { serve, leaf, id, version: version.to_owned() };
        let done = session.post(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(done.head.status, 202, "{done:?}");
        session
    }

    pub(crate) fn wire(&self) -> Wire {
        connect(self.serve, self.leaf)
    }

    /// Adds what belongs to the session.
    pub(crate) fn sign(&self, ask: Ask) -> Ask {
        ask.header("mcp-session-id", &self.id).header("mcp-protocol-version", &self.version)
    }

    /// Sends a message on a connection of its own, and reads the whole answer.
    #[track_caller]
    pub(crate) fn post(&self, message: Value) -> Answer {
        self.wire().ask(&self.sign(Ask::post(message)))
    }

    /// Sends a request, and leaves the answer to be read.
    #[track_caller]
    pub(crate) fn tell(&self, message: Value) -> Told {
        let mut wire = self.wire();
        let head = wire.head(&self.sign(Ask::post(message)));
        if head.is_event_stream() {
            return Told::Streamed(Events::new(wire, head));
        }
        let body = String::from_utf8(wire.body()).unwrap();
        Told::Once(Answer { head, body })
    }

    /// The stream for what the server says of its own accord.
    #[track_caller]
    pub(crate) fn listen(&self) -> Events {
        self.resume(None)
    }

    /// The same, or a stream taken up after an event.
    #[track_caller]
    pub(crate) fn resume(&self, last: Option<&str>) -> Events {
        let mut ask = self.sign(Ask::stream("/mcp"));
        if let Some(last) = last {
            ask = ask.header("last-event-id", last);
        }
        let mut wire = self.wire();
        let head = wire.head(&ask);
        assert_eq!(head.status, 200, "{head:?}");
        Events::new(wire, head)
    }

    /// What a tool says.
    #[track_caller]
    pub(crate) fn call(&self, id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
        let told = self.tell(call(id, tool, arguments));
        told.last()
    }

    /// Ends it; the status.
    pub(crate) fn delete(&self) -> u16 {
        let ask = self.sign(Ask::new("DELETE", "/mcp"));
        self.wire().ask(&ask).head.status
    }

    /// The status of a request now.
    pub(crate) fn status(&self) -> u16 {
        self.post(json!({"jsonrpc": "2.0", "id": "still there?", "method": "ping"})).head.status
    }
}

impl Told {
    /// All messages.
    #[track_caller]
    pub(crate) fn all(self) -> Vec<Value> {
        match self {
            Self::Once(answer) => vec![answer.json()],
            Self::Streamed(mut events) => events.rest(),
        }
    }

    /// The last message, which is the answer.
    #[track_caller]
    pub(crate) fn last(self) -> Value {
        self.all().pop().expect("an answer")
    }

    #[track_caller]
    pub(crate) fn streamed(self) -> Events {
        match self {
            Self::Streamed(events) => events,
            Self::Once(answer) => panic!("no stream: {answer:?}"),
        }
    }
}

pub(crate) fn connect(serve: &Serve, leaf: Option<&Leaf>) -> Wire {
    match leaf {
        Some(leaf) => Wire::of(serve, leaf),
        None => Wire::to(serve),
    }
}

pub(crate) fn initialize(version: &str) -> Value {
    let info = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

/// A call of a tool.
pub(crate) fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    let (id, params) = (id.into(), json!({"name": tool, "arguments": arguments}));
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

/// A call whose progress is asked for.
pub(crate) fn call_with_progress(id: u64, token: impl Into<Value>, steps: usize) -> Value {
    let mut message = call(id, "progress", json!({"steps": steps}));
    message["params"]["_meta"] = json!({"progressToken": token.into()});
    message
}

/// The text of a tool's answer.
#[track_caller]
pub(crate) fn text(answer: &Value) -> &str {
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {answer}"))
}

/// A modern request with all that it has to say of itself.
pub(crate) fn modern(message: Value) -> Ask {
    let mut message = message;
    let meta = &mut message["params"]["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let method = message["method"].as_str().unwrap().to_owned();
    let name = message["params"]["name"].as_str().map(str::to_owned);
    let ask =
        Ask::post(message).header("mcp-protocol-version", MODERN).header("mcp-method", method);
    match name {
        Some(name) => ask.header("mcp-name", name),
        None => ask,
    }
}
