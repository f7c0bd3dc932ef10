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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Line;
    use super::Lines;
    use crate::limits;

    const LIMIT: usize = 1024;

    fn show(line: Line) -> String {
        match line {
            Line::TooLong { len_so_far, head } => {
                format!("too long: {len_so_far} {}", head.escape_ascii())
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
    fn a_line_over_the_limit_costs_itself_alone() {
        let head = "x".repeat(limits::LINE_HEAD_BYTES);
        for over in [1, 2, 3, 100 * LIMIT] {
            let stream = format!("a\n{}\nb\n", "x".repeat(LIMIT + over));
            for size in [1, 7, 1000, stream.len()] {
                let found = split(stream.as_bytes().chunks(size));
                assert_eq!(found.len(), 3, "{over} over, chunks of {size}");
                assert!(found[1].starts_with("too long: ") && found[1].ends_with(&head));
                assert_eq!((&*found[0], &*found[2]), ("a", "b"));
            }
        }
    }

    #[test]
    fn a_line_over_the_limit_is_reported_before_it_ends_and_once() {
        let mut lines = Lines::new(LIMIT);
        for chunk in 0..100 {
            lines.push(Bytes::from(vec![b'x'; LIMIT]));
            let reported = lines.next_line().is_some();
            assert_eq!(reported, chunk == 1, "chunk {chunk}");
            assert!(lines.begun.len() <= LIMIT + 1);
        }
        assert!(lines.finish().is_none());
    }
}
