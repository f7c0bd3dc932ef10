//! Messages as server-sent events: the body of an HTTP answer (WHATWG HTML, "Server-sent events").

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;
use http_body::Body;
use http_body::Frame;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;
use crate::transport::http_listener::Reply;
use crate::transport::http_listener::stream;

/// The ids of the events of one stream: `stream-number`. They name the stream, since a client that
/// comes back says the last one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId {
    /// The stream, unique in its session.
    pub(crate) stream: u64,
    /// The event, counted from 1; 0 is the priming event, which holds no message.
    pub(crate) number: u64,
}

impl EventId {
    /// Reads a `Last-Event-ID`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (stream, number) = text.split_once('-')?;
        Some(Self { stream: stream.parse().ok()?, number: number.parse().ok()? })
    }
}

/// An event stream that carries what comes out of a queue.
pub(crate) struct EventBody<G> {
    queue: Receiver,
    // What is encoded and not sent yet.
    ready: VecDeque<Bytes>,
    // Used again and again.
    messages: Vec<Message>,
    ids: Option<EventId>,
    // What ends it early, and the last message then.
    farewell: Option<(Pin<Box<WaitForCancellationFutureOwned>>, Message)>,
    // The answer that is the last event.
    ends_with_answer: bool,
    is_over: bool,
    quiet_since: Instant,
    keep_alive: Pin<Box<Sleep>>,
    // Told, by its drop, that nobody reads any more; and by `finished` that all was read.
    guard: G,
}

/// Who wants to know how an [`EventBody`] ended. Dropped with it.
pub(crate) trait Reader: Send + Unpin + 'static {
    /// This message of the server is on its way.
    fn passes(&mut self, message: &Message) {
        let _ = message;
    }

    /// All events were handed on.
    fn finished(&mut self) {}
}

impl<G: Reader> EventBody<G> {
    /// A stream of what comes out of `queue`.
    pub(crate) fn new(queue: Receiver, guard: G) -> Self {
        Self {
            queue,
            ready: VecDeque::new(),
            messages: Vec::new(),
            ids: None,
            farewell: None,
            ends_with_answer: false,
            is_over: false,
            quiet_since: Instant::now(),
            keep_alive: Box::pin(tokio::time::sleep(limits::KEEP_ALIVE)),
            guard,
        }
    }

    /// Gives each event an id, the next one `next`.
    pub(crate) fn with_ids(mut self, next: EventId) -> Self {
        self.ids = Some(next);
        self
    }

    /// Ends with the first response.
    pub(crate) fn until_answered(mut self) -> Self {
        self.ends_with_answer = true;
        self
    }

    /// Ends with `message` once `stop` is cancelled.
    pub(crate) fn until_stopped(mut self, stop: CancellationToken, message: Message) -> Self {
        self.farewell = Some((Box::pin(stop.cancelled_owned()), message));
        self
    }

    /// Puts an event before all others that tells a client how to come back.
    pub(crate) fn prime(&mut self) {
        let Some(EventId { stream, number }) = self.ids else { return };
        let (last, retry) = (number.saturating_sub(1), limits::SERVER_RETRY.as_millis());
        let event = format!("id: {stream}-{last}\nretry: {retry}\ndata: \n\n");
        self.ready.push_back(event.into());
    }

    /// Puts an event of another kind before all others.
    pub(crate) fn begin_with(&mut self, event: &str, data: &str) {
        self.ready.push_back(format!("event: {event}\ndata: {data}\n\n").into());
    }

    /// Puts messages before those of the queue.
    pub(crate) fn push(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.messages.extend(messages);
        self.encode();
    }

    /// Turns [`Self::messages`] into frames: small ones together, large ones as they are.
    fn encode(&mut self) {
        let mut small = BytesMut::new();
        for message in self.messages.drain(..) {
            if self.is_over {
                break;
            }
            self.is_over = self.ends_with_answer && message.is_response();
            self.guard.passes(&message);
            if let Some(id) = &mut self.ids {
                let _ = writeln!(small, "id: {}-{}", id.stream, id.number);
                id.number += 1;
            }
            small.extend_from_slice(b"event: message\ndata: ");
            let bytes = message.into_bytes();
            if bytes.len() > limits::SMALL_MESSAGE_BYTES {
                self.ready.push_back(small.split().freeze());
                self.ready.push_back(bytes);
            } else {
                small.extend_from_slice(&bytes);
            }
            small.extend_from_slice(b"\n\n");
        }
        if !small.is_empty() {
            self.ready.push_back(small.freeze());
        }
        self.quiet_since = Instant::now();
    }

    /// Whether it is to end early; its last message is then encoded.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((stop, _)) = &mut self.farewell else { return false };
        if stop.as_mut().poll(cx).is_pending() {
            return false;
        }
        if let Some((_, message)) = self.farewell.take() {
            self.messages.push(message);
            self.encode();
        }
        self.is_over = true;
        true
    }

    /// A comment now and then, so that nobody on the way takes the stream for dead.
    fn poll_keep_alive(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        while self.keep_alive.as_mut().poll(cx).is_ready() {
            let due = self.quiet_since + limits::KEEP_ALIVE;
            let now = Instant::now();
            if due <= now {
                self.quiet_since = now;
                self.keep_alive.as_mut().reset(now + limits::KEEP_ALIVE);
                return Poll::Ready(Bytes::from_static(b": keep-alive\n\n"));
            }
            self.keep_alive.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl<G: Reader> Body for EventBody<G> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.is_over {
                this.guard.finished();
                return Poll::Ready(None);
            }
            match this.queue.poll_recv_all(cx, &mut this.messages) {
                Poll::Ready(true) => this.encode(),
                Poll::Ready(false) => this.is_over = true,
                Poll::Pending if this.poll_farewell(cx) => {}
                Poll::Pending => {
                    let comment = this.poll_keep_alive(cx);
                    return comment.map(|bytes| Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }
}

/// The answer whose body is an event stream.
pub(crate) fn reply<G: Reader>(body: EventBody<G>) -> Reply {
    let mut reply = stream(body);
    reply.headers_mut().extend(headers());
    reply
}

/// The headers of an event stream; the last one keeps nginx from holding it back.
fn headers() -> HeaderMap {
    let list = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    list.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::EventBody;
    use super::Reader;
    use crate::channel;
    use crate::limits;

    struct Nobody;

    impl Reader for Nobody {}

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_says_now_and_then_that_it_lives() {
        let (sender, queue) = channel::queue();
        let mut body = EventBody::new(queue, Nobody);
        for _ in 0..3 {
            let before = Instant::now();
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), ": keep-alive\n\n");
            assert_eq!(before.elapsed().as_secs(), limits::KEEP_ALIVE.as_secs());
        }
        drop(sender);
        assert!(body.frame().await.is_none());
    }
}
