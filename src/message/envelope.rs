//! The members of a JSON-RPC object that this program reads, and no others.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::{Id, Kind, ParseError};

/// The reserved members, in place.
#[derive(Default)]
pub(crate) struct Envelope<'a> {
    version: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<Box<str>>,
    pub(crate) params: Option<&'a RawValue>,
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads one object.
    pub(crate) fn read(text: &'a str) -> Result<Self, ParseError> {
        serde_json::from_str(text).map_err(|e| match e.classify() {
            serde_json::error::Category::Data => {
                let ambiguous = ParseError::Invalid { id: None, reason: "not one JSON-RPC object" };
                // A data error may hide bad syntax further on: bad syntax is the graver fault.
                serde_json::from_str::<IgnoredAny>(text).map_or_else(
                    |syntax| ParseError::NotJson(syntax.to_string()),
                    |IgnoredAny| ambiguous,
                )
            }
            _ => ParseError::NotJson(e.to_string()),
        })
    }

    /// Decides what the object is.
    pub(crate) fn kind(self) -> Result<Kind, ParseError> {
        let id = self.id.and_then(|raw| Id::from_json(raw.get()));
        let invalid = |id: Option<Id>, reason| Err(ParseError::Invalid { id, reason });
        if self.version.map(RawValue::get) != Some(r#""2.0""#) {
            return invalid(id, "`jsonrpc` is not \"2.0\"");
        }
        match (self.method, self.result.is_some(), self.error.is_some()) {
            (Some(method), false, false) => match (self.id, id) {
                (None, _) => Ok(Kind::Notification { method }),
                (Some(_), Some(id)) => Ok(Kind::Request { id, method }),
                (Some(_), None) => invalid(None, "an id must be a string or a number"),
            },
            (None, true, false) => Ok(Kind::Response { id, failed: false }),
            (None, false, true) => Ok(Kind::Response { id, failed: true }),
            (None, false, false) => invalid(id, "neither a method, a result nor an error"),
            _ => invalid(id, "more than one of method, result and error"),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        let mut seen = 0_u8;
        while let Some(key) = map.next_key::<Key>()? {
            let bit = 1_u8 << key as u8;
            if key != Key::Other && seen & bit != 0 {
                return Err(de::Error::custom("a member stands twice"));
            }
            seen |= bit;
            match key {
                Key::Error => envelope.error = Some(map.next_value()?),
                Key::Id => envelope.id = Some(map.next_value()?),
                Key::Method => envelope.method = Some(map.next_value()?),
                Key::Params => envelope.params = Some(map.next_value()?),
                Key::Result => envelope.result = Some(map.next_value()?),
                Key::Jsonrpc => envelope.version = Some(map.next_value()?),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Error,
    Id,
    Jsonrpc,
    Method,
    Other,
    Params,
    Result,
}

const RESERVED: [(&str, Key); 6] = [
    ("error", Key::Error),
    ("id", Key::Id),
    ("jsonrpc", Key::Jsonrpc),
    ("method", Key::Method),
    ("params", Key::Params),
    ("result", Key::Result),
];

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
        if let Some((_, key)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            return Ok(*key);
        }
        if RESERVED.iter().any(|(reserved, _)| folds_to(name, reserved)) {
            return Err(de::Error::custom("another spelling of a reserved member"));
        }
        Ok(Key::Other)
    }
}

/// Whether a parser that ignores case, as Go's does, would take `name` for `reserved`
/// (CVE-2026-27896).
fn folds_to(name: &str, reserved: &str) -> bool {
    // Long ſ and the Kelvin sign fold into ASCII, so compare by way of upper case.
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.eq(reserved.chars())
}
