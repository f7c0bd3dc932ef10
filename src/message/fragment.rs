//! The id of a message of which only the two ends were kept, since it was too large.

use crate::message::Id;

/// The id of the request that begins with `head` and ends with `tail`. `None` if it cannot be told
/// for certain, or if it is no request: an error under a wrong id would be a lie.
pub fn request_id(head: &[u8], tail: &[u8]) -> Option<Id> {
    let ends = ends(head, tail);
    let is_request = has(&ends, "method") && !has(&ends, "result") && !has(&ends, "error");
    is_request.then(|| only_id(&ends))?
}

/// As [`request_id`] for a response: the id of the request that it answers.
pub fn response_id(head: &[u8], tail: &[u8]) -> Option<Id> {
    let ends = ends(head, tail);
    let is_response = has(&ends, "result") || has(&ends, "error");
    (is_response && !has(&ends, "method")).then(|| only_id(&ends))?
}

/// The members that are known for certain.
fn ends(head: &[u8], tail: &[u8]) -> Vec<Member> {
    let mut ends = members(&String::from_utf8_lossy(head));
    ends.extend(last_members(&String::from_utf8_lossy(tail)));
    ends
}

fn has(members: &[Member], name: &str) -> bool {
    members.iter().any(|(key, _)| key == name)
}

/// The id; `None` where two of them differ.
fn only_id(members: &[Member]) -> Option<Id> {
    let mut ids = members.iter().filter(|(key, _)| key == "id").map(|(_, value)| value);
    let id = ids.next()?;
    ids.all(|other| other == id).then(|| Id::from_json(id))?
}

type Member = (String, String);

/// The members at the beginning of an object, up to the first value that is not a scalar; of that
/// one the name alone.
fn members(text: &str) -> Vec<Member> {
    let mut found = Vec::new();
    let Some(mut rest) = text.trim_start().strip_prefix('{') else { return found };
    while let Some((key, after)) = scalar(rest.trim_start()) {
        let Ok(key) = serde_json::from_str::<String>(key) else { break };
        let Some(value) = after.trim_start().strip_prefix(':') else { break };
        let Some((value, after)) = scalar(value.trim_start()) else {
            found.push((key, String::new()));
            break;
        };
        found.push((key, value.to_owned()));
        let Some(after) = after.trim_start().strip_prefix(',') else { break };
        rest = after;
    }
    found
}

/// The scalar members at the end of an object.
fn last_members(text: &str) -> Vec<Member> {
    let mut best = Vec::new();
    // The longest end that is an object of scalars once an opening brace stands before it.
    for (at, _) in text.match_indices(',') {
        let candidate = format!("{{{}", &text[at + 1..]);
        if serde_json::from_str::<serde::de::IgnoredAny>(&candidate).is_ok() {
            best = members(&candidate);
            break;
        }
    }
    best
}

/// A string, a number or a word at the beginning of `text`, and what follows. `None` if there is
/// none, or if it may go on after the end of `text`.
fn scalar(text: &str) -> Option<(&str, &str)> {
    let end = match text.as_bytes().first()? {
        b'"' => string_end(text)?,
        b'{' | b'[' | b'}' | b']' => return None,
        _ => text.find(|c: char| matches!(c, ',' | '}' | ']' | ':') || c.is_whitespace())?,
    };
    Some(text.split_at(end))
}

fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::message::fragment::request_id;
    use crate::message::fragment::response_id;

    fn found(head: &str, tail: &str) -> Option<String> {
        request_id(head.as_bytes(), tail.as_bytes()).map(|id| id.as_json().to_owned())
    }

    #[test]
    fn the_id_is_found_at_either_end() {
        let head = r#"{"jsonrpc":"2.0","id":"a\"b","method":"tools/call","params":{"x":"yyy"#;
        assert_eq!(found(head, "yyy\"}}"), Some(r#""a\"b""#.to_owned()));
        let head = r#" { "method" : "tools/call", "params":{"id":5,"x":"yyy"#;
        assert_eq!(
            found(head, r#"yyy","id":7}},"jsonrpc":"2.0","id": 12}"#),
            Some("12".to_owned())
        );
    }

    #[test]
    fn an_id_that_is_not_certain_is_none() {
        let head = r#"{"method":"tools/call","params":{"id":5,"x":"yyy"#;
        assert_eq!(found(head, r#"yyy","id":7}}"#), None);
        assert_eq!(found(r#"{"id":1,"result":{"x":"yyy"#, r#"yyy"}}"#), None, "a response");
        assert_eq!(found("garbage", r#"more,"id":1}"#), None);
        assert_eq!(found(r#"{"method":"m","id":12"#, ""), None, "may go on");
    }

    #[test]
    fn a_response_names_the_request_that_it_answers() {
        let found = |head: &str, tail: &str| {
            response_id(head.as_bytes(), tail.as_bytes()).map(|id| id.as_json().to_owned())
        };
        let head = r#"{"jsonrpc":"2.0","id":7,"result":{"content":"yyy"#;
        assert_eq!(found(head, r#"yyy","id":8}}"#), Some("7".to_owned()));
        let head = r#"{"result":{"id":5,"content":"yyy"#;
        assert_eq!(found(head, r#"yyy"}]},"jsonrpc":"2.0","id":"a"}"#), Some(r#""a""#.to_owned()));
        let head = r#"{"error":{"code":1,"message":"yyy"#;
        assert_eq!(found(head, r#"yyy"},"id":3}"#), Some("3".to_owned()));
        assert_eq!(found(r#"{"id":1,"method":"m","params":{"#, r#"y"},"x":1}"#), None, "a request");
        assert_eq!(found(r#"{"id":1,"result":{"x":"yyy"#, r#"yyy"},"id":2}"#), None, "two ids");
        assert_eq!(found(r#"{"id":1,"x":{"#, r#"y"}}"#), None, "neither");
    }
}
