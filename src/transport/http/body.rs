//! The body of a response, chunk by chunk.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::transport::http::http1::Http1;
use crate::transport::http::link::Cause;
use crate::transport::http::link::LinkState;
use crate::transport::http::pool::Idle;
use crate::transport::http::turns::Turn;

/// A response body. Dropping it before its end tells the remote that nobody reads on (HTTP/2 resets
/// the stream, HTTP/1.1 closes the connection).
pub struct Body {
    wire: Wire,
    // What the remote announced, in bytes; 0 if it did not.
    expected: u64,
    // Where the connection goes back to once the body was read to its end.
    back: Option<(Http1, Idle)>,
}

enum Wire {
    Http1(Box<hyper::body::Incoming>),
    // The turn is given back after the stream.
    Http2 { stream: h2::RecvStream, state: Arc<LinkState>, _turn: Turn },
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The connection broke.
    #[error("{0}")]
    Broken(Cause),
    /// More bytes than allowed.
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

impl Body {
    pub(crate) fn http1(incoming: hyper::body::Incoming) -> Self {
        Self { wire: Wire::Http1(Box::new(incoming)), expected: 0, back: None }
    }

    pub(crate) fn http2(stream: h2::RecvStream, state: Arc<LinkState>, turn: Turn) -> Self {
        let wire = Wire::Http2 { stream, state, _turn: turn };
        Self { wire, expected: 0, back: None }
    }

    /// Notes the length that the remote announced, in bytes.
    pub(crate) fn expect(mut self, length: u64) -> Self {
        self.expected = length;
        self
    }

    /// Puts `link` into `idle` when the body was read to its end.
    pub(crate) fn give_back(mut self, link: Http1, idle: Idle) -> Self {
        self.back = Some((link, idle));
        self
    }

    /// The next bytes; `None` at the end. Cancel safe. The window of an HTTP/2 stream opens by what
    /// was taken, so a reader that waits makes the remote wait.
    ///
    /// # Errors
    /// The connection's error, where it broke before the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        let chunk = match &mut self.wire {
            Wire::Http1(incoming) => http1_chunk(incoming).await?,
            Wire::Http2 { stream, state, .. } => http2_chunk(stream, state).await?,
        };
        if chunk.is_none()
            && let Some((link, idle)) = self.back.take()
        {
            idle.put(link);
        }
        Ok(chunk)
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] above `limit` bytes.
    pub async fn read(mut self, limit: usize) -> Result<Bytes, ReadError> {
        let expected = self.expected;
        if expected > limit as u64 {
            return Err(ReadError::TooLarge(limit));
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut whole = None;
        while let Some(chunk) = self.chunk().await? {
            let whole = whole.get_or_insert_with(|| gather(&first, expected));
            if whole.len() + chunk.len() > limit {
                return Err(ReadError::TooLarge(limit));
            }
            whole.extend_from_slice(&chunk);
        }
        let whole = whole.map_or(first, BytesMut::freeze);
        if whole.len() > limit { Err(ReadError::TooLarge(limit)) } else { Ok(whole) }
    }
}

fn gather(first: &Bytes, expected: u64) -> BytesMut {
    // Pages that are never written cost nothing, so the announced length may be taken at its word.
    let room = usize::try_from(expected).unwrap_or(0).max(first.len() * 2);
    let mut whole = BytesMut::with_capacity(room);
    whole.extend_from_slice(first);
    whole
}

async fn http1_chunk(incoming: &mut hyper::body::Incoming) -> Result<Option<Bytes>, ReadError> {
    while let Some(frame) = Pin::new(&mut *incoming).frame().await {
        let frame = frame.map_err(|e| ReadError::Broken(Arc::new(e)))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn http2_chunk(
    stream: &mut h2::RecvStream,
    state: &LinkState,
) -> Result<Option<Bytes>, ReadError> {
    let Some(chunk) = stream.data().await else { return Ok(None) };
    match chunk {
        Ok(chunk) => {
            // Fails only once the stream is over, and then nobody needs the window.
            let _ = stream.flow_control().release_capacity(chunk.len());
            Ok(Some(chunk))
        }
        Err(e) => Err(ReadError::Broken(state.deepest(Arc::new(e)).await)),
    }
}
