//! Replaces parts of a message, and leaves every other byte as it came.

use std::ops::Range;

use bytes::Bytes;
use bytes::BytesMut;

use crate::message::Heads;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;

/// A part of the bytes of a message, and the JSON text that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where the old value stands in [`Message::bytes`].
    pub at: Range<usize>,
    /// The new value.
    pub text: Bytes,
}

impl Message {
    /// The message with other values in some places: its id, or values within its payload. `edits`
    /// may come in any order; they must be values of this message that do not overlap. A batch
    /// stays as it is.
    ///
    /// One value that does not grow is written in place where nobody else holds the bytes, so that
    /// a large message needs its memory once.
    #[must_use]
    pub fn spliced(mut self, edits: &mut [Edit]) -> Self {
        let Heads::One([head]) = &mut self.heads else { return self };
        edits.sort_by_key(|edit| edit.at.start);
        for edit in edits.iter().filter(|edit| edit.at == head.id) {
            let new = std::str::from_utf8(&edit.text).ok().and_then(Id::from_json);
            match (&mut head.kind, new) {
                (Kind::Request { id, .. }, Some(new)) => *id = new,
                (Kind::Response { id, .. }, new) => *id = new,
                _ => {}
            }
        }
        head.id = moved(&head.id, edits);
        head.payload = moved(&head.payload, edits);
        self.bytes = match edits {
            [] => self.bytes,
            [edit] if edit.text.len() <= edit.at.len() => shrunk(self.bytes, edit),
            edits => copied(&self.bytes, edits),
        };
        self
    }
}

/// Where `range` stands after `edits`, which lie before it, in it or behind it.
fn moved(range: &Range<usize>, edits: &[Edit]) -> Range<usize> {
    let shifted = |at: usize, before: &dyn Fn(&Edit) -> bool| {
        let edits = edits.iter().filter(|edit| before(edit));
        let (gone, come) =
            edits.fold((0, 0), |(gone, come), edit| (gone + edit.at.len(), come + edit.text.len()));
        at + come - gone
    };
    let start = shifted(range.start, &|edit| edit.at.end <= range.start);
    start..shifted(range.end, &|edit| edit.at.end <= range.end)
}

fn copied(bytes: &Bytes, edits: &[Edit]) -> Bytes {
    let come: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut new = BytesMut::with_capacity(bytes.len() + come);
    let mut at = 0;
    for edit in edits {
        new.extend_from_slice(&bytes[at..edit.at.start]);
        new.extend_from_slice(&edit.text);
        at = edit.at.end;
    }
    new.extend_from_slice(&bytes[at..]);
    new.freeze()
}

/// Closes the gap from the end that is nearer.
fn shrunk(bytes: Bytes, edit: &Edit) -> Bytes {
    let mut bytes = match bytes.try_into_mut() {
        Ok(bytes) => bytes,
        Err(bytes) => return copied(&bytes, std::slice::from_ref(edit)),
    };
    let Edit { at, text } = edit;
    let gap = at.len() - text.len();
    if at.start <= bytes.len() - at.end {
        bytes.copy_within(..at.start, gap);
        bytes[at.start + gap..at.end].copy_from_slice(text);
        return bytes.freeze().slice(gap..);
    }
    bytes.copy_within(at.end.., at.end - gap);
    bytes[at.start..at.end - gap].copy_from_slice(text);
    bytes.truncate(bytes.len() - gap);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::message::Edit;
    use crate::message::Message;
    use crate::message::RpcError;

    fn parse(text: &str) -> Message {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    /// Puts `new` where `old` stands.
    fn edit(message: &Message, old: &str, new: &str) -> Edit {
        let text = std::str::from_utf8(message.bytes()).unwrap();
        let start = text.find(old).unwrap();
        Edit { at: start..start + old.len(), text: Bytes::copy_from_slice(new.as_bytes()) }
    }

    /// What a message says of itself is what its bytes say.
    fn assert_consistent(message: &Message) {
        let again = Message::parse(message.bytes().clone()).unwrap();
        assert_eq!(message.heads(), again.heads(), "{message:?}");
    }

    #[test]
    fn values_are_replaced_and_every_other_byte_stays() {
        for (old, new) in [
            (r#"{ "id" : 1234,"jsonrpc":"2.0", "result":{"a":1.10} }"#, "5"),
            (r#"{ "id" : 1234,"jsonrpc":"2.0", "result":{"a":1.10} }"#, r#""a longer one""#),
            (r#"{"jsonrpc":"2.0","result":{"a":[{}],"b":"xxxxxxxxx"},"id":1234}"#, "5"),
            (r#"{"jsonrpc":"2.0","result":{"a":[{}],"b":"xxxxxxxxx"},"id":1234}"#, "123456789"),
            (r#"{"jsonrpc":"2.0","method":"m","params":[ ],"id":1234}"#, "1"),
        ] {
            for held in [false, true] {
                let message = parse(old);
                let other = held.then(|| message.clone());
                let edit = edit(&message, "1234", new);
                assert_eq!(edit.at, message.id_range(message.head().unwrap()));
                let message = message.spliced(&mut [edit]);
                assert_eq!(message.bytes(), old.replace("1234", new).as_bytes());
                assert_consistent(&message);
                assert!(other.is_none_or(|other| other.bytes() == old.as_bytes()));
            }
        }
    }

    #[test]
    fn several_values_are_replaced_at_once_in_any_order() {
        let old = r#"{"jsonrpc":"2.0","params":{"a":"AA","b":"B"},"method":"m","id":7}"#;
        let message = parse(old);
        let mut edits = [
            edit(&message, "7", "1000"),
            edit(&message, "\"B\"", "2"),
            edit(&message, "\"AA\"", "30303030"),
        ];
        let message = message.spliced(&mut edits);
        let new = r#"{"jsonrpc":"2.0","params":{"a":30303030,"b":2},"method":"m","id":1000}"#;
        assert_eq!(message.bytes(), new);
        assert_eq!(message.payload(message.head().unwrap()), br#"{"a":30303030,"b":2}"#);
        assert_consistent(&message);
    }

    #[test]
    fn a_large_message_whose_id_does_not_grow_stays_where_it_is() {
        let body = "x".repeat(100_000);
        let message = parse(&format!(r#"{{"jsonrpc":"2.0","id":1234,"result":"{body}"}}"#));
        let before = message.payload(message.head().unwrap()).as_ptr();
        let edit = edit(&message, "1234", "1");
        let message = message.spliced(&mut [edit]);
        assert_eq!(message.payload(message.head().unwrap()).as_ptr(), before);
    }

    #[test]
    fn an_answer_of_ours_knows_where_its_id_stands() {
        let answer = RpcError::invalid_request("x").answer(None);
        assert_eq!(&answer.bytes()[answer.id_range(answer.head().unwrap())], b"null");
        assert_consistent(&answer);
    }
}
