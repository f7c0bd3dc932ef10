//! HTTP/2. The h2 crate is used directly, since only it can prove what was not processed (RFC 9113
//! section 8.7): REFUSED_STREAM, and GOAWAY with a last stream id below ours.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use h2::Ping;
use h2::PingPong;
use h2::Reason;
use h2::client::Connection;
use h2::client::SendRequest;
use http::Request;
use http::Response;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::task::Tasks;
use crate::transport::http::body::Body;
use crate::transport::http::link::Cause;
use crate::transport::http::link::LinkError;
use crate::transport::http::link::LinkState;
use crate::transport::http::turns::Turns;
use crate::transport::http::witness::Witness;

/// A handle on an HTTP/2 connection; clones share the connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
    state: Arc<LinkState>,
    turns: Arc<Turns>,
}

impl Http2 {
    /// Opens HTTP/2 over a stream and drives it in `tasks`.
    pub(crate) async fn open<S>(stream: S, tasks: &Tasks) -> Result<Self, Cause>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let state = Arc::new(LinkState::default());
        let (requests, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(limits::HTTP2_STREAM_WINDOW)
            .initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW)
            .max_frame_size(limits::HTTP2_FRAME)
            .max_header_list_size(limits::HTTP_HEADER_BYTES)
            .handshake(Witness::new(stream, Arc::clone(&state)))
            .await
            .map_err(|e| state.cause_or(Arc::new(e)))?;
        tasks.spawn(drive(connection, Arc::clone(&state)));
        Ok(Self { requests, state, turns: Arc::default() })
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Bytes>,
        sent: &CancellationToken,
    ) -> Result<Response<Body>, LinkError> {
        let (parts, body) = request.into_parts();
        // What waits for its turn has not left, which h2 could not prove.
        let turn = self.turns.take(|| self.room()).await;
        let ready = self.requests.clone().ready().await;
        let mut requests = ready.map_err(|e| LinkError::NotSent(Arc::new(e)))?;
        let head = Request::from_parts(parts, ());
        let (response, mut upload) = requests
            .send_request(head, body.is_empty())
            .map_err(|e| LinkError::NotSent(Arc::new(e)))?;
        sent.cancel();
        if !body.is_empty() {
            // h2 keeps the bytes, which are shared and not copied, until the window lets them go.
            upload.send_data(body, true).map_err(|e| self.failed(e))?;
        }
        let response = response.await.map_err(|e| self.failed(e))?;
        self.state.note_answer();
        let state = Arc::clone(&self.state);
        Ok(response.map(|stream| Body::http2(stream, state, turn)))
    }

    pub(crate) fn state(&self) -> &Arc<LinkState> {
        &self.state
    }

    /// How many streams the peer takes at a time. A connection that has ended says so to each.
    fn room(&self) -> usize {
        if self.state.has_ended() { usize::MAX } else { self.requests.current_max_send_streams() }
    }

    fn failed(&self, error: h2::Error) -> LinkError {
        let refused =
            error.is_reset() && error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM);
        // h2 gives the error of a remote GOAWAY to the streams above its last stream id alone. The
        // others, if the connection ends before their answer, have a broken pipe.
        let passed_over = error.is_go_away() && error.is_remote();
        let cause = Arc::new(error);
        if refused {
            LinkError::Refused(cause)
        } else if passed_over {
            LinkError::NotSent(cause)
        } else {
            LinkError::Unknown(cause)
        }
    }
}

/// Drives the connection, and finds out when the peer is gone without a word.
async fn drive<S>(mut connection: Connection<S, Bytes>, state: Arc<LinkState>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ping = connection.ping_pong();
    let ended = tokio::select! {
        ended = connection => ended.err().map(cause),
        lost = silence(ping) => Some(lost),
    };
    state.end(ended);
}

/// The error below HTTP/2, where there is one: it may hold a TLS alert.
fn cause(error: h2::Error) -> Cause {
    if !error.is_io() {
        return Arc::new(error);
    }
    match error.into_io() {
        Some(io) => Arc::new(io),
        None => Arc::new(io::Error::from(io::ErrorKind::BrokenPipe)),
    }
}

/// Ends when a ping is not answered in time: a long call or an event stream must not wait for ever
/// for a peer that has vanished.
async fn silence(ping: Option<PingPong>) -> Cause {
    let Some(mut ping) = ping else { return std::future::pending().await };
    loop {
        tokio::time::sleep(limits::PING_INTERVAL).await;
        if ping.send_ping(Ping::opaque()).is_err() {
            // The connection is closing; its own error comes first.
            return std::future::pending().await;
        }
        let pong = timeout(limits::PING_TIMEOUT, poll_fn(|cx| ping.poll_pong(cx))).await;
        match pong {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => {
                return Arc::new(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the remote does not answer HTTP/2 pings",
                ));
            }
        }
    }
}
