//! The name of a method.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde_json::value::RawValue;

/// A decoded method name. Those that come in floods need no memory of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Method(Cow<'static, str>);

/// Those that a busy session is made of.
const FREQUENT: [&str; 8] = [
    "tools/call",
    "notifications/progress",
    "notifications/message",
    "notifications/resources/updated",
    "notifications/cancelled",
    "resources/read",
    "prompts/get",
    "ping",
];

/// Whether a request of this method changes nothing but a session, wherever it runs. By the name in
/// the specification alone: what a server says of its tools proves nothing.
pub(crate) fn changes_nothing(method: &str) -> bool {
    matches!(method, "initialize" | "server/discover" | "ping") || LISTS.contains(&method)
}

const LISTS: [&str; 4] =
    ["tools/list", "resources/list", "resources/templates/list", "prompts/list"];

impl Method {
    /// Reads JSON text; `None` if it is no string.
    pub(crate) fn from_json(raw: &RawValue) -> Option<Self> {
        let quoted = raw.get().strip_prefix('"')?.strip_suffix('"')?;
        if quoted.contains('\\') {
            return serde_json::from_str(raw.get()).ok().map(|name| Self(Cow::Owned(name)));
        }
        Some(quoted.into())
    }
}

impl From<&str> for Method {
    fn from(name: &str) -> Self {
        let known = FREQUENT.iter().find(|known| **known == name);
        Self(known.map_or_else(|| Cow::Owned(name.to_owned()), |known| Cow::Borrowed(*known)))
    }
}

impl Deref for Method {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
