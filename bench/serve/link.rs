//! The client: one HTTP connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::run::Fault;

/// Bytes of an answer that are looked at.
const SEEN: usize = 1024;
/// Room for large answers, so that the client is not what holds them up.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// Likewise, for all answers of a connection.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// Where to connect to, and how.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// None: in clear text.
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) is_http2: bool,
}

/// An open connection. It ends when this and its clones are dropped.
pub(crate) enum Link {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What was answered.
pub(crate) struct Answer {
    /// The session, if one begins.
    pub(crate) session: Option<HeaderValue>,
    /// Its size in bytes.
    pub(crate) size: usize,
}

impl Place {
    /// Connects.
    pub(crate) async fn open(&self) -> Result<Link, Fault> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.speak(stream).await,
            Some(tls) => self.speak(tls.connect(self.address.ip().into(), stream).await?).await,
        }
    }

    /// A handshake, and then the end, which the server has to have seen.
    pub(crate) async fn knock(&self) -> Result<(), Fault> {
        let tls = self.tls.as_ref().ok_or("in clear text")?;
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut stream = tls.connect(self.address.ip().into(), stream).await?;
        stream.shutdown().await?;
        let mut room = [0; 512];
        // Broken or ended in good order: it is over.
        while stream.read(&mut room).await.is_ok_and(|read| read > 0) {}
        Ok(())
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Link, Fault> {
        let stream = TokioIo::new(stream);
        if self.is_http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .handshake(stream)
                .await?;
            tokio::spawn(connection);
            return Ok(Link::Http2(sender));
        }
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Link::Http1(sender))
    }
}

impl Link {
    /// Another user of the same connection, where it can have several at a time.
    pub(crate) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        let response = match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        read(response).await
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, Fault> {
    let (head, mut body) = response.into_parts();
    let (mut seen, mut size) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        size += data.len();
        let room = SEEN.saturating_sub(seen.len());
        seen.extend_from_slice(&data[..data.len().min(room)]);
    }
    if !head.status.is_success() || memmem::find(&seen, b"\"error\"").is_some() {
        let text = String::from_utf8_lossy(&seen);
        return Err(format!("answered with {}: {text}", head.status).into());
    }
    Ok(Answer { session: head.headers.get("mcp-session-id").cloned(), size })
}
