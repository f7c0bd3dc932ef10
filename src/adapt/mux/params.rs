//! The members of `params` that name a request, and so have to be rewritten.

use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::adapt::mux::members::Ambiguous;
use crate::adapt::mux::members::find;
use crate::adapt::mux::members::place;
use crate::message::Edit;
use crate::message::Head;
use crate::message::Id;
use crate::message::Message;

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// What a request asks for in `params._meta`.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// `progressToken`: reports under this token.
    pub(crate) progress: Option<Value>,
    /// `io.modelcontextprotocol/logLevel`: log messages (specification 2026-07-28, "`_meta`").
    pub(crate) logs: bool,
}

impl Wishes {
    /// Reads the request that `head` stands for.
    ///
    /// # Errors
    /// [`Ambiguous`] if one of them can be read in two ways.
    pub(crate) fn read(message: &Message, head: &Head) -> Result<Self, Ambiguous> {
        let [Some(meta)] = find(message.payload(head), ["_meta"])? else {
            return Ok(Self::default());
        };
        let [token, level] = find(meta.get().as_bytes(), ["progressToken", LOG_LEVEL])?;
        let token = token.map(|raw| Value::new(message, raw));
        let logs = level.is_some_and(|raw| raw.get() != "null");
        Ok(Self { progress: token.filter(|token| Id::from_json(token.text()).is_some()), logs })
    }
}

/// A value within a message: where it stands, and its text.
#[derive(Debug)]
pub(crate) struct Value {
    /// Where it stands in [`Message::bytes`].
    pub(crate) at: Range<usize>,
    text: Box<str>,
}

impl Value {
    fn new(message: &Message, raw: &RawValue) -> Self {
        Self { at: place(message.bytes(), raw), text: raw.get().into() }
    }

    /// The JSON text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The number of ours that it is. Some servers make every token and subscription id a string.
    pub(crate) fn number(&self) -> Option<u64> {
        self.text.trim_matches('"').parse().ok()
    }

    /// Puts the client's own value in its place, as a string where the server made ours one.
    pub(crate) fn restored(&self, own: &str) -> Edit {
        let text = if self.text.starts_with('"') && !own.starts_with('"') {
            Bytes::from(format!("\"{own}\""))
        } else {
            Bytes::copy_from_slice(own.as_bytes())
        };
        Edit { at: self.at.clone(), text }
    }
}

/// `params.progressToken` of a `notifications/progress`.
///
/// # Errors
/// [`Ambiguous`] if it can be read in two ways.
pub(crate) fn progress_token(message: &Message, head: &Head) -> Result<Option<Value>, Ambiguous> {
    member(message, message.payload(head), "progressToken")
}

/// `params.requestId` of a `notifications/cancelled`.
///
/// # Errors
/// [`Ambiguous`] if it can be read in two ways.
pub(crate) fn cancelled_id(message: &Message, head: &Head) -> Result<Option<Value>, Ambiguous> {
    member(message, message.payload(head), "requestId")
}

/// The subscription that a notification or a result belongs to: the id of a
/// `subscriptions/listen` (specification 2026-07-28, "Subscriptions").
///
/// # Errors
/// [`Ambiguous`] if it can be read in two ways.
pub(crate) fn subscription_id(message: &Message, head: &Head) -> Result<Option<Value>, Ambiguous> {
    match find(message.payload(head), ["_meta"])? {
        [Some(meta)] => member(message, meta.get().as_bytes(), SUBSCRIPTION_ID),
        [None] => Ok(None),
    }
}

fn member(message: &Message, object: &[u8], name: &str) -> Result<Option<Value>, Ambiguous> {
    let [found] = find(object, [name])?;
    Ok(found.map(|raw| Value::new(message, raw)))
}
