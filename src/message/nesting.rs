//! A bound on nesting: skipping a value without reading it has no bound of its own in serde_json,
//! and the JSON parser of a host or a server may overflow its stack.

use crate::limits;
use crate::message::ParseError;

/// The bytes as text, if they are UTF-8 and nest at most [`limits::MAX_NESTING`] deep.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|e| ParseError::NotJson(e.to_string()))?;
    // Fewer brackets than levels, as in most messages and in large texts, need no closer look.
    let brackets = memchr::memchr2_iter(b'[', b'{', bytes).take(limits::MAX_NESTING + 1).count();
    if brackets > limits::MAX_NESTING && depth(bytes) > limits::MAX_NESTING {
        return Err(ParseError::NotJson(format!(
            "nested more than {} levels deep",
            limits::MAX_NESTING
        )));
    }
    Ok(text)
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
