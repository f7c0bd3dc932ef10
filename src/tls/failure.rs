//! What a connection failed with, kept with what is known about the moment.

use std::io;

use crate::tls::facts::Asked;
use crate::tls::notes::Presented;

/// The handshake did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("TLS handshake failed: {source}")]
pub(super) struct HandshakeFailure {
    /// The error of the stream or of rustls.
    pub(super) source: io::Error,
    /// The server's certificate, if it got that far.
    pub(super) presented: Option<Presented>,
    /// Whether the server asked for a certificate of ours.
    pub(super) asked: Option<Asked>,
}

/// The connection ended after the handshake and before the server sent anything. In TLS 1.3 our
/// handshake is over before the server judges our certificate, so that a refusal looks like this
/// when its alert is lost in a reset (rustls/tokio-rustls#38).
#[derive(Debug, thiserror::Error)]
#[error("the connection ended before the server answered: {source}")]
pub(super) struct EarlyEnd {
    /// How it ended.
    pub(super) source: io::Error,
    /// Whether the server had asked for a certificate of ours.
    pub(super) asked: bool,
}

impl HandshakeFailure {
    /// As an I/O error of the same kind.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::new(self.source.kind(), self)
    }
}

impl EarlyEnd {
    /// Marks `source` if it is the end of a connection; others stay what they are.
    pub(super) fn mark(source: io::Error, asked: bool) -> io::Error {
        match source.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof => io::Error::new(source.kind(), Self { source, asked }),
            _ => source,
        }
    }
}
