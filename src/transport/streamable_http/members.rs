//! The members of a JSON object, none of them decoded and none of them lost.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::Deserialize;
use serde::de::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

/// The members of one object, in order; a name can stand twice.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A member stands twice: two parsers could read two values.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a member stands twice")]
pub(crate) struct Twice;

impl<'a> Members<'a> {
    /// Reads one object. `None` for any other value.
    pub(crate) fn read(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// The member with this name.
    ///
    /// # Errors
    /// [`Twice`] if there are several.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, Twice> {
        let mut named = self.0.iter().filter(|(key, _)| key == name);
        let first = named.next();
        if named.next().is_some() { Err(Twice) } else { Ok(first.map(|(_, value)| *value)) }
    }

    /// All members, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Whether any name stands twice.
    pub(crate) fn has_twice(&self) -> bool {
        let mut seen = HashSet::new();
        !self.0.iter().all(|(key, _)| seen.insert(key))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(Members(members))
    }
}

// A plain `Cow` is always read as an owned one; only within a struct can it borrow.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::Members;
    use super::Twice;

    #[test]
    fn members_keep_their_order_and_their_text() {
        let raw: &RawValue = serde_json::from_str(r#"{"b":1.10,"\u0061":[ ],"b":2}"#).unwrap();
        let members = Members::read(raw).unwrap();
        let listed: Vec<_> = members.iter().map(|(key, value)| (key, value.get())).collect();
        assert_eq!(listed, [("b", "1.10"), ("a", "[ ]"), ("b", "2")]);
        assert!(members.has_twice());
        assert_eq!(members.get("b").unwrap_err(), Twice);
        assert_eq!(members.get("a").unwrap().map(RawValue::get), Some("[ ]"));
        assert!(members.get("c").unwrap().is_none());
    }

    #[test]
    fn only_an_object_has_members() {
        for text in ["[]", "1e999", "null", "\"{}\""] {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            assert!(Members::read(raw).is_none(), "{text}");
        }
    }
}
