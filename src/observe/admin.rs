//! The admin page: health, readiness and numbers over HTTP, for programs.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::header;
use hyper::body::Incoming;

use crate::auth::Peer;
use crate::observe::metrics;
use crate::observe::metrics::Numbers;
use crate::observe::readiness::Readiness;
use crate::transport::http_listener::Handler;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::empty;
use crate::transport::http_listener::json;

/// What answers on the admin page.
pub struct Admin {
    readiness: Arc<Readiness>,
    numbers: Box<dyn Fn() -> Numbers + Send + Sync>,
}

impl Admin {
    /// Reads `numbers` each time that somebody asks for them.
    pub fn new(
        readiness: Arc<Readiness>,
        numbers: impl Fn() -> Numbers + Send + Sync + 'static,
    ) -> Self {
        Self { readiness, numbers: Box::new(numbers) }
    }

    fn ready(&self) -> Reply {
        match self.readiness.check() {
            Ok(()) => text(StatusCode::OK, "ready"),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, &reason),
        }
    }

    fn metrics(&self) -> Reply {
        match metrics::render((self.numbers)()) {
            Some(page) => typed(StatusCode::OK, metrics::MEDIA_TYPE, page),
            None => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl Handler for Admin {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Arc<Peer>) -> Reply {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "alive"),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics"),
        }
    }
}

fn text(status: StatusCode, line: &str) -> Reply {
    typed(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn typed(status: StatusCode, media_type: &'static str, text: String) -> Reply {
    let mut reply = json(status, Bytes::from(text));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
