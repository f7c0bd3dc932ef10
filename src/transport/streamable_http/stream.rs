//! One event stream as messages, over all the connections that it takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use crate::message::Message;
use crate::transport::event_stream::Decoder;
use crate::transport::http::{Body, ReadError};

/// An event stream that may be resumed where it broke (specification 2025-11-25, "Resumability and
/// Redelivery").
pub(crate) struct Stream {
    body: Body,
    decoder: Decoder,
    max_event: usize,
    last_id: Option<String>,
    retry: Option<Duration>,
    // The newest event ids, to know a replayed event by.
    seen: VecDeque<Arc<str>>,
    resumed: bool,
}

/// Why a stream yields nothing more.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The connection broke.
    Broken(ReadError),
    /// The server closed it.
    Closed,
    /// An event was over the limit, in bytes.
    TooLarge(usize),
}

impl Stream {
    pub(crate) fn new(body: Body, max_event: usize) -> Self {
        Self {
            body,
            decoder: Decoder::new(max_event),
            max_event,
            last_id: None,
            retry: None,
            seen: VecDeque::new(),
            resumed: false,
        }
    }

    /// The next message. Events without data, of another type, replayed or without a message in
    /// them are passed over. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Message, StreamEnd> {
        loop {
            match self.decoder.next_event() {
                Ok(Some(event)) => {
                    let known = event.id.is_some_and(|id| self.is_known(&id));
                    if event.kind == "message" && !event.data.is_empty() && !known {
                        match Message::parse(event.data) {
                            Ok(message) => return Ok(message),
                            Err(e) => tracing::warn!("dropped an event of the remote: {e}"),
                        }
                    }
                }
                Ok(None) => self.read().await?,
                Err(e) => return Err(StreamEnd::TooLarge(e.limit)),
            }
        }
    }

    /// The id to resume after; `None` if the stream cannot be resumed.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long to wait before a reconnect (A28: what the server asked for).
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.retry
    }

    /// Goes on with the rest of the stream over another connection.
    pub(crate) fn resume(&mut self, body: Body) {
        self.body = body;
        self.decoder = Decoder::new(self.max_event);
        self.resumed = true;
    }

    async fn read(&mut self) -> Result<(), StreamEnd> {
        self.note();
        match self.body.chunk().await {
            Ok(Some(chunk)) => {
                self.decoder.push(chunk);
                Ok(())
            }
            Ok(None) => Err(StreamEnd::Closed),
            Err(e) => Err(StreamEnd::Broken(e)),
        }
    }

    /// Takes over what the decoder learned, before this connection may end.
    fn note(&mut self) {
        if let Some(id) = self.decoder.last_event_id()
            && self.last_id.as_deref() != Some(id)
        {
            self.last_id = Some(id.to_owned());
        }
        self.retry = self.decoder.retry().or(self.retry);
    }

    /// Notes an event id, and tells whether the event was delivered before the stream broke.
    fn is_known(&mut self, id: &Arc<str>) -> bool {
        if self.resumed && self.seen.contains(id) {
            return true;
        }
        if self.seen.len() == limits::REMEMBERED_EVENTS {
            self.seen.pop_front();
        }
        self.seen.push_back(Arc::clone(id));
        false
    }
}
