//! From a name to a connection that speaks HTTP: name, TCP, proxy, TLS.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::header;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::limits;
use crate::task::Tasks;
use crate::tls;
use crate::tls::Alpn;
use crate::tls::ClientTls;
use crate::transport::http::http1::Http1;
use crate::transport::http::http2::Http2;
use crate::transport::http::link::Cause;
use crate::transport::http::link::Link;
use crate::transport::http::milestone::Milestone;
use crate::transport::http::milestone::Observer;
use crate::transport::http::milestone::Step;
use crate::transport::http::origin::Origin;
use crate::transport::http::proxy::Proxies;
use crate::transport::http::proxy::Proxy;
use crate::transport::http::proxy::Scheme;
use crate::transport::http::socks;
use crate::transport::http::socks::SocksError;
use crate::transport::http::socks::Target;

/// Opens connections to one origin.
pub(crate) struct Dial {
    origin: Origin,
    tls: Option<Arc<ClientTls>>,
    proxy: Option<Proxy>,
    limit: Duration,
    tcp: HttpConnector<Lookup>,
    observer: Observer,
    tasks: Tasks,
}

/// How far a connection came, and what stopped it.
#[derive(Debug)]
pub(crate) struct DialError {
    pub(crate) step: Step,
    pub(crate) cause: Cause,
}

/// The name has no address. A type of its own, so that it can be told from other TCP failures.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NameError(#[source] io::Error);

/// What a proxy said instead of opening the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("the proxy answered CONNECT with {0}")]
    Refused(StatusCode),
    #[error("only `http`, `socks5` and `socks5h` proxies are supported")]
    Scheme,
    #[error("{0}")]
    Socks(SocksError),
}

impl Dial {
    pub(crate) fn new(
        origin: Origin,
        tls: Option<Arc<ClientTls>>,
        proxies: &Proxies,
        limit: Duration,
        observer: Observer,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Lookup { observer: observer.clone() });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(limits::TCP_KEEPALIVE));
        tcp.set_keepalive_interval(Some(limits::TCP_KEEPALIVE_INTERVAL));
        tcp.set_keepalive_retries(Some(limits::TCP_KEEPALIVE_RETRIES));
        let proxy = proxies.to(&origin);
        Self { origin, tls, proxy, limit, tcp, observer, tasks: Tasks::new() }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    pub(crate) fn tls(&self) -> Option<&Arc<ClientTls>> {
        self.tls.as_ref()
    }

    /// The credentials that each request needs when it goes through a proxy in plain text.
    pub(crate) fn forwarding(&self) -> Option<Option<HeaderValue>> {
        let proxy = self.proxy.as_ref()?;
        let forwarded = self.tls.is_none() && matches!(proxy.scheme(), Scheme::Http);
        forwarded.then(|| proxy.authorization())
    }

    /// One attempt, within the limit.
    pub(crate) async fn connect(&self) -> Result<Link, DialError> {
        tokio::time::timeout(self.limit, self.attempt()).await.unwrap_or_else(|_| {
            let late = format!("no connection within {:?}", self.limit);
            Err(failed(Step::TimeLimit, io::Error::new(io::ErrorKind::TimedOut, late)))
        })
    }

    async fn attempt(&self) -> Result<Link, DialError> {
        self.observer.tell(|| Milestone::Begins {
            proxy: self.proxy.as_ref().map(|proxy| (proxy.to_string(), proxy.source().to_owned())),
        });
        let Some(proxy) = &self.proxy else {
            return self.secure(self.tcp(self.target()?).await?).await;
        };
        match proxy.scheme() {
            Scheme::Http if self.tls.is_some() => self.secure(self.tunnel(proxy).await?).await,
            Scheme::Http => self.speak(self.tcp(proxy.uri().clone()).await?, false).await,
            Scheme::Socks => self.secure(self.socks(proxy).await?).await,
            Scheme::Unsupported => Err(failed(Step::Proxy, ProxyError::Scheme)),
        }
    }

    /// The origin as a URI.
    fn target(&self) -> Result<Uri, DialError> {
        let scheme = if self.origin.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}/", self.origin).parse().map_err(|e| failed(Step::Name, e))
    }

    async fn tcp(&self, to: Uri) -> Result<TcpStream, DialError> {
        let stream = self.tcp.clone().call(to).await.map_err(|e| {
            let step = if is_name_error(&e) { Step::Name } else { Step::Tcp };
            failed(step, e)
        })?;
        let stream = stream.into_inner();
        if let (Ok(from), Ok(to)) = (stream.local_addr(), stream.peer_addr()) {
            self.observer.tell(|| Milestone::Connected { from, to });
        }
        Ok(stream)
    }

    /// RFC 9110 section 9.3.6: the proxy is asked for the URL's own host and port.
    async fn tunnel(&self, proxy: &Proxy) -> Result<TokioIo<hyper::upgrade::Upgraded>, DialError> {
        let stream = TokioIo::new(self.tcp(proxy.uri().clone()).await?);
        let (mut requests, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|e| failed(Step::Proxy, e))?;
        self.tasks.spawn(async move {
            // Its error is that of the request below.
            let _ = connection.with_upgrades().await;
        });
        let authority = self.origin.to_string();
        let mut request = Request::connect(&authority).header(header::HOST, &authority);
        if let Some(authorization) = proxy.authorization() {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        let request = request
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .map_err(|e| failed(Step::Proxy, e))?;
        let response = requests.send_request(request).await.map_err(|e| failed(Step::Proxy, e))?;
        let status = Some(response.status());
        self.observer.tell(|| Milestone::ProxyAnswered { status });
        if !response.status().is_success() {
            return Err(failed(Step::Proxy, ProxyError::Refused(response.status())));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|e| failed(Step::Proxy, e))?;
        Ok(TokioIo::new(upgraded))
    }

    /// A name that is looked up here may have several addresses: each gets its chance.
    async fn socks(&self, proxy: &Proxy) -> Result<TcpStream, DialError> {
        let failed = |e| failed(Step::Proxy, ProxyError::Socks(e));
        let mut targets = self.socks_targets(proxy).await.map_err(failed)?.into_iter();
        loop {
            let Some(target) = targets.next() else {
                let none = io::Error::from(io::ErrorKind::NotFound);
                return Err(failed(SocksError::Unknown(self.origin.name().to_owned(), none)));
            };
            let mut stream = self.tcp(proxy.socks_uri()).await?;
            match socks::open(&mut stream, &target, proxy.login()).await {
                Ok(()) => {
                    self.observer.tell(|| Milestone::ProxyAnswered { status: None });
                    return Ok(stream);
                }
                Err(SocksError::Refused(_)) if targets.len() > 0 => {}
                Err(e) => return Err(failed(e)),
            }
        }
    }

    async fn socks_targets(&self, proxy: &Proxy) -> Result<Vec<Target>, SocksError> {
        let (name, port) = (self.origin.name(), self.origin.port());
        if let Ok(address) = name.parse() {
            return Ok(vec![Target::Address(address, port)]);
        }
        if proxy.resolves_names() {
            return Ok(vec![Target::Name(name.to_owned(), port)]);
        }
        let unknown = |e| SocksError::Unknown(name.to_owned(), e);
        let found = tokio::net::lookup_host((name, port)).await.map_err(unknown)?;
        Ok(found.map(|address| Target::Address(address.ip(), port)).collect())
    }

    async fn secure<S>(&self, stream: S) -> Result<Link, DialError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(own) = &self.tls else { return self.speak(stream, false).await };
        // TLS reads in small steps: without this each one is a system call.
        let stream = BufReader::with_capacity(limits::RECEIVE_BYTES, stream);
        let name = self.origin.name();
        let stream = own.connect(name, stream, Alpn::H2AndHttp1).await.map_err(|e| {
            if let Some(facts) = tls::handshake_facts(&e) {
                self.observer.tell(|| Milestone::Unsecured(Box::new(own.complete(name, facts))));
            }
            failed(Step::Tls, e)
        })?;
        self.observer.tell(|| Milestone::Secured(Box::new(own.complete(name, stream.facts()))));
        let http2 = stream.negotiated_h2();
        self.speak(stream, http2).await
    }

    async fn speak<S>(&self, stream: S, http2: bool) -> Result<Link, DialError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let link = if http2 {
            Http2::open(stream, &self.tasks).await.map(Link::Http2)
        } else {
            Http1::open(stream, &self.tasks).await.map(Link::Http1)
        };
        link.map_err(|cause| DialError { step: Step::Http, cause })
    }
}

fn failed(step: Step, cause: impl Error + Send + Sync + 'static) -> DialError {
    DialError { step, cause: Arc::new(cause) }
}

fn is_name_error(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<NameError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Name resolution by the system.
#[derive(Clone)]
struct Lookup {
    observer: Observer,
}

impl Service<Name> for Lookup {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NameError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NameError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NameError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let observer = self.observer.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NameError)?;
            let found: Vec<SocketAddr> = found.collect();
            observer.tell(|| Milestone::Resolved {
                name: name.as_str().to_owned(),
                addresses: found.iter().map(SocketAddr::ip).collect(),
            });
            Ok(found.into_iter())
        })
    }
}
