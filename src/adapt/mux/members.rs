//! Finds a few members of a JSON object, and where their values stand.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::message::folds_to;

/// A member stands twice, or in another spelling that a parser which ignores case would take: the
/// other side could read another value than we do.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a member that could be read in two ways")]
pub(crate) struct Ambiguous;

/// The values of the members called `names`. A value that is no object has none.
///
/// # Errors
/// [`Ambiguous`] if one of them stands twice or misspelled.
pub(crate) fn find<'a, const N: usize>(
    object: &'a [u8],
    names: [&str; N],
) -> Result<[Option<&'a RawValue>; N], Ambiguous> {
    if !object.starts_with(b"{") {
        return Ok([None; N]);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(object);
    deserializer.deserialize_map(Members(&names)).map_err(|_| Ambiguous)
}

/// Where `value`, which lies within `whole`, stands in it.
pub(crate) fn place(whole: &Bytes, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - whole.as_ptr().addr();
    start..start + value.get().len()
}

struct Members<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(which) = map.next_key_seed(Name(self.0))? {
            let Some(which) = which else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if found[which].replace(map.next_value()?).is_some() {
                return Err(de::Error::custom(Ambiguous));
            }
        }
        Ok(found)
    }
}

/// Tells which of some names a key is.
struct Name<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // As bytes: half a surrogate pair is no text, and no concern of ours.
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        if let Some(which) = self.0.iter().position(|name| name.as_bytes() == key) {
            return Ok(Some(which));
        }
        let Ok(key) = std::str::from_utf8(key) else { return Ok(None) };
        if self.0.iter().any(|name| folds_to(key, name)) {
            return Err(E::custom(Ambiguous));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::Ambiguous;
    use super::find;

    fn text(value: Option<&RawValue>) -> Option<&str> {
        value.map(RawValue::get)
    }

    #[test]
    fn members_are_found_with_their_text() {
        let object = br#"{"b": 1.10 ,"c":{"aName":5},"\u0061Name":[ ],"\ud800":0}"#;
        let [a, b, d] = find(object, ["aName", "b", "d"]).unwrap();
        assert_eq!((text(a), text(b), text(d)), (Some("[ ]"), Some("1.10"), None));
    }

    #[test]
    fn only_an_object_has_members() {
        for other in ["[]", "\"a\"", "null", "7", ""] {
            assert!(find(other.as_bytes(), ["a"]).unwrap()[0].is_none(), "{other}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for object in [
            r#"{"requestId":1,"requestId":2}"#,
            r#"{"requestId":1,"request\u0049d":2}"#,
            r#"{"requestId":1,"RequestID":2}"#,
            r#"{"reque\u017ftId":1}"#,
        ] {
            assert_eq!(find(object.as_bytes(), ["requestId"]).unwrap_err(), Ambiguous, "{object}");
        }
    }
}
