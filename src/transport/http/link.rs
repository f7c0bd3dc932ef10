//! One connection, whichever HTTP version it speaks.

use std::error::Error;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http::Response;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::transport::http::body::Body;
use crate::transport::http::greeting::Greeting;
use crate::transport::http::http1;
use crate::transport::http::http2;

/// Any error of a library below us.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// A connection that can carry a request now.
pub(crate) enum Link {
    /// One request at a time.
    Http1(http1::Http1),
    /// Many at a time.
    Http2(http2::Http2),
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Proof that the remote did not process the request.
    NotSent(Cause),
    /// The same for this request alone: the connection goes on (RFC 9113 section 8.7).
    Refused(Cause),
    /// The request, or part of it, was written.
    Unknown(Cause),
}

impl Link {
    /// Sends `request` and waits for the head of the response. `sent` is cancelled, in the sense
    /// of "has happened", as soon as the request may have left.
    pub(crate) async fn send(
        &mut self,
        request: Request<Bytes>,
        sent: &CancellationToken,
    ) -> Result<Response<Body>, LinkError> {
        match self {
            Self::Http1(link) => link.send(request, sent).await,
            Self::Http2(link) => link.send(request, sent).await,
        }
    }

    /// What is known about the connection itself.
    pub(crate) fn state(&self) -> &Arc<LinkState> {
        match self {
            Self::Http1(link) => link.state(),
            Self::Http2(link) => link.state(),
        }
    }
}

/// What the task that drives a connection and its requests tell each other.
#[derive(Debug, Default)]
pub(crate) struct LinkState {
    ended: CancellationToken,
    cause: OnceLock<Cause>,
    greeting: Mutex<Vec<u8>>,
    answered: AtomicBool,
    /// Whether a request waits for its response, and how many bytes have come since.
    waits: AtomicBool,
    unanswered: AtomicUsize,
    generation: AtomicU64,
}

impl LinkState {
    /// Notes the generation of the TLS configuration that the connection was made under.
    pub(crate) fn set_generation(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// See [`LinkState::set_generation`].
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The driver has ended, with this error if any.
    pub(crate) fn end(&self, cause: Option<Cause>) {
        if let Some(cause) = cause {
            self.note_cause(cause);
        }
        self.ended.cancel();
    }

    /// Notes what went wrong with the connection.
    pub(crate) fn note_cause(&self, cause: Cause) {
        // What comes later is a consequence of the first one.
        let _ = self.cause.set(cause);
    }

    /// What went wrong first, or else `own`.
    pub(crate) fn cause_or(&self, own: Cause) -> Cause {
        self.cause.get().cloned().unwrap_or(own)
    }

    /// Whether the connection is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Notes what the peer says first. True once that is enough.
    pub(crate) fn note_greeting(&self, bytes: &[u8]) -> bool {
        let mut greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = limits::GREETING_BYTES - greeting.len();
        greeting.extend(bytes.iter().take(room));
        greeting.len() == limits::GREETING_BYTES
    }

    /// What the peer said first; over HTTP/2 that is not noted.
    pub(crate) fn greeting(&self) -> Greeting {
        Greeting::of(&self.greeting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A response came over this connection, so the peer has accepted us.
    pub(crate) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
        self.waits.store(false, Ordering::Relaxed);
    }

    /// A request leaves, and the next response is its own.
    pub(crate) fn note_request(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Counts bytes that came. True if they are more than the head of any response has.
    pub(crate) fn waits_in_vain(&self, bytes: usize) -> bool {
        // The body of a response is of any length, and is not counted.
        self.waits.load(Ordering::Relaxed)
            && self.unanswered.fetch_add(bytes, Ordering::Relaxed) + bytes > limits::HEAD_BYTES
    }

    /// Whether a response ever came.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// The error of the connection itself, which knows more than the error of one request (a TLS
    /// alert, for example), or else `own`. Waits a moment for the driver to end.
    pub(crate) async fn deepest(&self, own: Cause) -> Cause {
        let ended = tokio::time::timeout(limits::CONNECTION_LAST_WORDS, self.ended.cancelled());
        match ended.await {
            Ok(()) => self.cause_or(own),
            Err(_) => own,
        }
    }
}
