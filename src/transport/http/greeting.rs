//! The first bytes that a peer says over HTTP/1.1: they tell a server that fails from something
//! that is no HTTP server at all.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use crate::limits;
use crate::transport::http::link::LinkState;

/// What the first bytes of a peer show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// No byte came.
    Silence,
    /// The beginning of an HTTP/1 response, or too little to tell.
    Http,
    /// A TLS record in plain text (RFC 8446 section 5.1).
    Tls,
    /// Certainly something else; its first word, where that is text.
    Foreign(Option<String>),
}

impl Greeting {
    /// Judges the first bytes of a peer.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        const START: &[u8] = b"HTTP/";
        // RFC 9112 section 2.2: empty lines may come before a message.
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let told = &bytes[blank..];
        match (bytes, told) {
            ([], _) => Self::Silence,
            // The types of a record are 20 to 24, and its version is 3.x.
            ([20..=24, 3, ..], _) => Self::Tls,
            (_, told) if told.starts_with(START) || START.starts_with(told) => Self::Http,
            // The first word alone: an echo of our own request holds its path behind it.
            (_, told) => {
                let word = told.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
                let text = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
                Self::Foreign(text.then(|| String::from_utf8_lossy(word).into_owned()))
            }
        }
    }
}

/// A stream whose first bytes are noted in a [`LinkState`], and which does not go on for ever without a
/// response in it.
pub(crate) struct Greeted<S> {
    stream: S,
    state: Arc<LinkState>,
    // Enough of the first bytes is noted.
    noted: bool,
}

/// Interim responses (RFC 9110 section 15.2) may come as long as the server likes, and hyper reads on as
/// long as they come.
#[derive(Debug, thiserror::Error)]
#[error("more than {} KiB came, and no response in them", limits::HEAD_BYTES / 1024)]
struct Endless;

impl<S> Greeted<S> {
    /// Notes the first bytes of `stream` in `state`.
    pub(crate) fn new(stream: S, state: Arc<LinkState>) -> Self {
        Self { stream, state, noted: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let told = buffer.filled().get(before..).unwrap_or_default();
        if !self.noted {
            self.noted = self.state.note_greeting(told);
        }
        if self.state.waits_in_vain(told.len()) {
            return Poll::Ready(Err(io::Error::other(Endless)));
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use crate::transport::http::greeting::Greeting;

    #[test]
    fn only_what_cannot_become_a_response_is_foreign() {
        for http in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/9", "\r\n", "\r\nHTT"] {
            assert_eq!(Greeting::of(http.as_bytes()), Greeting::Http, "{http:?}");
        }
        for tls in [b"\x15\x03\x01\x00\x02\x02\x46", b"\x16\x03\x03\x00\x7a\x02\x00"] {
            assert_eq!(Greeting::of(tls), Greeting::Tls);
        }
        let word = |text: &str| Greeting::Foreign(Some(text.to_owned()));
        assert_eq!(Greeting::of(b"SSH-2.0-x\r\n"), word("SSH-2.0-x"));
        assert_eq!(Greeting::of(b"POST /mcp?key=marker HTTP/1.1"), word("POST"));
        assert_eq!(Greeting::of(b"\0\x01"), Greeting::Foreign(None));
        assert_eq!(Greeting::of(b""), Greeting::Silence);
    }
}
