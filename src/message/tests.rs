use bytes::Bytes;

use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::Method;
use crate::message::ParseError;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind as FailureKind;
use crate::report::Report;

/// Reads a text to which the member that all messages have is added.
fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse(Bytes::from(complete(text)))
}

/// Adds the member that all messages have.
fn complete(text: &str) -> String {
    let version = r#"{"jsonrpc":"2.0","#;
    text.replace(r#"{"id""#, &format!(r#"{version}"id""#))
        .replace(r#"{"method""#, &format!(r#"{version}"method""#))
}

fn kind(text: &str) -> Kind {
    parse(text).unwrap().head().unwrap().kind.clone()
}

fn id(text: &str) -> Id {
    Id::from_json(text).unwrap()
}

fn is_invalid(text: &str) -> bool {
    matches!(parse(text), Err(ParseError::Invalid { .. }))
}

fn is_not_json(text: &str) -> bool {
    matches!(parse(text), Err(ParseError::NotJson(_)))
}

#[test]
fn the_four_kinds_are_told_apart() {
    let method = Method::from("tools/call");
    assert_eq!(
        kind(r#"{"id":1,"method":"tools/call"}"#),
        Kind::Request { id: id("1"), method: method.clone() }
    );
    assert_eq!(kind(r#"{"method":"tools\/call"}"#), Kind::Notification { method });
    assert_eq!(
        kind(r#"{"id":"x","result":null}"#),
        Kind::Response { id: Some(id("\"x\"")), failed: false }
    );
    assert_eq!(kind(r#"{"id":null,"error":{}}"#), Kind::Response { id: None, failed: true });
}

#[test]
fn bytes_stay_as_they_came() {
    let odd = r#"{ "jsonrpc":"2.0","id":123456789012345678901234567890, "method":"m", "x":-0, "params":{"a":1.10,"b":"\u00e9"} }"#;
    let message = parse(odd).unwrap();
    assert_eq!(message.bytes(), odd.as_bytes());
    let head = message.head().unwrap();
    assert_eq!(message.payload(head), br#"{"a":1.10,"b":"\u00e9"}"#);
    assert_eq!(head.request_id().unwrap().as_json(), "123456789012345678901234567890");
}

#[test]
fn a_pretty_printed_message_becomes_one_line() {
    let message =
        parse("\n{\r\n \"jsonrpc\": \"2.0\", \"id\": 1,\n \"method\": \"a\\nb\"}\n").unwrap();
    assert_eq!(
        message.bytes().as_ref(),
        b"{   \"jsonrpc\": \"2.0\", \"id\": 1,  \"method\": \"a\\nb\"}"
    );
    assert_eq!(message.head().unwrap().method(), Some("a\nb"));
}

#[test]
fn a_string_id_is_not_a_number_and_escapes_do_not_matter() {
    assert_ne!(id("1"), id("\"1\""));
    assert_eq!(id("\"\\u0061\\/\""), id("\"a/\""));
    assert_eq!(Id::from_json("null"), None);
    assert_eq!(Id::from_json("true"), None);
    assert_eq!(Id::from_json("{}"), None);
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    for text in [
        r#"{"id":1,"method":"a","method":"b"}"#,
        r#"{"id":1,"id":2,"method":"a"}"#,
        r#"{"id":1,"method":"a","m\u0065thod":"b"}"#,
        r#"{"id":1,"method":"a","Method":"b"}"#,
        r#"{"id":1,"method":"a","METHOD":"b"}"#,
        r#"{"id":1,"method":"a","paramſ":{}}"#,
        r#"{"id":null,"method":"a"}"#,
        r#"{"id":true,"method":"a"}"#,
        r#"{"id":{},"method":"a"}"#,
        r#"{"id":1,"result":1,"error":{}}"#,
        r#"{"id":1,"method":"a","result":{}}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"method":7}"#,
        r#"{"x":1,"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"3.0","method":"a"}"#,
        r#"{"jsonrpc":2.0,"method":"a"}"#,
        r#""text""#,
        "17",
        "[]",
        "[[]]",
        r#"[{"id":1,"method":"a"},{}]"#,
    ] {
        assert!(is_invalid(text), "{text}: {:?}", parse(text));
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_message() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
    let message = Message::parse(format!("\u{feff}{text}\r\n").into()).unwrap();
    assert_eq!(message.bytes(), text);
    assert!(is_not_json(&format!("\u{feff}\u{feff}{text}")));
}

#[test]
fn garbage_is_not_json() {
    for text in
        ["", "{", "hello", "{}{}", r#"{"id":1,"method":"a"} x"#, "{}\u{feff}", r#"{"a":01}"#]
    {
        assert!(is_not_json(text), "{text}: {:?}", parse(text));
    }
    assert!(matches!(
        Message::parse(Bytes::from_static(b"{\"method\":\"\xff\"}")),
        Err(ParseError::NotJson(_))
    ));
}

#[test]
fn bad_syntax_behind_a_bad_member_is_still_bad_syntax() {
    assert!(is_not_json(r#"{"id":1,"id":2,"#));
}

#[test]
fn nesting_is_bounded_and_brackets_in_strings_do_not_count() {
    let nested = |depth: usize| {
        format!(r#"{{"method":"m","params":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
    };
    assert!(parse(&nested(crate::limits::MAX_NESTING - 1)).is_ok());
    assert!(is_invalid(&nested(crate::limits::MAX_NESTING)));
    assert!(is_invalid(&nested(1_000_000)));
    let text = format!(r#"{{"method":"\"{}\\"}}"#, "[".repeat(1000));
    assert!(parse(&text).is_ok());
}

#[test]
fn a_batch_keeps_its_heads_and_can_be_split() {
    let batch = parse(r#"[{"id":1,"method":"a","params":[1]}, {"method":"b"}]"#).unwrap();
    assert!(batch.is_batch());
    assert!(batch.head().is_none());
    assert_eq!(batch.request_ids().collect::<Vec<_>>(), [&id("1")]);
    assert_eq!(batch.payload(&batch.heads()[0]), b"[1]");
    let parts = batch.split();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[1].bytes().as_ref(), br#"{"jsonrpc":"2.0","method":"b"}"#);
    assert_eq!(parts[0].payload(parts[0].head().unwrap()), b"[1]");
}

#[test]
fn an_error_of_ours_is_a_message_with_kind_cause_and_hint() {
    let report = Report::new("no \"way\"").cause("because").hint("do");
    let failure = Failure::new(FailureKind::NotSent, report);
    let answer = RpcError::failed(&failure, Some("tools/call")).answer(Some(&id("7")));
    let value: serde_json::Value = serde_json::from_slice(answer.bytes()).unwrap();
    assert_eq!(value["id"], 7);
    assert_eq!(value["error"]["code"], -32603);
    assert_eq!(value["error"]["message"], "no \"way\"");
    let data = &value["error"]["data"];
    assert_eq!(data["source"], "mcp-secure-remote");
    assert_eq!(data["kind"], "not_sent");
    assert_eq!(data["method"], "tools/call");
    assert_eq!(data["retrySafe"], true);
    assert_eq!((&data["cause"], &data["hint"]), (&"because".into(), &"do".into()));

    let again = Message::parse(answer.bytes().clone()).unwrap();
    assert_eq!(again.head(), answer.head());
    let anonymous = RpcError::parse_error("x").answer(None);
    assert!(anonymous.bytes().starts_with(br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#));
}

#[test]
fn a_refused_request_is_refused_under_its_id() {
    let ids = |text: &str| match parse(text) {
        Err(ParseError::Invalid { ids, .. }) => ids.iter().map(ToString::to_string).collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(ids(r#"{"id":5,"method":"a","method":"b"}"#), ["5"]);
    assert_eq!(ids(r#"{"id":5,"method":"a","Method":"b"}"#), ["5"]);
    assert_eq!(ids(r#"{"id":"x","method":5}"#), ["\"x\""]);
    assert_eq!(ids(r#"[{"id":1,"method":"a"},{"id":2,"method":"b"},5]"#), ["1", "2"]);
    let deep =
        format!(r#"{{"id":7,"method":"a","params":{}{}}}"#, "[".repeat(129), "]".repeat(129));
    assert_eq!(ids(&deep), ["7"]);
    let none: [&str; 0] = [];
    assert_eq!(ids(r#"{"id":5,"id":6,"method":"a"}"#), none, "which of them?");
    assert_eq!(ids(r#"{"id":5,"result":1,"error":{}}"#), none, "no request");
}

#[test]
fn a_raw_line_end_within_a_string_is_no_white_space() {
    for text in [
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\nb\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"x\":\"a\rb\"}}",
    ] {
        let refused = Message::parse(Bytes::copy_from_slice(text.as_bytes()));
        assert!(matches!(refused, Err(ParseError::NotJson(_))), "{text:?}: {refused:?}");
    }
}
