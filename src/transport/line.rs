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
    /// A line over the limit.
    TooLong(TooLong),
    /// A line without its end, LF or CR LF. It is not empty, and not white space alone.
    Whole(Bytes),
}

/// What is kept of a line over the limit: enough to find the id of a message by, which SDKs write
/// first or last.
#[derive(Default)]
pub struct TooLong {
    /// Bytes of the whole line.
    pub len: usize,
    /// Its first bytes, at most [`LINE_EDGE_BYTES`](crate::limits::LINE_EDGE_BYTES).
    pub head: Vec<u8>,
    /// Its last bytes, likewise.
    pub tail: Vec<u8>,
}

impl TooLong {
    fn push(&mut self, piece: &[u8]) {
        self.len += piece.len();
        let room = limits::LINE_EDGE_BYTES - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(limits::LINE_EDGE_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(limits::LINE_EDGE_BYTES));
    }
}

/// Cuts chunks into lines.
///
/// [`push`](Self::push) a chunk, then take lines until there are none. Each byte is looked at once.
/// A line within one chunk is a slice of it, which keeps that chunk alive; a longer one is gathered
/// in one buffer, which leaves with the line. A line over the limit costs itself alone.
pub struct Lines {
    limit: usize,
    /// What was pushed and is not read yet.
    chunk: Bytes,
    /// The line that began in an earlier chunk.
    begun: Gather,
    /// What is kept of it once it is over the limit.
    skipping: Option<TooLong>,
}

impl Lines {
    /// A splitter at the beginning of a stream, for lines of at most `max_line_bytes`.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            limit: max_line_bytes,
            chunk: Bytes::new(),
            begun: Gather::default(),
            skipping: None,
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
            self.gather(piece);
            if let Some(line) = self.end() {
                return Some(line);
            }
        }
        let piece = mem::take(&mut self.chunk);
        self.gather(piece);
        None
    }

    /// Whether the line that has begun is over the limit already.
    pub fn is_over_limit(&self) -> bool {
        self.skipping.is_some()
    }

    /// The last line, which may lack its newline. Call it at the end of the input, after
    /// [`next_line`](Self::next_line) returned `None`.
    pub fn finish(&mut self) -> Option<Line> {
        self.end()
    }

    /// Adds a part of the current line, or counts it where the line is over the limit.
    fn gather(&mut self, piece: Bytes) {
        if let Some(skipped) = &mut self.skipping {
            return skipped.push(&piece);
        }
        // Before the copy that gathers them. One byte more than the limit may still be a CR.
        if self.begun.len() + piece.len() <= self.limit.saturating_add(1) {
            return self.begun.push(piece);
        }
        let begun = self.begun.take();
        self.skip(&[&begun, &piece]);
    }

    fn skip(&mut self, pieces: &[&[u8]]) {
        let skipped = self.skipping.get_or_insert_default();
        pieces.iter().for_each(|piece| skipped.push(piece));
    }

    /// The current line is over.
    fn end(&mut self) -> Option<Line> {
        let mut line = self.begun.take();
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.limit {
            self.skip(&[&line]);
        }
        if let Some(skipped) = self.skipping.take() {
            return Some(Line::TooLong(skipped));
        }
        (!line.iter().all(u8::is_ascii_whitespace)).then_some(Line::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Line;
    use super::Lines;
    use crate::limits;

    const LIMIT: usize = 1024;

    fn show(line: Line) -> String {
        match line {
            Line::TooLong(line) => {
                let (head, tail) = (line.head.escape_ascii(), line.tail.escape_ascii());
                format!("too long: {} {head} .. {tail}", line.len)
            }
            Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
        }
    }

    fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut lines = Lines::new(LIMIT);
        let mut found = Vec::new();
        for chunk in chunks {
            lines.push(Bytes::copy_from_slice(chunk));
            found.extend(std::iter::from_fn(|| lines.next_line()).map(show));
        }
        found.extend(lines.finish().map(show));
        found
    }

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let stream = "one\r\n\n  \ntwo é\n\r\nthree\rfour\r\r\n\tfive".as_bytes();
        let whole = split([stream]);
        assert_eq!(whole, ["one", "two é", "three\rfour\r", "\tfive"]);
        for cut in 0..=stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_eq!(split([left, right]), whole, "cut at {cut}");
        }
        assert_eq!(split(stream.chunks(1)), whole);
    }

    #[test]
    fn a_last_line_may_lack_its_newline() {
        assert_eq!(split([&b"a\nb"[..]]), ["a", "b"]);
        assert_eq!(split([&b"a\nb\r"[..]]), ["a", "b"]);
        assert_eq!(split([&b"a\n"[..]]), ["a"]);
    }

    #[test]
    fn a_line_within_one_chunk_is_not_copied() {
        let chunk = Bytes::from("a\nhello\r\n".to_owned());
        let mut lines = Lines::new(LIMIT);
        lines.push(chunk.clone());
        lines.next_line();
        let Some(Line::Whole(line)) = lines.next_line() else { panic!("a whole line") };
        assert_eq!((line.as_ptr(), line.len()), (chunk[2..].as_ptr(), 5));
    }

    #[test]
    fn a_line_of_exactly_the_limit_passes() {
        let longest = "x".repeat(LIMIT);
        for end in ["", "\n", "\r\n", "\r"] {
            let stream = format!("{longest}{end}");
            assert_eq!(split([stream.as_bytes()]), [&*longest], "{end:?}");
            assert_eq!(split(stream.as_bytes().chunks(1)), [&*longest], "{end:?}");
        }
    }

    #[test]
    fn a_line_over_the_limit_costs_itself_alone_and_shows_its_ends() {
        let (first, last) =
            ("h".repeat(limits::LINE_EDGE_BYTES), "t".repeat(limits::LINE_EDGE_BYTES));
        for over in [1, 2, 3, 100 * LIMIT] {
            let middle = "x".repeat(LIMIT + over - 2 * limits::LINE_EDGE_BYTES);
            let stream = format!("a\n{first}{middle}{last}\nb\n");
            for size in [1, 7, 1000, stream.len()] {
                let found = split(stream.as_bytes().chunks(size));
                let long = format!("too long: {} {first} .. {last}", LIMIT + over);
                assert_eq!(found, ["a", &*long, "b"], "{over} over, chunks of {size}");
            }
        }
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut lines = Lines::new(LIMIT);
        for _ in 0..100 {
            lines.push(Bytes::from(vec![b'x'; LIMIT]));
            assert!(lines.next_line().is_none());
            assert!(lines.begun.len() <= LIMIT + 1);
        }
        assert!(lines.is_over_limit());
        let Some(Line::TooLong(line)) = lines.finish() else { panic!("too long") };
        assert!(!lines.is_over_limit());
        assert_eq!((line.len, line.tail.len()), (100 * LIMIT, limits::LINE_EDGE_BYTES));
    }
}
