//! HTTP/1.1, by hyper.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body::Frame;
use http_body::SizeHint;
use hyper::client::conn::http1::SendRequest;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

use crate::task::Tasks;
use crate::transport::http::body::Body;
use crate::transport::http::greeting::Greeted;
use crate::transport::http::link::Cause;
use crate::transport::http::link::LinkError;
use crate::transport::http::link::LinkState;

/// A connection that carries one request at a time.
pub(crate) struct Http1 {
    requests: SendRequest<Upload>,
    state: Arc<LinkState>,
}

impl Http1 {
    /// Opens HTTP/1.1 over a stream and drives it in `tasks`.
    pub(crate) async fn open<S>(stream: S, tasks: &Tasks) -> Result<Self, Cause>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let state = Arc::new(LinkState::default());
        let stream = TokioIo::new(Greeted::new(stream, Arc::clone(&state)));
        let (requests, connection) = handshake(stream).await.map_err(|e| Arc::new(e) as Cause)?;
        let ending = Arc::clone(&state);
        tasks.spawn(async move {
            ending.end(connection.await.err().map(|e| Arc::new(e) as Cause));
        });
        Ok(Self { requests, state })
    }

    /// Whether it can carry a request now; waits until the last response is put away.
    pub(crate) async fn is_ready(&mut self) -> bool {
        !self.requests.is_closed() && self.requests.ready().await.is_ok()
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Bytes>,
        sent: &CancellationToken,
    ) -> Result<Response<Body>, LinkError> {
        // A token of its own, since `sent` may tell of an attempt before this one.
        let left = CancellationToken::new();
        let upload = |data: Bytes| Upload {
            data: (!data.is_empty()).then_some(data),
            left: left.clone(),
            sent: sent.clone(),
        };
        self.state.note_request();
        let response = self.requests.try_send_request(request.map(upload)).await;
        let response = response.map_err(|mut failed| {
            // A message that hyper gives back, or whose body it never asked for, did not leave.
            let kept = failed.take_message().is_some() || !left.is_cancelled();
            let cause = Arc::new(failed.into_error());
            if kept { LinkError::NotSent(cause) } else { LinkError::Unknown(cause) }
        })?;
        self.state.note_answer();
        Ok(response.map(Body::http1))
    }

    pub(crate) fn state(&self) -> &Arc<LinkState> {
        &self.state
    }
}

/// A request body that notes when it is taken for writing.
pub(crate) struct Upload {
    data: Option<Bytes>,
    left: CancellationToken,
    sent: CancellationToken,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.left.cancel();
        self.sent.cancel();
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        let empty = self.data.is_none();
        if empty {
            // Without a body hyper asks no further: the head alone is the request.
            self.left.cancel();
            self.sent.cancel();
        }
        empty
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
