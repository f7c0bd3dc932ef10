//! Server-sent events: a bounded, incremental decoder of `text/event-stream` without any I/O.
//!
//! The format is that of the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream":
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
//! It differs in three points, each on the safe side: everything is bounded; `data` is handed on as
//! the bytes that came, so that text that is not UTF-8 costs one message (the message parser refuses
//! it) and not the stream; an id that is not UTF-8 is ignored, since it could not be sent back.

mod block;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use bytes::Bytes;
use memchr::memchr2;

use self::block::Block;

/// One dispatched event.
pub struct Event {
    /// The `id` field of this very event; [`Decoder::last_event_id`] is the one that persists. It
    /// may be empty, and may hold characters that a header does not take.
    pub id: Option<Arc<str>>,
    /// The event type, `message` unless the event names another.
    pub kind: Cow<'static, str>,
    /// The `data` lines joined by line feeds. Empty in an event that only primes or keeps alive: no
    /// message.
    pub data: Bytes,
}

impl fmt::Debug for Event {
    /// Data may hold secrets: only its length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("data_bytes", &self.data.len())
            .finish()
    }
}

/// A line or an event was over the limit, or an id or type over
/// [`EVENT_FIELD_BYTES`](crate::limits::EVENT_FIELD_BYTES). The stream has to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event has a part of more than {limit} bytes")]
pub struct TooLarge {
    /// The limit that was passed, in bytes.
    pub limit: usize,
}

/// Turns chunks into events.
///
/// [`push`](Self::push) a chunk, then take events until there are none. Each byte is looked at once.
/// Data that lies within one chunk is a slice of it, which keeps that chunk alive; longer data is
/// gathered in one buffer, which leaves with the event. An event that is unfinished when the stream
/// ends is dropped, with its id.
pub struct Decoder {
    /// What was pushed and is not read yet.
    chunk: Bytes,
    /// How many bytes of a leading byte order mark were seen; all of them also means: no longer
    /// looked for.
    bom: usize,
    /// The last byte was a CR; an LF that follows belongs to it.
    after_cr: bool,
    /// The event in the making.
    block: Block,
    /// What ended the stream.
    failed: Option<TooLarge>,
}

impl Decoder {
    /// A decoder at the beginning of a stream. Neither a line nor the data of an event may have more
    /// than `max_event_bytes`.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            bom: 0,
            after_cr: false,
            block: Block::new(max_event_bytes),
            failed: None,
        }
    }

    /// Hands in the next chunk. Take all events of the chunk before it first: what is left of that
    /// one is copied.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.chunk = [&self.chunk[..], &chunk[..]].concat().into();
        }
    }

    /// The next event, or `None` if there is none before the next chunk. Comments, and blocks
    /// without a `data` line, are no events, but their id and retry time count.
    ///
    /// # Errors
    ///
    /// [`TooLarge`], from then on always.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLarge> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read().inspect_err(|error| {
            self.failed = Some(*error);
            self.chunk.clear();
            self.block.abandon();
        })
    }

    /// The id to resume after: that of the last finished block that had one. An empty id resets it.
    pub fn last_event_id(&self) -> Option<&str> {
        self.block.last_id.as_deref().filter(|id| !id.is_empty())
    }

    /// The last reconnection time that the stream set, within
    /// [`EVENT_RETRY`](crate::limits::EVENT_RETRY).
    pub fn retry(&self) -> Option<Duration> {
        self.block.retry
    }

    fn read(&mut self) -> Result<Option<Event>, TooLarge> {
        self.skip_byte_order_mark();
        while !self.chunk.is_empty() {
            let line_end = memchr2(b'\n', b'\r', &self.chunk);
            let piece = &self.chunk[..line_end.unwrap_or(self.chunk.len())];
            self.block.read(&self.chunk, piece)?;
            let Some(line_end) = line_end else {
                self.after_cr = false;
                self.chunk.clear();
                break;
            };
            let is_cr = self.chunk[line_end] == b'\r';
            let is_second_half = !is_cr && line_end == 0 && self.after_cr;
            self.after_cr = is_cr;
            self.chunk.advance(line_end + 1);
            if is_second_half {
                continue;
            }
            if let Some(event) = self.block.end_line()? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// A byte order mark may open the stream, and may come in pieces.
    fn skip_byte_order_mark(&mut self) {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        while let Some(expected) = MARK.get(self.bom) {
            match self.chunk.first() {
                None => return,
                Some(byte) if byte == expected => {
                    self.chunk.advance(1);
                    self.bom += 1;
                }
                Some(_) => {
                    if self.bom > 0 {
                        self.block.ignore_line(); // no known field begins with part of a mark
                    }
                    self.bom = MARK.len();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
