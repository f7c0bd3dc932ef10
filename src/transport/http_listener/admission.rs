//! What is decided about a request before anybody reads it.

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::Version;
use http::header;

use crate::auth::Peer;
use crate::auth::Rules;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http_listener::body::Refused;
use crate::transport::http_listener::body::Reply;
use crate::transport::http_listener::body::empty;
use crate::transport::http_listener::body::refusal;
use crate::transport::http_listener::hosts;
use crate::transport::http_listener::hosts::Foreign;
use crate::transport::http_listener::hosts::Hosts;
use crate::transport::http_listener::hosts::Origins;

/// Who may call, under which name, and from which web pages.
#[derive(Debug)]
pub struct Admission {
    /// Certificates that are let in.
    pub rules: Rules,
    /// Names that stand for us.
    pub hosts: Hosts,
    /// Pages that may call.
    pub origins: Origins,
}

impl Admission {
    /// Why `peer` may not call at all; said in answer to each request, since a handshake that fails
    /// would not tell.
    pub(super) fn refuse_peer(&self, peer: &Peer) -> Option<Report> {
        let refused = self.rules.admit(peer).err()?;
        tracing::warn!("{refused}");
        // Which names would do is nobody's business.
        let report = Report::new("this client certificate is not on the list of this server");
        Some(report.hint("ask whoever runs the server to allow this certificate"))
    }

    /// Lets a request pass, with the origin that may see the answer, or answers it.
    pub(super) fn check<B>(
        &self,
        request: &Request<B>,
        scheme: &str,
    ) -> Result<Option<HeaderValue>, Refused> {
        let is_http2 = request.version() == Version::HTTP_2;
        let headers = request.headers();
        let checked = hosts::target(request.uri(), headers, is_http2).and_then(|target| {
            hosts::check_host(&self.hosts, &target)?;
            hosts::check_origin(&self.origins, headers, scheme, &target)
        });
        let origin = checked.map_err(|foreign| turn_away(&foreign))?;
        match &origin {
            Some(origin) if is_preflight(request) => Err(shown_to(origin, preflight()).into()),
            _ => Ok(origin),
        }
    }
}

/// Adds what a browser wants to see before it shows the answer to a page of `origin`.
pub(super) fn shown_to(origin: &HeaderValue, mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let exposed = HeaderValue::from_static("Mcp-Session-Id");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    reply
}

/// Closes the connection where the bytes on it could be read in two ways.
fn turn_away(foreign: &Foreign) -> Reply {
    let status = match foreign {
        Foreign::Host(_) => StatusCode::BAD_REQUEST,
        Foreign::Name(_) | Foreign::Origin(_) => StatusCode::FORBIDDEN,
    };
    tracing::warn!("turned a request away: {foreign}");
    let mut reply = refusal(status, Kind::Auth, foreign.report());
    if status == StatusCode::BAD_REQUEST {
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Reply {
    let mut reply = empty(StatusCode::NO_CONTENT);
    let headers: &mut HeaderMap = reply.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static(
        "Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, Mcp-Protocol-Version, \
         Mcp-Session-Id",
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    reply
}
