//! One request to the remote and the head of its reply.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::Uri;
use http::header;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::limits;
use crate::report::Failure;
use crate::report::peer_text;
use crate::tls::ClientTls;
use crate::tls::Flaw;
use crate::transport::http::RemoteConfig;
use crate::transport::http::body::Body;
use crate::transport::http::dial::Dial;
use crate::transport::http::fault;
use crate::transport::http::link::Link;
use crate::transport::http::link::LinkError;
use crate::transport::http::milestone::Milestone;
use crate::transport::http::milestone::Observer;
use crate::transport::http::milestone::Stop;
use crate::transport::http::origin::Origin;
use crate::transport::http::pool::Pool;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// An HTTP client for one origin.
pub struct Client {
    url: Url,
    headers: HeaderMap,
    pool: Pool,
}

/// A request to the remote.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where; its origin must be the client's.
    pub url: Url,
    /// Headers beside those of the configuration.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, shared and not copied when it is sent.
    pub body: Bytes,
}

/// The head of a response, and its body to be read.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Values of the user's headers, in a reply that is no success: what repeats them is not shown.
    pub secrets: Vec<HeaderValue>,
    /// What is wrong with our client certificate, in a reply 400, by which some servers refuse one.
    pub flaw: Option<Flaw>,
}

impl Client {
    /// A client for the origin of `config.url`. Nothing is connected yet. `None` unless the scheme
    /// is `https` and there is `tls`, or `http` and there is none: nothing secret goes over plain
    /// text by mistake.
    pub fn new(config: &RemoteConfig, tls: Option<Arc<ClientTls>>) -> Option<Self> {
        Self::observed(config, tls, Observer::default())
    }

    /// The same, and `observer` is told what happens on the way.
    pub fn observed(
        config: &RemoteConfig,
        tls: Option<Arc<ClientTls>>,
        observer: Observer,
    ) -> Option<Self> {
        let origin = Origin::of(&config.url)?;
        if origin.is_secure() != tls.is_some() {
            return None;
        }
        let dial = Dial::new(origin, tls, &config.proxies, config.connect_timeout, observer);
        let mut headers = config.headers.clone();
        headers.entry(header::USER_AGENT).or_insert_with(|| HeaderValue::from_static(USER_AGENT));
        // Without the header any coding would do (RFC 9110 section 12.5.3).
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Some(Self { url: config.url.clone(), headers, pool: Pool::new(dial) })
    }

    /// The endpoint of the configuration.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The endpoint as it may be shown: without a query, which often holds a key.
    pub fn shown_url(&self) -> &str {
        &self.url[..url::Position::AfterPath]
    }

    /// The origin that all requests go to.
    pub fn origin(&self) -> &Origin {
        self.pool.dial().origin()
    }

    /// Who is told what happens.
    pub(crate) fn observer(&self) -> &Observer {
        self.pool.dial().observer()
    }

    /// The failure of a request whose connection was lost after it had been written.
    pub fn outcome_unknown(&self, cause: String) -> Failure {
        fault::outcome_unknown(self.origin(), cause)
    }

    /// The failure of a request that a time limit ended.
    pub fn unanswered(&self, limit: Duration) -> Failure {
        fault::unanswered(self.origin(), limit)
    }

    /// Sends `request`. It is sent a second time only with proof that the remote did not process
    /// it, and to another place only if that lies within the origin (307 and 308: RFC 9110
    /// section 15.4). `sent` is cancelled as soon as the request may have left.
    ///
    /// # Errors
    /// A [`Failure`] that says whether the remote can have processed it.
    pub async fn send(
        &self,
        mut request: Request,
        sent: &CancellationToken,
    ) -> Result<Reply, Failure> {
        for _ in 0..limits::MAX_REDIRECTS {
            let reply = self.send_to(&request, sent).await?;
            let Some(next) = fault::redirect(&request.url, &reply) else { return Ok(reply) };
            if Origin::of(&next).as_ref() != Some(self.origin()) {
                return Err(fault::foreign_redirect(self.origin(), &next));
            }
            request.url = next;
        }
        Err(fault::endless_redirect(self.origin()))
    }

    async fn send_to(&self, request: &Request, sent: &CancellationToken) -> Result<Reply, Failure> {
        let mut retried = false;
        loop {
            let failure = match self.attempt(request, sent).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            if let Some(step) = failure.step {
                let stop = || Stop { step, failure: failure.failure.clone() };
                self.observer().tell(|| Milestone::Stopped(stop()));
            }
            if retried || !failure.again {
                return Err(failure.failure);
            }
            retried = true;
            tokio::time::sleep(failure.pause).await;
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        sent: &CancellationToken,
    ) -> Result<Reply, fault::Attempt> {
        let dial = self.pool.dial();
        let mut link = self.pool.checkout().await.map_err(|e| fault::unreachable(dial, &e))?;
        let wire = self.wire(request, &link);
        let outcome = link.send(wire, sent).await;
        let state = Arc::clone(link.state());
        match outcome {
            Ok(response) => Ok(self.reply(response, link)),
            Err(LinkError::Refused(cause)) => Err(fault::not_sent(dial, &state, &cause)),
            Err(LinkError::NotSent(cause)) => {
                self.pool.forget(&state);
                Err(fault::not_sent(dial, &state, &state.deepest(cause).await))
            }
            Err(LinkError::Unknown(cause)) => {
                self.pool.forget(&state);
                Err(fault::lost(dial, &state, &state.deepest(cause).await))
            }
        }
    }

    fn reply(&self, response: http::Response<Body>, link: Link) -> Reply {
        let (head, body) = response.into_parts();
        self.observer().tell(|| Milestone::Answered {
            status: head.status,
            version: head.version,
            headers: head.headers.clone(),
        });
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = body.expect(length.unwrap_or(0));
        let body = match link {
            Link::Http1(link) => body.give_back(link, self.pool.way_back()),
            Link::Http2(_) => body,
        };
        let refused = !head.status.is_success();
        let secrets = if refused { self.headers.values().cloned().collect() } else { Vec::new() };
        // Certificates are read for it, so not for each refusal of a server that is overloaded.
        let tls = self.pool.dial().tls().filter(|_| head.status == StatusCode::BAD_REQUEST);
        let flaw = tls.and_then(|tls| Flaw::of(&tls.identity_facts()?, SystemTime::now()));
        Reply { status: head.status, headers: head.headers, body, secrets, flaw }
    }

    /// The request as this connection wants it.
    fn wire(&self, request: &Request, link: &Link) -> http::Request<Bytes> {
        let mut wire = http::Request::new(request.body.clone());
        *wire.method_mut() = request.method.clone();
        let mut headers = self.headers.clone();
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.clone());
        }
        let host = headers.remove(header::HOST);
        let host = host.unwrap_or_else(|| self.authority());
        let path = &request.url[url::Position::BeforePath..url::Position::AfterQuery];
        *wire.uri_mut() = match link {
            Link::Http2(_) => absolute(&self.url, &host, path),
            Link::Http1(_) => {
                let forwarded = self.pool.dial().forwarding();
                if let Some(Some(authorization)) = &forwarded {
                    headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
                }
                if forwarded.is_some() {
                    absolute(&self.url, &self.authority(), path)
                } else {
                    path.parse().unwrap_or_default()
                }
            }
        };
        if matches!(link, Link::Http1(_)) {
            headers.insert(header::HOST, host);
        }
        *wire.headers_mut() = headers;
        wire
    }

    /// Host and port as in the URL.
    fn authority(&self) -> HeaderValue {
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// The media type without its parameters, in lower case (RFC 9110 section 8.3.1).
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The coding of a body that cannot be read as it is (RFC 9110 section 8.4), fit to be shown.
pub fn content_coding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_ENCODING)?;
    let coding = peer_text(&String::from_utf8_lossy(value.as_bytes()));
    (!coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).then_some(coding)
}

fn absolute(url: &Url, host: &HeaderValue, path: &str) -> Uri {
    let host = host.to_str().unwrap_or_default();
    Uri::builder()
        .scheme(url.scheme())
        .authority(host)
        .path_and_query(path)
        .build()
        .unwrap_or_default()
}
