//! A small MCP server that counts what it executes, records what it sees, and does as a test says.

mod answers;
mod rules;
mod server;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::background::Background;
use crate::support::mcp::server::Server;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::request::Request;
use crate::support::watched::Watched;

/// What a remote speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Streamable HTTP with sessions, up to 2025-11-25.
    Legacy,
    /// Streamable HTTP of 2026-07-28.
    Modern,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// A remote to be started.
pub(crate) struct Plan {
    flavour: Flavour,
    answers_in_events: bool,
    resumable: bool,
    get_stream: bool,
    tls: Option<TlsAcceptor>,
    scripts: Vec<Script>,
}

/// A running remote. Dropping it fails the test if the bridge broke a rule of its flavour.
pub(crate) struct McpRemote {
    address: SocketAddr,
    server: Arc<Server>,
    _background: Background,
}

/// A request or notification that a script is asked about.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) message: &'a Value,
    /// How many with the same key came before it.
    pub(crate) number: usize,
}

type Answer = Box<dyn FnMut(&Call<'_>) -> Option<Reply> + Send>;

struct Script {
    key: String,
    answer: Answer,
}

/// What happened so far.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) requests: Vec<Request>,
    /// Executions of `tools/call` by the JSON text of its id.
    pub(crate) executions: BTreeMap<String, usize>,
    /// Ids whose response nobody read to its end.
    pub(crate) dropped: Vec<String>,
    /// Rules that the bridge broke.
    pub(crate) complaints: Vec<String>,
    pub(crate) connections: usize,
}

impl Plan {
    pub(crate) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            answers_in_events: false,
            resumable: false,
            get_stream: false,
            tls: None,
            scripts: Vec::new(),
        }
    }

    pub(crate) fn legacy() -> Self {
        Self::new(Flavour::Legacy)
    }

    pub(crate) fn modern() -> Self {
        Self::new(Flavour::Modern)
    }

    pub(crate) fn sse() -> Self {
        Self::new(Flavour::Sse)
    }

    /// Each answer comes as an event stream rather than as JSON.
    pub(crate) fn answers_in_events(mut self) -> Self {
        self.answers_in_events = true;
        self
    }

    /// As events with ids, which a GET with `Last-Event-ID` replays.
    pub(crate) fn resumable(mut self) -> Self {
        self.resumable = true;
        self.answers_in_events()
    }

    /// GET opens a stream rather than failing with 405.
    pub(crate) fn with_get_stream(mut self) -> Self {
        self.get_stream = true;
        self
    }

    pub(crate) fn behind(mut self, tls: TlsAcceptor) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Lets `answer` decide what follows on a message with this method, on a `response`, or on an
    /// HTTP method without a message. `None`: what the remote does by itself.
    pub(crate) fn on<F>(mut self, key: &str, answer: F) -> Self
    where
        F: FnMut(&Call<'_>) -> Option<Reply> + Send + 'static,
    {
        self.scripts.push(Script { key: key.to_owned(), answer: Box::new(answer) });
        self
    }

    /// The same reply each time.
    pub(crate) fn always(self, key: &str, reply: Reply) -> Self {
        self.on(key, move |_| Some(reply.clone()))
    }

    /// This reply to the first one only.
    pub(crate) fn once(self, key: &str, reply: Reply) -> Self {
        self.on(key, move |call| (call.number == 0).then(|| reply.clone()))
    }

    pub(crate) fn start(self) -> McpRemote {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Server::new(self));
        let serving = Arc::clone(&server);
        let background = Background::start(move |note| server::serve(serving, listener, note));
        McpRemote { address, server, _background: background }
    }
}

impl McpRemote {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint. Over TLS the host is `localhost`.
    pub(crate) fn url(&self) -> String {
        let path = if self.server.flavour == Flavour::Sse { "sse" } else { "mcp" };
        match self.server.tls {
            Some(_) => format!("https://localhost:{}/{path}", self.address.port()),
            None => format!("http://{}/{path}", self.address),
        }
    }

    /// The requests with this key (see [`Plan::on`]), in the order of their arrival.
    pub(crate) fn requests(&self, key: &str) -> Vec<Request> {
        let record = self.record().lock();
        record.requests.iter().filter(|request| request.what() == key).cloned().collect()
    }

    /// The keys of all requests, in the order of their arrival.
    pub(crate) fn order(&self) -> Vec<String> {
        self.record().lock().requests.iter().map(Request::what).collect()
    }

    /// The messages of all requests, in the order of their arrival.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.record().lock().requests.iter().map(Request::json).collect()
    }

    /// Waits until `count` requests with this key have come.
    #[track_caller]
    pub(crate) fn wait_for(&self, key: &str, count: usize) -> Vec<Request> {
        self.record().wait(&format!("{key} number {count} at the remote"), |record| {
            let found = record.requests.iter().filter(|request| request.what() == key);
            let found: Vec<Request> = found.cloned().collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// How often `tools/call` with this id was executed.
    pub(crate) fn executions(&self, id: impl Into<Value>) -> usize {
        let id = id.into().to_string();
        self.record().lock().executions.get(&id).copied().unwrap_or(0)
    }

    /// Waits until the response to this id was dropped before its end.
    #[track_caller]
    pub(crate) fn wait_for_drop(&self, id: impl Into<Value>) {
        let id = id.into().to_string();
        self.record().wait(&format!("drop of the response to {id}"), |record| {
            record.dropped.contains(&id).then_some(())
        });
    }

    pub(crate) fn connections(&self) -> usize {
        self.record().lock().connections
    }

    /// Waits until that many GET streams have been opened.
    #[track_caller]
    pub(crate) fn wait_for_stream(&self, count: usize) {
        self.server.wait_for_stream(count);
    }

    /// Writes on the newest GET stream.
    pub(crate) fn push(&self, step: Step) {
        self.server.push(step);
    }

    /// Ends the newest GET stream in good order.
    pub(crate) fn end_stream(&self) {
        self.server.end_stream();
    }

    /// All sessions are unknown from now on, as after a restart.
    pub(crate) fn forget_sessions(&self) {
        self.server.forget_sessions();
    }

    /// Breaks all connections.
    pub(crate) fn cut(&self) {
        let token = std::mem::replace(&mut *self.server.cut.lock(), CancellationToken::new());
        token.cancel();
    }

    /// The rules that the bridge broke, which are then no longer held against it.
    pub(crate) fn take_complaints(&self) -> Vec<String> {
        self.record().change(|record| std::mem::take(&mut record.complaints))
    }

    fn record(&self) -> &Watched<Record> {
        &self.server.record
    }
}

impl Drop for McpRemote {
    fn drop(&mut self) {
        let complaints = self.take_complaints();
        assert!(complaints.is_empty() || std::thread::panicking(), "{complaints:#?}");
    }
}

impl Call<'_> {
    pub(crate) fn id(&self) -> &Value {
        &self.message["id"]
    }

    /// An answer to this request.
    pub(crate) fn result(&self, result: Value) -> String {
        serde_json::json!({"jsonrpc": "2.0", "id": self.id(), "result": result}).to_string()
    }

    /// An error answer to this request.
    pub(crate) fn error(&self, code: i32, message: &str) -> String {
        let error = serde_json::json!({"code": code, "message": message});
        serde_json::json!({"jsonrpc": "2.0", "id": self.id(), "error": error}).to_string()
    }
}
