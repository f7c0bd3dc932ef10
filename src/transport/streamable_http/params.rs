//! What the `params` of a request tell the transport.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::message::Head;
use crate::message::Id;
use crate::message::Message;

/// The members of `params` that matter to the transport, borrowed from the message. A member of
/// another type than the one that is expected is as good as none.
#[derive(Debug, Default)]
pub(crate) struct Params<'a> {
    /// `_meta."io.modelcontextprotocol/protocolVersion"`: the version of this request
    /// (specification 2026-07-28, "Protocol Version Header").
    pub(crate) protocol_version: Option<Cow<'a, str>>,
    /// Whether `_meta."io.modelcontextprotocol/clientCapabilities"` is there, an object.
    pub(crate) has_capabilities: bool,
    /// `name`: of a tool or a prompt.
    pub(crate) name: Option<Cow<'a, str>>,
    /// `uri`: of a resource.
    pub(crate) uri: Option<Cow<'a, str>>,
    /// `taskId`: of the tasks extension (SEP-2663).
    pub(crate) task_id: Option<Cow<'a, str>>,
    /// `arguments` of a tool or a prompt, whatever their type.
    pub(crate) arguments: Option<&'a RawValue>,
    /// `cursor`: which page of a list; none for the first.
    pub(crate) cursor: Option<&'a RawValue>,
}

/// A member that we read stands twice, so that the remote might read another value than we do.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a member of `params` stands twice")]
pub(crate) struct Ambiguous;

impl<'a> Params<'a> {
    /// Reads the `params` of the request or notification that `head` stands for.
    ///
    /// # Errors
    /// [`Ambiguous`], and nothing else: what is not there or of another type is left out.
    pub(crate) fn read(message: &'a Message, head: &Head) -> Result<Self, Ambiguous> {
        let params = message.payload(head);
        if head.method().is_none() || !params.starts_with(b"{") {
            return Ok(Self::default());
        }
        let members: Members<'a> = serde_json::from_slice(params).map_err(|_| Ambiguous)?;
        let meta = members.meta.map_or(Ok(None), read_meta)?.unwrap_or_default();
        Ok(Self {
            protocol_version: meta.protocol_version.and_then(string),
            has_capabilities: meta.client_capabilities.is_some_and(is_object),
            name: members.name.and_then(string),
            uri: members.uri.and_then(string),
            task_id: members.task_id.and_then(string),
            arguments: members.arguments,
            cursor: members.cursor,
        })
    }
}

/// The decoded value of a JSON string, without a copy where nothing in it is escaped. `None` for
/// any other value, and for half a surrogate pair, which no text can hold.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

// A derived struct refuses a member that stands twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow)]
    task_id: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    protocol_version: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    client_capabilities: Option<&'a RawValue>,
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
}

fn read_meta(meta: &RawValue) -> Result<Option<Meta<'_>>, Ambiguous> {
    // A derived struct would take an array for an object.
    if !is_object(meta) {
        return Ok(None);
    }
    serde_json::from_str(meta.get()).map(Some).map_err(|_| Ambiguous)
}

fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

static TOKEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("progressToken"));

/// The token by which progress finds its request: `_meta.progressToken` of a request,
/// `progressToken` of `notifications/progress` (specification, "Progress").
pub(crate) fn progress_token(message: &Message, head: &Head) -> Option<Id> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Progress<'a> {
        #[serde(borrow)]
        progress_token: Option<&'a RawValue>,
        #[serde(borrow, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let payload = message.payload(head);
    // Most messages are told without reading their parameters.
    TOKEN.find(payload)?;
    let progress: Progress<'_> = serde_json::from_slice(payload).ok()?;
    let token = match head.request_id() {
        Some(_) => read_meta(progress.meta?).ok()??.progress_token,
        None => progress.progress_token,
    };
    Id::from_json(token?.get())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::Bytes;
    use serde_json::value::RawValue;

    use super::Ambiguous;
    use super::Params;
    use crate::message::Message;

    fn request(params: &str) -> Message {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        Message::parse(Bytes::from(text)).unwrap()
    }

    fn is_ambiguous(params: &str) -> bool {
        let message = request(params);
        let read = Params::read(&message, message.head().unwrap());
        matches!(read, Err(Ambiguous))
    }

    #[test]
    fn each_member_is_found_and_nothing_is_copied() {
        let message = request(
            r#"{"_meta":{"a":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name":"n",
                "uri":"u","taskId":"t","arguments":{"x":1.10},"cursor":"c","z":{}}"#,
        );
        let params = Params::read(&message, message.head().unwrap()).unwrap();
        assert_eq!(params.protocol_version.as_deref(), Some("2026-07-28"));
        assert!(matches!(params.name, Some(Cow::Borrowed("n"))));
        assert!(matches!(params.uri, Some(Cow::Borrowed("u"))));
        assert!(matches!(params.task_id, Some(Cow::Borrowed("t"))));
        assert_eq!(params.arguments.map(RawValue::get), Some(r#"{"x":1.10}"#));
        assert_eq!(params.cursor.map(RawValue::get), Some("\"c\""));
    }

    #[test]
    fn escapes_are_decoded_in_names_and_values() {
        let message = request(r#"{"n\u0061me":"\u4e16\n","uri":"\ud800"}"#);
        let params = Params::read(&message, message.head().unwrap()).unwrap();
        assert_eq!(params.name.as_deref(), Some("世\n"));
        assert_eq!(params.uri, None, "half a surrogate pair is no text");
    }

    #[test]
    fn other_types_are_as_good_as_none() {
        for odd in [
            "[]",
            r#"[{},"n","u"]"#,
            r#"{"name":7,"uri":{},"taskId":[],"_meta":[["x"]],"cursor":null,"arguments":null}"#,
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":1e999}}"#,
            r#"{"_meta":["2026-07-28"]}"#,
        ] {
            let message = request(odd);
            let params = Params::read(&message, message.head().unwrap()).unwrap();
            assert!(params.protocol_version.is_none() && params.name.is_none(), "{odd}");
            assert!(params.uri.is_none() && params.task_id.is_none(), "{odd}");
            assert!(params.cursor.is_none() && params.arguments.is_none(), "{odd}");
        }
    }

    #[test]
    fn a_message_without_params_or_a_response_has_none() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"name":"n"}}"#,
        ] {
            let message = Message::parse(Bytes::from(text)).unwrap();
            let params = Params::read(&message, message.head().unwrap()).unwrap();
            assert!(params.name.is_none());
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        for params in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","n\u0061me":"b"}"#,
            r#"{"name":null,"name":"b"}"#,
            r#"{"arguments":{},"arguments":{}}"#,
            r#"{"_meta":{},"_meta":{}}"#,
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"a","io.modelcontextprotocol/protocolVersion":"b"}}"#,
        ] {
            assert!(is_ambiguous(params), "{params}");
        }
        assert!(!is_ambiguous(r#"{"other":1,"other":2}"#), "what is not read cannot be misread");
    }
}
