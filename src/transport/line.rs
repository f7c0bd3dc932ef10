//! One message a line: the framing of stdio and raw TCP, without any I/O.
//!
//! MCP, "Transports", section stdio: messages are delimited by newlines and hold none.

use std::mem;

use bytes::Buf;
use bytes::Bytes;
use memchr::memchr;

use crate::limits;
use crate::transport::gather::Gather;

/// What [`Lines`] yields.
pub enum Line {
    /// A line over the limit. Its rest is skipped; the next line is read as if nothing had happened.
    TooLong {
        /// Bytes of it so far; more may follow and be skipped.
        len_so_far: usize,
        /// Its first bytes, at most [`LINE_HEAD_BYTES`](crate::limits::LINE_HEAD_BYTES).
        head: Bytes,
    },
    /// A line without its end, LF or CR LF. It is not empty, and not white space alone.
    Whole(Bytes),
}

/// Cuts chunks into lines.
///
/// [`push`](Self::push) a chunk, then take lines until there are none. Each byte is looked at once.
/// A line within one chunk is a slice of it, which keeps that chunk alive; a longer one is gathered
/// in one buffer, which leaves with the line.
pub struct Lines {
    limit: usize,
    /// What was pushed and is not read yet.
    chunk: Bytes,
    /// The line that began in an earlier chunk.
    begun: Gather,
    /// The rest of the current line does not count.
    skipping: bool,
}

impl Lines {
    /// A splitter at the beginning of a stream, for lines of at most `max_line_bytes`.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            limit: max_line_bytes,
            chunk: Bytes::new(),
            begun: Gather::default(),
            skipping: false,
        }
    }

    /// Hands in the next chunk. Take all lines of the chunk before it first: what is left of that
    /// one is copied.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.chunk = [&self.chunk[..], &chunk[..]].concat().into();
        }
    }

    /// The next line, or `None` if there is none before the next chunk.
    pub fn next_line(&mut self) -> Option<Line> {
        while let Some(end) = memchr(b'\n', &self.chunk) {
            let piece = self.chunk.split_to(end);
            self.chunk.advance(1);
            if mem::take(&mut self.skipping) {
                continue;
            }
            if let Some(line) = self.end(piece) {
                return Some(line);
            }
        }
        let piece = mem::take(&mut self.chunk);
        if self.skipping {
            return None;
        }
        // One byte more than the limit may still be a CR.
        if self.begun.len() + piece.len() > self.limit.saturating_add(1) {
            self.skipping = true;
            return Some(self.too_long(&piece));
        }
        self.begun.push(piece);
        None
    }

    /// The last line, which may lack its newline. Call it at the end of the input, after
    /// [`next_line`](Self::next_line) returned `None`.
    pub fn finish(&mut self) -> Option<Line> {
        self.end(Bytes::new())
    }

    /// The line of which `piece` is the last part.
    fn end(&mut self, piece: Bytes) -> Option<Line> {
        // Before the copy that gathers them.
        if self.begun.len() + piece.len() > self.limit.saturating_add(1) {
            return Some(self.too_long(&piece));
        }
        self.begun.push(piece);
        let mut line = self.begun.take();
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.limit {
            return Some(self.too_long(&line));
        }
        (!line.iter().all(u8::is_ascii_whitespace)).then_some(Line::Whole(line))
    }

    /// `begun` and `piece` are over the limit together.
    fn too_long(&mut self, piece: &[u8]) -> Line {
        let begun = self.begun.take();
        let head = begun.iter().chain(piece).take(limits::LINE_HEAD_BYTES);
        Line::TooLong { len_so_far: begun.len() + piece.len(), head: head.copied().collect() }
    }
}
