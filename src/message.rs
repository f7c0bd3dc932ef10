//! One JSON-RPC message, kept as the bytes that came; only its head is read.
//!
//! What two parsers could read in two ways is refused, not repaired: a key that stands twice
//! (a derived value would silently take the last one) and a key that is another spelling of a
//! reserved one (`Method`, `paramſ`), both known ways round a filter.

mod envelope;
mod error;
mod fragment;
mod id;
mod method;
mod splice;
mod survey;

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::survey::Survey;

pub(crate) use crate::message::envelope::folds_to;
pub use crate::message::error::RpcError;
pub use crate::message::fragment::request_id as request_id_of_fragments;
pub use crate::message::fragment::response_id as response_id_of_fragments;
pub use crate::message::id::Id;
pub use crate::message::method::Method;
pub use crate::message::splice::Edit;

/// What a message is, and the parts of it that routing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has a method and no id: nobody answers it.
    Notification {
        /// The decoded method name.
        method: Method,
    },
    /// Has a method and an id: exactly one response answers it.
    Request {
        /// The id as sent.
        id: Id,
        /// The decoded method name.
        method: Method,
    },
    /// Has a result or an error.
    Response {
        /// The id of the request; `None` where the peer said null or nothing.
        id: Option<Id>,
        /// Whether it carries an error instead of a result.
        failed: bool,
    },
}

/// The head of one message: its kind, and where its id and its `params`, `result` or `error` stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the message is.
    pub kind: Kind,
    id: Range<usize>,
    payload: Range<usize>,
}

impl Head {
    /// The method of a request or a notification.
    pub fn method(&self) -> Option<&str> {
        match &self.kind {
            Kind::Notification { method } | Kind::Request { method, .. } => Some(method),
            Kind::Response { .. } => None,
        }
    }

    /// The id, if this is a request.
    pub fn request_id(&self) -> Option<&Id> {
        match &self.kind {
            Kind::Request { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The id, if this is a response that names one.
    pub fn response_id(&self) -> Option<&Id> {
        match &self.kind {
            Kind::Response { id, .. } => id.as_ref(),
            _ => None,
        }
    }
}

/// One message, or one batch of them (JSON-RPC 2.0 section 6; in MCP only 2025-03-26), in one line.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    heads: Heads,
}

#[derive(Clone, Debug)]
enum Heads {
    Batch(Vec<Head>),
    One([Head; 1]),
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseError {
    /// Valid JSON, but not a JSON-RPC message or batch.
    #[error("{reason}")]
    Invalid {
        /// The ids of the requests in it, as far as they can be told.
        ids: Vec<Id>,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not JSON in UTF-8.
    #[error("not valid JSON: {0}")]
    NotJson(String),
}

impl Message {
    /// Reads the head of `bytes`. Raw line ends, which in valid JSON are white space only, become
    /// blanks, so that the message is one line; nothing else is changed.
    ///
    /// # Errors
    /// [`ParseError`] for anything that is not exactly one JSON-RPC message or batch.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        let bytes = trim(bytes);
        let survey = Survey::of(&bytes);
        if survey.too_deep {
            return Err(too_deep(&bytes));
        }
        let text = std::str::from_utf8(&bytes).map_err(|e| ParseError::NotJson(e.to_string()))?;
        let heads = if text.starts_with('[') {
            Heads::Batch(batch(text)?)
        } else {
            Heads::One([head(text, text)?])
        };
        // Only now: within a string a raw line end is no white space but a fault.
        let bytes = if survey.line_ends { one_line(bytes) } else { bytes };
        Ok(Self { bytes, heads })
    }

    /// The bytes, without a line end.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The heads: one, or those of a batch.
    pub fn heads(&self) -> &[Head] {
        match &self.heads {
            Heads::Batch(heads) => heads,
            Heads::One(head) => head,
        }
    }

    /// The head of a message that is not a batch.
    pub fn head(&self) -> Option<&Head> {
        match &self.heads {
            Heads::Batch(_) => None,
            Heads::One(head) => Some(&head[0]),
        }
    }

    /// Whether this is one response.
    pub fn is_response(&self) -> bool {
        self.head().is_some_and(|head| matches!(head.kind, Kind::Response { .. }))
    }

    /// The code of the error that this is; `None` if it is none.
    pub fn error_code(&self) -> Option<i64> {
        #[derive(Deserialize)]
        struct Error {
            code: i64,
        }
        let head = self.head()?;
        if !matches!(head.kind, Kind::Response { failed: true, .. }) {
            return None;
        }
        serde_json::from_slice::<Error>(self.payload(head)).ok().map(|error| error.code)
    }

    /// Whether this is a batch.
    pub fn is_batch(&self) -> bool {
        matches!(self.heads, Heads::Batch(_))
    }

    /// Id and method, if this is one request.
    pub fn request(&self) -> Option<(&Id, &str)> {
        match &self.head()?.kind {
            Kind::Request { id, method } => Some((id, method)),
            _ => None,
        }
    }

    /// The request that this message cancels, if it is a `notifications/cancelled`.
    pub fn cancelled_request(&self) -> Option<Id> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            #[serde(borrow)]
            request_id: &'a RawValue,
        }
        let head = self.head().filter(|head| head.method() == Some("notifications/cancelled"))?;
        let params: Params<'_> = serde_json::from_slice(self.payload(head)).ok()?;
        Id::from_json(params.request_id.get())
    }

    /// The ids of the requests in it.
    pub fn request_ids(&self) -> impl Iterator<Item = &Id> {
        self.heads().iter().filter_map(Head::request_id)
    }

    /// The text of `params`, `result` or `error` of one of [`Message::heads`]; empty if it has none.
    pub fn payload(&self, head: &Head) -> &[u8] {
        self.bytes.get(head.payload.clone()).unwrap_or_default()
    }

    /// Where [`Message::payload`] stands in [`Message::bytes`].
    pub fn payload_range(&self, head: &Head) -> Range<usize> {
        head.payload.clone()
    }

    /// Where the text of the id stands in [`Message::bytes`]; empty if there is none.
    pub fn id_range(&self, head: &Head) -> Range<usize> {
        head.id.clone()
    }

    /// The messages of a batch, each on its own; a single message as it is.
    pub fn split(self) -> Vec<Self> {
        let mut messages = Vec::new();
        self.split_into(&mut messages);
        messages
    }

    /// Appends what [`Message::split`] yields.
    pub fn split_into(self, messages: &mut Vec<Self>) {
        let Heads::Batch(_) = self.heads else { return messages.push(self) };
        let texts: Vec<&RawValue> = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let parts = texts.iter().map(|text| self.bytes.slice_ref(text.get().as_bytes()));
        // Each part was read once already, as an element of this batch.
        messages.extend(parts.filter_map(|part| Self::parse(part).ok()));
    }
}

/// Cuts white space off both ends without a copy, and a byte order mark, as some shells and
/// libraries write one: it is no part of the JSON, and must not go on (RFC 8259 section 8.1).
fn trim(bytes: Bytes) -> Bytes {
    let trimmed = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).trim_ascii();
    if trimmed.len() == bytes.len() { bytes } else { bytes.slice_ref(trimmed) }
}

fn one_line(bytes: Bytes) -> Bytes {
    // Without a copy where nobody else holds these bytes.
    let mut line = bytes::BytesMut::from(bytes);
    for byte in line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    line.freeze()
}

/// What is not parsed at all is answered under its id where that can be told.
fn too_deep(bytes: &[u8]) -> ParseError {
    let head = &bytes[..bytes.len().min(limits::LINE_EDGE_BYTES)];
    let tail = &bytes[bytes.len().saturating_sub(limits::LINE_EDGE_BYTES)..];
    let ids = request_id_of_fragments(head, tail).into_iter().collect();
    ParseError::Invalid { ids, reason: "it nests too deep" }
}

fn batch(text: &str) -> Result<Vec<Head>, ParseError> {
    let parts: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|e| ParseError::NotJson(e.to_string()))?;
    if parts.is_empty() {
        return Err(ParseError::Invalid { ids: Vec::new(), reason: "an empty batch" });
    }
    let read: Vec<_> = parts.iter().map(|part| head(text, part.get())).collect();
    if read.iter().all(Result::is_ok) {
        return Ok(read.into_iter().flatten().collect());
    }
    let ids = read.iter().flat_map(|part| match part {
        Ok(head) => head.request_id().cloned().into_iter().collect(),
        Err(ParseError::Invalid { ids, .. }) => ids.clone(),
        Err(ParseError::NotJson(_)) => Vec::new(),
    });
    Err(ParseError::Invalid {
        ids: ids.collect(),
        reason: "a batch with a part that is no message",
    })
}

/// Reads the head of `part`, which lies within `whole`.
fn head(whole: &str, part: &str) -> Result<Head, ParseError> {
    let envelope = Envelope::read(part)?;
    let place = |raw: Option<&RawValue>| raw.map_or(0..0, |raw| place(whole, raw.get()));
    let id = place(envelope.id);
    let payload = place(envelope.params.or(envelope.result).or(envelope.error));
    Ok(Head { kind: envelope.kind()?, id, payload })
}

/// Where `part`, which lies within `whole`, stands in it.
fn place(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

#[cfg(test)]
mod tests;
