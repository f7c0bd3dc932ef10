//! The members of a JSON-RPC object that this program reads, and no others.

use std::fmt;

use serde::de;
use serde::de::Deserialize;
use serde::de::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::message::Id;
use crate::message::Kind;
use crate::message::Method;
use crate::message::ParseError;

/// The reserved members, in place.
#[derive(Default)]
pub(crate) struct Envelope<'a> {
    version: Option<&'a RawValue>,
    pub(crate) id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    pub(crate) params: Option<&'a RawValue>,
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<&'a RawValue>,
    // What two parsers could read in two ways. The rest is read all the same, since the answer
    // needs the id.
    fault: Option<&'static str>,
}

impl<'a> Envelope<'a> {
    /// Reads one object.
    pub(crate) fn read(text: &'a str) -> Result<Self, ParseError> {
        serde_json::from_str(text).map_err(|e| match e.classify() {
            serde_json::error::Category::Data => {
                ParseError::Invalid { ids: Vec::new(), reason: "not one JSON-RPC object" }
            }
            _ => ParseError::NotJson(e.to_string()),
        })
    }

    /// Decides what the object is.
    pub(crate) fn kind(self) -> Result<Kind, ParseError> {
        let id = self.id.and_then(|raw| Id::from_json(raw.get()));
        let reason = match (self.fault(), self.method, self.result.is_some(), self.error.is_some())
        {
            (Some(fault), ..) => fault,
            (None, Some(method), false, false) => match (Method::from_json(method), self.id, &id) {
                (Some(method), None, _) => return Ok(Kind::Notification { method }),
                (Some(method), Some(_), Some(id)) => {
                    return Ok(Kind::Request { id: id.clone(), method });
                }
                (Some(_), Some(_), None) => "an id must be a string or a number",
                (None, ..) => "`method` is not a string",
            },
            (None, None, true, false) => return Ok(Kind::Response { id, failed: false }),
            (None, None, false, true) => return Ok(Kind::Response { id, failed: true }),
            (None, None, false, false) => "neither a method, a result nor an error",
            _ => "more than one of method, result and error",
        };
        // A response that cannot be used has no answer: its id is the other side's.
        let ids = id.filter(|_| self.method.is_some()).into_iter().collect();
        Err(ParseError::Invalid { ids, reason })
    }

    fn fault(&self) -> Option<&'static str> {
        let version = self.version.map(RawValue::get) == Some(r#""2.0""#);
        self.fault.or((!version).then_some("`jsonrpc` is not \"2.0\""))
    }

    /// Puts a member in its place.
    fn put(&mut self, key: Key, value: &'a RawValue) {
        let place = match key {
            Key::Error => &mut self.error,
            Key::Id => &mut self.id,
            Key::Jsonrpc => &mut self.version,
            Key::Method => &mut self.method,
            Key::Params => &mut self.params,
            Key::Result => &mut self.result,
            Key::Other => return,
            Key::Misspelled => {
                self.fault = Some("another spelling of a reserved member");
                return;
            }
        };
        if place.replace(value).is_some() {
            self.fault = Some("a member stands twice");
            if key == Key::Id {
                self.id = None;
            }
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
        while let Some(key) = map.next_key::<Key>()? {
            if key == Key::Other {
                map.next_value::<IgnoredAny>()?;
            } else {
                envelope.put(key, map.next_value()?);
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
    Misspelled,
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
        let misspelled = RESERVED.iter().any(|(reserved, _)| folds_to(name, reserved));
        Ok(if misspelled { Key::Misspelled } else { Key::Other })
    }
}

/// Whether a parser that ignores case, as Go's does, would take `name` for `reserved`
/// (CVE-2026-27896).
pub(crate) fn folds_to(name: &str, reserved: &str) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(reserved);
    }
    // Long ſ and the Kelvin sign fold into ASCII, so compare by way of upper case.
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.eq(reserved.chars().map(|c| c.to_ascii_lowercase()))
}
