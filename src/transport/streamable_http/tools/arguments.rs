//! The arguments of a call, as far as headers repeat them (specification 2026-07-28, "Value
//! Encoding").

use std::borrow::Cow;

use http::HeaderName;
use http::HeaderValue;
use serde_json::value::RawValue;

use crate::transport::streamable_http::headers;
use crate::transport::streamable_http::members::Members;
use crate::transport::streamable_http::params::string;
use crate::transport::streamable_http::tools::schema::Mirrored;

/// The largest integer that every JSON parser keeps exactly, `2^53 - 1` (RFC 8259 section 6).
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// Adds a header for each mirrored member of `arguments` that has a value. A member that stands
/// twice gets none: the server, which may see either value, then refuses the call.
pub(crate) fn mirror(
    mirrored: &Mirrored,
    arguments: &RawValue,
    headers: &mut Vec<(HeaderName, HeaderValue)>,
) {
    let Some(members) = Members::read(arguments) else { return };
    for (name, below) in &mirrored.members {
        let Ok(Some(value)) = members.get(name) else { continue };
        if let Some(header) = &below.header {
            headers.extend(header_value(value).map(|value| (header.clone(), value)));
        }
        if !below.members.is_empty() {
            mirror(below, value, headers);
        }
    }
}

/// The header for one value; `None` for null and for what has no text form.
fn header_value(raw: &RawValue) -> Option<HeaderValue> {
    let mut value = headers::mirror(&text(raw)?)?;
    // A part of the body: not for a log, nor for the compression state of HTTP/2.
    value.set_sensitive(true);
    Some(value)
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get() {
        boolean @ ("true" | "false") => Some(boolean.into()),
        text if text.starts_with('"') => string(raw),
        number => integer(number).map(|integer| integer.to_string().into()),
    }
}

/// The value of a JSON number that is an integer, however it is written (`42`, `42.0`, `4.2e1`),
/// within the bounds that the specification sets.
pub(crate) fn integer(number: &str) -> Option<i64> {
    let value = number.parse::<i64>().ok().or_else(|| whole(number.parse().ok()?))?;
    (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&value).then_some(value)
}

fn whole(value: f64) -> Option<i64> {
    // The cast goes to the nearest bound where there is no such integer, which is out of bounds.
    (value.fract() == 0.0).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn an_integer_is_an_integer_however_it_is_written() {
        for (text, value) in [
            ("42", 42),
            ("-7", -7),
            ("-0", 0),
            ("0e99999", 0),
            ("42.0", 42),
            ("4.2e1", 42),
            ("420E-1", 42),
            ("-1.0e0", -1),
            ("9007199254740991", 9_007_199_254_740_991),
            ("-9007199254740991", -9_007_199_254_740_991),
            ("9007199254740991.0", 9_007_199_254_740_991),
        ] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_parsers_do_not_agree_on_is_no_integer() {
        for text in [
            "9007199254740992",
            "-9007199254740992",
            "9007199254740992.0",
            "123456789012345678901234567890",
            "1e400",
            "-1e400",
            "3.14159",
            "1e-1",
            "null",
            "{}",
            "[1]",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
