//! An encrypted stream, so that nobody else names rustls.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use crate::tls::facts::Asked;
use crate::tls::facts::HandshakeFacts;
use crate::tls::failure::EarlyEnd;

/// The protocols that are offered in the handshake (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// `h2` and `http/1.1`: the server takes the one it likes.
    H2AndHttp1,
    /// `http/1.1` alone.
    Http1,
    /// No extension at all.
    None,
}

impl Alpn {
    /// The names on the wire, the preferred first.
    pub(super) fn names(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::H2AndHttp1 => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::None => &[],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// A TLS stream over `S`, either side of it.
#[derive(Debug)]
pub struct TlsStream<S> {
    inner: tokio_rustls::TlsStream<S>,
    /// Whether the peer has sent any data: until then an end may be a refused certificate.
    received: bool,
    asked: Option<Asked>,
}

impl<S> TlsStream<S> {
    /// `asked`: what the peer, a server, asked us for.
    pub(super) fn new(inner: impl Into<tokio_rustls::TlsStream<S>>, asked: Option<Asked>) -> Self {
        Self { inner: inner.into(), received: false, asked }
    }

    /// What the handshake told.
    pub fn facts(&self) -> HandshakeFacts {
        HandshakeFacts::of(self.inner.get_ref().1, self.asked.clone())
    }

    /// Whether both sides agreed on HTTP/2.
    pub fn negotiated_h2(&self) -> bool {
        self.inner.get_ref().1.alpn_protocol() == Some(b"h2")
    }

    /// The certificate that the peer proved to hold, as DER; the leaf alone.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.inner.get_ref().1.peer_certificates()?.first().map(|leaf| leaf.as_ref())
    }

    /// The stream below, for its socket options and addresses.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref().0
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// The peer may have sent an alert and closed while we wrote: the alert says more.
    fn write_failed(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        if self.received {
            return error;
        }
        // No room, so that no data is taken out: an early answer must reach the reader.
        let mut nothing = ReadBuf::new(&mut []);
        match Pin::new(&mut self.inner).poll_read(cx, &mut nothing) {
            Poll::Ready(Err(alert)) if alert.kind() == io::ErrorKind::InvalidData => alert,
            _ => EarlyEnd::mark(error, self.asked.is_some()),
        }
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        result.map_err(|error| self.write_failed(cx, error))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if self.received {
            return result;
        }
        self.received = buffer.filled().len() > before;
        let asked = self.asked.is_some();
        result.map_err(|error| EarlyEnd::mark(error, asked))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.written(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::Context;
    use std::task::Poll;

    use tokio::io::AsyncRead;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWrite;
    use tokio::io::AsyncWriteExt;
    use tokio::io::DuplexStream;
    use tokio::io::ReadBuf;

    use super::Alpn;
    use super::TlsStream;
    use crate::tls::Authority;
    use crate::tls::ClientTls;
    use crate::tls::Peer;
    use crate::tls::ServerTls;
    use crate::tls::explain;

    /// A pipe that the other side has stopped reading, once it is told so.
    #[derive(Debug)]
    struct Pipe {
        inner: DuplexStream,
        broken: bool,
    }

    impl AsyncRead for Pipe {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            Pin::new(&mut self.inner).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.inner).poll_shutdown(cx)
        }
    }

    /// A client whose writes fail from now on, after the server has said what it has to say.
    async fn cut_off(with_identity: bool) -> TlsStream<Pipe> {
        let authority = Authority::new("test CA").unwrap();
        let identity = with_identity.then(|| authority.client("dev").unwrap());
        let client = ClientTls::in_memory(identity.as_ref(), &authority).unwrap();
        let server =
            ServerTls::new(&authority.server(&["a.example"]).unwrap(), &authority, Alpn::None);
        let server = server.unwrap();
        let (near, far) = tokio::io::duplex(64 * 1024);
        let serve = async {
            let (mut stream, _) = server.accept(far).await.map_err(io::Error::other)?;
            stream.write_all(b"early").await?;
            stream.shutdown().await
        };
        let near = Pipe { inner: near, broken: false };
        let (client, served) = tokio::join!(client.connect("a.example", near, Alpn::None), serve);
        assert_eq!(served.is_ok(), with_identity);
        let mut client = client.unwrap();
        client.inner.get_mut().0.broken = true;
        client
    }

    #[tokio::test]
    async fn an_alert_that_waits_is_the_error_of_a_failed_write() {
        let error = cut_off(false).await.write_u8(1).await.unwrap_err();
        let about = Peer { host: "a", port: 1, identity: None };
        let cause = explain(&error, &about).unwrap().cause;
        assert!(cause.contains("`certificate_required`"), "{cause}");
    }

    #[tokio::test]
    async fn an_answer_that_waits_survives_a_failed_write() {
        let mut stream = cut_off(true).await;
        assert_eq!(stream.write_u8(1).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"early");
    }
}
