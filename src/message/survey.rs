//! What has to be known of the bytes of a message before they are parsed: whether there are raw line
//! ends, and whether they nest too deep. Skipping a value without reading it has no bound of its own
//! in serde_json, and the JSON parser of a host or a server may overflow its stack.

use crate::limits;

/// What the bytes show.
pub(crate) struct Survey {
    /// There is a raw line end.
    pub(crate) line_ends: bool,
    /// They nest deeper than [`limits::MAX_NESTING`], if they are JSON.
    pub(crate) too_deep: bool,
}

impl Survey {
    /// Looks at each byte while it is in the cache, so that a large message is fetched once for both.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // What is shorter than the deepest nesting cannot nest deeper.
        if bytes.len() <= limits::MAX_NESTING {
            let line_ends = memchr::memchr2(b'\n', b'\r', bytes).is_some();
            return Self { line_ends, too_deep: false };
        }
        let (mut line_ends, mut brackets) = (false, 0);
        for block in bytes.chunks(limits::SURVEY_BYTES) {
            line_ends |= memchr::memchr2(b'\n', b'\r', block).is_some();
            // Fewer brackets than levels, as in most messages and in large texts, need no closer look.
            let missing = limits::MAX_NESTING + 1 - brackets;
            brackets += memchr::memchr2_iter(b'[', b'{', block).take(missing).count();
        }
        let suspicious = brackets > limits::MAX_NESTING;
        Self { line_ends, too_deep: suspicious && depth(bytes) > limits::MAX_NESTING }
    }
}

/// The deepest nesting of brackets outside strings. Right for valid JSON, some number for other
/// bytes, which the parser refuses afterwards.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at += string_len(&bytes[at..]),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The length of what is left of a string, with its closing quote.
fn string_len(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[at..]) {
        at += found + 1;
        if rest[at - 1] == b'"' {
            return at;
        }
        // Skips the escaped byte, which may be a quote.
        at = (at + 1).min(rest.len());
    }
    rest.len()
}
