//! The id of a request.

use std::fmt;

/// An id in canonical JSON text: a number as it was written, a string with its quotes and without
/// needless escapes. Two ids are equal if their types and their values are: `1` is not `"1"`, and
/// `"a"` is `"\u0061"`, since some peers write an id back with other escapes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// Reads JSON text. `None` if it is neither a string nor a number.
    pub fn from_json(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'"' if text.contains('\\') => {
                let decoded: String = serde_json::from_str(text).ok()?;
                Some(Self::string(&decoded))
            }
            b'"' | b'-' | b'0'..=b'9' => Some(Self(text.into())),
            _ => None,
        }
    }

    /// The string id with this value.
    pub fn string(value: &str) -> Self {
        Self(serde_json::Value::from(value).to_string().into())
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
