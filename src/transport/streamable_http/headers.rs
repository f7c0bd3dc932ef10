//! The headers of a modern request: parts of the body, repeated so that those on the way can route
//! by them (specification 2026-07-28, "Request Metadata").

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use http::HeaderValue;

use crate::limits;
use crate::transport::streamable_http::params::Params;

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What stands before and after a value in base64.
const SENTINEL: (&str, &str) = ("=?base64?", "?=");

/// Room for the headers of a common request, those that every HTTP request has included.
const USUAL_HEADERS: usize = 8;

/// The headers of one request, apart from those of tool parameters: `MCP-Protocol-Version`,
/// `Mcp-Method`, and `Mcp-Name` for the methods that name what they want.
pub(crate) fn modern(
    method: &str,
    version: &str,
    params: &Params<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mirrored =
        [(PROTOCOL_VERSION, Some(version)), (METHOD, Some(method)), (NAME, wanted(method, params))];
    let mut headers = Vec::with_capacity(USUAL_HEADERS);
    headers.extend(mirrored.into_iter().filter_map(|(name, value)| Some((name, mirror(value?)?))));
    headers
}

/// The value of a header that repeats `value`, a part of the body. `None` if it is longer than
/// [`limits::MAX_MIRRORED_BYTES`]: the remote then refuses this one request, where so large a
/// header could end the connection of all.
pub(crate) fn mirror(value: &str) -> Option<HeaderValue> {
    if value.len() > limits::MAX_MIRRORED_BYTES {
        tracing::warn!(
            "a value of {} bytes is too long to be repeated in a header: the server may refuse it",
            value.len()
        );
        return None;
    }
    Some(encode(value))
}

/// `value` as it is where a header can carry it, else in base64 between two marks (specification
/// 2026-07-28, "Value Encoding"). Nothing in it can end the header or begin another one.
pub(crate) fn encode(value: &str) -> HeaderValue {
    let plain = if is_plain(value) { HeaderValue::from_str(value).ok() } else { None };
    plain.unwrap_or_else(|| in_base64(value))
}

/// The value that a header stands for ("Value Encoding").
pub(crate) fn decode(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(SENTINEL.0).and_then(|rest| rest.strip_suffix(SENTINEL.1));
    let Some(inner) = inner else { return Some(value.into()) };
    String::from_utf8(STANDARD.decode(inner).ok()?).ok().map(Cow::Owned)
}

/// What `Mcp-Name` repeats (specification 2026-07-28, "Standard Request Headers"; SEP-2663 for
/// tasks).
pub(crate) fn wanted<'p>(method: &str, params: &'p Params<'_>) -> Option<&'p str> {
    match method {
        "tools/call" | "prompts/get" => params.name.as_deref(),
        "resources/read" => params.uri.as_deref(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.task_id.as_deref(),
        _ => None,
    }
}

/// Whether every recipient reads `value` from a header as it stands (RFC 9110 section 5.5), and
/// none takes it for base64.
fn is_plain(value: &str) -> bool {
    let is_carried = value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let is_trimmed = value.trim_matches([' ', '\t']) == value;
    let is_like_base64 = value.starts_with(SENTINEL.0) && value.ends_with(SENTINEL.1);
    is_carried && is_trimmed && !is_like_base64
}

fn in_base64(value: &str) -> HeaderValue {
    let text = format!("{}{}{}", SENTINEL.0, STANDARD.encode(value), SENTINEL.1);
    // Base64 and its marks are visible ASCII, so the second arm is never taken.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::decode;
    use super::encode;
    use super::mirror;
    use super::modern;
    use crate::limits;
    use crate::transport::streamable_http::params::Params;

    fn shown(method: &str, params: &Params<'_>) -> Vec<String> {
        let headers = modern(method, "2026-07-28", params);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn values_are_encoded_as_in_the_specification() {
        for (value, encoded) in [
            ("us-west1", "us-west1"),
            ("us west 1", "us west 1"),
            ("file:///a/file%20name.txt?q=1", "file:///a/file%20name.txt?q=1"),
            ("a\tb", "a\tb"),
            ("", ""),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            ("日本語", "=?base64?5pel5pys6Kqe?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            (" us-west1", "=?base64?IHVzLXdlc3Qx?="),
            ("us-west1 ", "=?base64?dXMtd2VzdDEg?="),
            ("\tindented", "=?base64?CWluZGVudGVk?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("line1\r\nline2", "=?base64?bGluZTENCmxpbmUy?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?BASE64?literal?=", "=?BASE64?literal?="),
            ("=?base64?open", "=?base64?open"),
            ("\u{7f}", "=?base64?fw==?="),
            ("\0", "=?base64?AA==?="),
        ] {
            assert_eq!(encode(value).to_str().unwrap(), encoded, "{value:?}");
        }
    }

    #[test]
    fn every_request_says_its_version_and_method() {
        let params = Params { name: Some(Cow::Borrowed("n")), ..Params::default() };
        let expected = ["mcp-protocol-version: 2026-07-28", "mcp-method: tools/list"];
        assert_eq!(shown("tools/list", &params), expected);
    }

    #[test]
    fn methods_that_want_one_thing_say_which() {
        let params = Params {
            name: Some(Cow::Borrowed("the name")),
            uri: Some(Cow::Borrowed("file:///x")),
            task_id: Some(Cow::Borrowed("task-1")),
            ..Params::default()
        };
        for (method, name) in [
            ("tools/call", "the name"),
            ("prompts/get", "the name"),
            ("resources/read", "file:///x"),
            ("tasks/get", "task-1"),
            ("tasks/update", "task-1"),
            ("tasks/cancel", "task-1"),
        ] {
            assert_eq!(shown(method, &params)[2], format!("mcp-name: {name}"));
        }
        assert_eq!(shown("tools/call", &Params::default()).len(), 2);
    }

    #[test]
    fn an_odd_method_can_not_add_a_header() {
        let headers = shown("x\r\nEvil: 1", &Params::default());
        assert_eq!(headers[1], "mcp-method: =?base64?eA0KRXZpbDogMQ==?=");
    }

    #[test]
    fn a_value_that_would_burst_the_headers_is_left_out() {
        let longest = "x".repeat(limits::MAX_MIRRORED_BYTES);
        assert!(mirror(&longest).is_some());
        assert!(mirror(&(longest + "x")).is_none());
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_was(value in any::<String>()) {
            let encoded = encode(&value);
            let text = encoded.to_str().unwrap();
            prop_assert_eq!(decode(text).unwrap(), value);
            prop_assert_eq!(text.trim_matches([' ', '\t']), text);
        }
    }
}
