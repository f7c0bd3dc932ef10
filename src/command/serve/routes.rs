//! Which path is what.

use std::sync::Arc;

use http::Request;
use http::StatusCode;
use hyper::body::Incoming;

use crate::auth::Peer;
use crate::command::serve::config::ServeConfig;
use crate::command::serve::relayed::Relayed;
use crate::command::serve::servers::Servers;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http_listener::Handler;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::refusal;
use crate::transport::sse::server::SseEndpoint;
use crate::transport::sse::server::SseSettings;
use crate::transport::streamable_http::server::Counts;
use crate::transport::streamable_http::server::Endpoint;
use crate::transport::streamable_http::server::ServerSettings;

/// The fronts of one MCP server.
pub(super) struct Routes {
    prefix: String,
    servers: Arc<Servers>,
    streamable: Endpoint<Servers>,
    relayed: Arc<Relayed>,
    sse: SseEndpoint<Relayed>,
}

impl Routes {
    pub(super) fn new(config: &ServeConfig, servers: Arc<Servers>, counts: Arc<Counts>) -> Self {
        let max_body = config.limits.body;
        let settings = ServerSettings {
            max_body,
            max_requests: config.limits.requests,
            session_idle: config.limits.session_idle,
            session_lifetime: config.limits.session_lifetime,
            drain: config.drain(),
        };
        let relayed = Arc::new(Relayed::new(config, Arc::clone(&servers)));
        let messages_path = format!("{}/messages", config.path_prefix);
        Self {
            prefix: config.path_prefix.clone(),
            streamable: Endpoint::new(Arc::clone(&servers), settings, Arc::clone(&counts)),
            sse: SseEndpoint::new(
                Arc::clone(&relayed),
                SseSettings { max_body, messages_path },
                counts,
            ),
            relayed,
            servers,
        }
    }

    /// How many sessions are open, over Streamable HTTP and over HTTP+SSE.
    pub(super) fn sessions(&self) -> (usize, usize) {
        (self.streamable.sessions(), self.sse.sessions())
    }

    /// Ends all sessions as soon as what runs is answered.
    pub(super) fn finish(&self) {
        self.servers.finish();
        self.streamable.finish();
        self.sse.finish();
    }

    /// Waits until no session is left.
    pub(super) async fn finished(&self) {
        tokio::join!(self.streamable.finished(), self.relayed.finished());
    }

    /// Ends them now.
    pub(super) async fn close(&self) {
        tokio::join!(self.streamable.close(), self.relayed.close());
    }
}

impl Handler for Routes {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Arc<Peer>) -> Reply {
        let path = request.uri().path();
        match path.strip_prefix(&*self.prefix).unwrap_or(path) {
            "/mcp" => self.streamable.handle(request, peer).await,
            "/sse" => Box::pin(self.sse.open(request, peer)).await,
            "/messages" => Box::pin(self.sse.post(request, peer)).await,
            _ => {
                let report = Report::new("there is nothing at this path")
                    .hint("the MCP server is at `/mcp`, and for older clients at `/sse`");
                refusal(StatusCode::NOT_FOUND, Kind::Refused, report)
            }
        }
    }
}
