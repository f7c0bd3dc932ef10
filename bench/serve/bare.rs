//! An MCP server that is no bridge: axum, which answers by itself. It is the limit.

use std::convert::Infallible;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::routing;
use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http::StatusCode;
use http::header;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;

use crate::call;
use crate::front;
use crate::run::Fault;

/// Serves until its input ends.
pub(crate) fn run(folder: &Path) -> Result<(), Fault> {
    let service = TowerToHyperService::new(Router::new().route("/mcp", routing::post(answer)));
    front::run(folder, move |stream| {
        let service = service.clone();
        async move {
            let http = auto::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        }
    })
}

async fn answer(message: Bytes) -> Response<Body> {
    let Some(mut answer) = call::answer(&message) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::ACCEPTED;
        return response;
    };
    let body = match answer.response.len() {
        1 => Body::from(answer.response.remove(0)),
        _ => Body::from_stream(stream::iter(answer.response.into_iter().map(Ok::<_, Infallible>))),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    headers.insert("mcp-session-id", http::HeaderValue::from_static(call::SESSION));
    response
}
