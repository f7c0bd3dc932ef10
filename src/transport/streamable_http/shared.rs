//! What all parts of one client share, and how they build a request.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ::http::HeaderName;
use ::http::HeaderValue;
use ::http::Method;
use ::http::header;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::channel::Sender;
use crate::message::Head;
use crate::message::Id;
use crate::message::Message;
use crate::report::Failure;
use crate::transport::http;
use crate::transport::streamable_http::client::Settings;
use crate::transport::streamable_http::flights::Flights;
use crate::transport::streamable_http::headers;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::session::Pass;
use crate::transport::streamable_http::session::Session;
use crate::transport::streamable_http::tools::Tools;

/// `MCP-Session-Id`.
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// `MCP-Protocol-Version`.
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// `Last-Event-ID`.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON_OR_EVENT_STREAM: HeaderValue =
    HeaderValue::from_static("application/json, text/event-stream");

/// The parts of one client.
pub(crate) struct Shared {
    pub(crate) http: Arc<http::Client>,
    pub(crate) host: Sender,
    pub(crate) settings: Settings,
    pub(crate) session: Session,
    pub(crate) flights: Flights,
    /// Asks the client to open the GET stream of the session that is current now.
    pub(crate) reopen: tokio::sync::Notify,
    /// Cancellation of a request by our own time limit, as a message for the lane.
    pub(crate) lane: tokio::sync::mpsc::Sender<crate::transport::streamable_http::lane::Item>,
    tools: Mutex<Tools>,
    own_ids: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        http: Arc<http::Client>,
        host: Sender,
        settings: Settings,
        lane: tokio::sync::mpsc::Sender<crate::transport::streamable_http::lane::Item>,
    ) -> Self {
        Self {
            http,
            host,
            settings,
            session: Session::default(),
            flights: Flights::default(),
            reopen: tokio::sync::Notify::new(),
            lane,
            tools: Mutex::default(),
            own_ids: AtomicU64::new(0),
        }
    }

    /// An id for a request of our own, which no host will choose by chance.
    pub(crate) fn own_id(&self) -> Id {
        let number = self.own_ids.fetch_add(1, Ordering::Relaxed);
        Id::string(&format!("{}:{number}", env!("CARGO_PKG_NAME")))
    }

    /// Posts `message` in the legacy era, in the session of `pass`.
    ///
    /// # Errors
    /// See [`http::Client::send`].
    pub(crate) async fn post(
        &self,
        message: &Message,
        pass: &Pass,
        sent: &CancellationToken,
    ) -> Result<http::Reply, Failure> {
        self.post_with(message, session_headers(pass), sent).await
    }

    /// Posts `message` in the modern era (specification 2026-07-28, "Request Metadata").
    ///
    /// # Errors
    /// See [`http::Client::send`].
    pub(crate) async fn post_modern(
        &self,
        message: &Message,
        head: &Head,
        params: &Params<'_>,
        sent: &CancellationToken,
    ) -> Result<http::Reply, Failure> {
        let method = head.method().unwrap_or_default();
        let version = params.protocol_version.as_deref().unwrap_or_default();
        let mut headers = headers::modern(method, version, params);
        if let ("tools/call", Some(tool)) = (method, &params.name) {
            headers.extend(self.tools(|tools| tools.headers(tool, params.arguments)));
        }
        self.post_with(message, headers, sent).await
    }

    async fn post_with(
        &self,
        message: &Message,
        mut headers: Vec<(HeaderName, HeaderValue)>,
        sent: &CancellationToken,
    ) -> Result<http::Reply, Failure> {
        headers.push((header::CONTENT_TYPE, JSON));
        headers.push((header::ACCEPT, JSON_OR_EVENT_STREAM));
        let body = message.bytes().clone();
        self.http.send(self.request(Method::POST, headers, body), sent).await
    }

    /// Opens an event stream by GET: the session's own, or the rest of a broken one.
    ///
    /// # Errors
    /// See [`http::Client::send`].
    pub(crate) async fn get(
        &self,
        pass: &Pass,
        last_event_id: Option<&str>,
    ) -> Result<http::Reply, Failure> {
        let mut headers = session_headers(pass);
        headers.push((header::ACCEPT, EVENT_STREAM));
        // An id that no header can carry cannot be given back.
        if let Some(id) = last_event_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.push((LAST_EVENT_ID, id));
        }
        let request = self.request(Method::GET, headers, Bytes::new());
        self.http.send(request, &CancellationToken::new()).await
    }

    /// Ends the session.
    ///
    /// # Errors
    /// See [`http::Client::send`].
    pub(crate) async fn delete(&self, pass: &Pass) -> Result<http::Reply, Failure> {
        let request = self.request(Method::DELETE, session_headers(pass), Bytes::new());
        self.http.send(request, &CancellationToken::new()).await
    }

    /// Works on what is known of the tools.
    pub(crate) fn tools<T>(&self, work: impl FnOnce(&mut Tools) -> T) -> T {
        work(&mut self.tools.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn request(
        &self,
        method: Method,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> http::Request {
        http::Request { method, url: self.http.url().clone(), headers, body }
    }
}

fn session_headers(pass: &Pass) -> Vec<(HeaderName, HeaderValue)> {
    let id = pass.id.clone().map(|id| (SESSION_ID, id));
    let version = pass.version.clone().map(|version| (PROTOCOL_VERSION, version));
    id.into_iter().chain(version).collect()
}
