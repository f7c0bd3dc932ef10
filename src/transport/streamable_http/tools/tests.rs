use bytes::Bytes;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::Tools;
use super::complaint;
use super::schema::Invalid;
use crate::limits;
use crate::message::Message;
use crate::report::peer_text;

const VALID: &str = r#"{ "name":"valid","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}"#;
const INVALID: &str = r#"{"name":"invalid","inputSchema":{"properties":{"r":{"type":"number","x-mcp-header":"Region"}}}}"#;
const BARE: &str = r#"{"name":"bare","x":1.10,"inputSchema":{"type":"object"} }"#;

fn parse(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

/// A page with these tools, written with odd spaces, and what stands around them.
fn page(tools: &str) -> Message {
    parse(&format!(
        r#"{{"jsonrpc":"2.0","id":1, "result":{{"ttlMs":1e999,"tools": [ {tools} ] ,"z":"é"}} }}"#
    ))
}

fn text(message: &Message) -> &str {
    std::str::from_utf8(message.bytes()).unwrap()
}

/// What `learn` makes of a page with these tools.
fn learned(tools: &str) -> String {
    text(&Tools::default().learn(page(tools), true)).to_owned()
}

/// The headers of a call, as text.
fn call(tools: &Tools, tool: &str, arguments: &str) -> Vec<String> {
    let arguments: &RawValue = serde_json::from_str(arguments).unwrap();
    let headers = tools.headers(tool, Some(arguments));
    headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

/// What is known after a page with one tool `t` of these properties.
fn tool(properties: &str) -> Tools {
    let mut tools = Tools::default();
    let definition = format!(r#"{{"name":"t","inputSchema":{{"properties":{properties}}}}}"#);
    let before = page(&definition);
    assert_eq!(text(&tools.learn(before.clone(), true)), text(&before), "{definition}");
    tools
}

#[test]
fn a_page_with_valid_tools_is_passed_on_without_a_copy() {
    let before = page(&format!("{VALID},{BARE},7,[],null"));
    let after = Tools::default().learn(before.clone(), true);
    assert_eq!(after.bytes().as_ptr(), before.bytes().as_ptr());
    assert_eq!(after.bytes(), before.bytes());
}

#[test]
fn an_invalid_tool_is_cut_out_and_nothing_else_is_touched() {
    let around = |tools: &str| text(&page(tools)).to_owned();
    for (tools, left) in [
        (INVALID.to_owned(), String::new()),
        (format!("{INVALID} , {INVALID}"), String::new()),
        (format!("{INVALID} , {BARE}"), BARE.to_owned()),
        (format!("{BARE} , {INVALID}"), BARE.to_owned()),
        (format!("{BARE} , {INVALID},{VALID}"), format!("{BARE},{VALID}")),
        (
            format!("{INVALID},{INVALID} , {VALID}  ,{INVALID} , {BARE}"),
            format!("{VALID} , {BARE}"),
        ),
        (format!("{BARE},{INVALID} ,  {INVALID}"), BARE.to_owned()),
    ] {
        assert_eq!(learned(&tools), around(&left), "{tools}");
    }
}

#[test]
fn the_log_names_the_tool_and_the_reason_in_one_harmless_line() {
    let line = complaint("a\u{1b}[31m\nb", &Invalid::NotAToken(peer_text("My\r\nRegion")));
    assert_eq!(
        line,
        "tool `a [31m b` is left out of the list: `x-mcp-header` `My Region` is not part of a header name"
    );
}

#[test]
fn a_tool_that_two_parsers_read_differently_is_cut_out() {
    for odd in [r#"{"name":"a","name":"b"}"#, r#"{"name":"a","inputSchema":{},"inputSchema":{}}"#] {
        assert_eq!(learned(&format!("{BARE},{odd}")), text(&page(BARE)), "{odd}");
    }
}

#[test]
fn a_page_with_two_lists_becomes_an_error() {
    let odd = parse(&format!(
        r#"{{"jsonrpc":"2.0","id":"x","result":{{"tools":[],"tools":[{INVALID}]}}}}"#
    ));
    let answer = Tools::default().learn(odd, true);
    let value: serde_json::Value = serde_json::from_slice(answer.bytes()).unwrap();
    assert_eq!((&value["id"], &value["error"]["data"]["kind"]), (&"x".into(), &"protocol".into()));
}

#[test]
fn what_is_no_list_of_tools_passes_and_nothing_is_forgotten() {
    let mut tools = tool(r#"{"r":{"type":"string","x-mcp-header":"R"}}"#);
    for other in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","tools":[]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":[["tools"]]}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        r#"{"jsonrpc":"2.0","method":"m","params":{"tools":[]}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}]"#,
    ] {
        assert_eq!(text(&tools.learn(parse(other), true)), other);
    }
    assert_eq!(call(&tools, "t", r#"{"r":"x"}"#), ["mcp-param-r: x"]);
}

#[test]
fn each_value_has_the_form_that_the_specification_gives_it() {
    let annotated =
        |name: &str, kind: &str| format!(r#""{name}":{{"type":"{kind}","x-mcp-header":"{name}"}}"#);
    let tools = tool(&format!(
        "{{{},{},{}}}",
        annotated("s", "string"),
        annotated("i", "integer"),
        annotated("b", "boolean")
    ));
    for (arguments, headers) in [
        (r#"{"s":"us-west1","i":42,"b":true}"#, vec!["s: us-west1", "i: 42", "b: true"]),
        (r#"{"s":"Hello, \u4e16界","x":1}"#, vec!["s: =?base64?SGVsbG8sIOS4lueVjA==?="]),
        (r#"{"s":"a\r\nEvil: 1"}"#, vec!["s: =?base64?YQ0KRXZpbDogMQ==?="]),
        (r#"{"s":"","b":false,"i":-7}"#, vec!["s: ", "i: -7", "b: false"]),
        (r#"{"i":4.2e1}"#, vec!["i: 42"]),
        (r#"{"i":4.2,"s":null,"b":{}}"#, vec![]),
        (r#"{"i":9007199254740992,"s":[],"b":null}"#, vec![]),
        (r#"{"s":"a","s":"b","i":1}"#, vec!["i: 1"]),
        (r#"{"s":"\ud800"}"#, vec![]),
        ("{}", vec![]),
        ("[]", vec![]),
        ("null", vec![]),
    ] {
        let headers: Vec<_> = headers.iter().map(|header| format!("mcp-param-{header}")).collect();
        assert_eq!(call(&tools, "t", arguments), headers, "{arguments}");
    }
    assert!(tools.headers("t", None).is_empty());
    assert!(call(&tools, "other", r#"{"s":"a"}"#).is_empty());
}

#[test]
fn a_value_is_read_at_its_exact_path() {
    let tools = tool(
        r#"{"outer":{"properties":{"inner":{"type":"string","x-mcp-header":"Nested"}}},
            "a.b":{"type":"string","x-mcp-header":"Dot"}}"#,
    );
    let full = r#"{"inner":"no","outer":{"inner":"yes"},"a":{"b":"no"},"a.b":"dot"}"#;
    assert_eq!(call(&tools, "t", full), ["mcp-param-nested: yes", "mcp-param-dot: dot"]);
    for empty in [r#"{"outer":{}}"#, r#"{"outer":null}"#, r#"{"outer":[{"inner":"x"}]}"#] {
        assert!(call(&tools, "t", empty).is_empty(), "{empty}");
    }
}

#[test]
fn values_are_not_shown_by_debug_output() {
    let tools = tool(r#"{"r":{"type":"string","x-mcp-header":"R"}}"#);
    let arguments: &RawValue = serde_json::from_str(r#"{"r":"very private"}"#).unwrap();
    let shown = format!("{:?}", tools.headers("t", Some(arguments)));
    assert!(!shown.contains("private"), "{shown}");
}

#[test]
fn all_pages_count_until_a_list_starts_over() {
    let mut tools = Tools::default();
    let renamed = VALID.replace("valid", "second");
    tools.learn(page(VALID), true);
    tools.learn(page(&renamed), false);
    assert_eq!(call(&tools, "valid", r#"{"r":"x"}"#).len(), 1);
    assert_eq!(call(&tools, "second", r#"{"r":"x"}"#).len(), 1);
    tools.learn(page(&renamed), true);
    assert!(call(&tools, "valid", r#"{"r":"x"}"#).is_empty());
    assert_eq!(call(&tools, "second", r#"{"r":"x"}"#).len(), 1);
}

#[test]
fn the_last_definition_of_a_tool_counts() {
    for later in [BARE, INVALID] {
        let mut tools = Tools::default();
        tools.learn(page(VALID), true);
        tools.learn(page(&later.replace("bare", "valid").replace("invalid", "valid")), false);
        assert!(call(&tools, "valid", r#"{"r":"x"}"#).is_empty());
        assert_eq!(tools.bytes, 0);
    }
}

#[test]
fn tools_without_end_take_no_memory_without_end() {
    let mut tools = Tools::default();
    let wide = |n: usize| {
        let path = "x".repeat(limits::MAX_TOOLS_BYTES / 4);
        let schema =
            format!(r#"{{"properties":{{"{path}":{{"type":"string","x-mcp-header":"R"}}}}}}"#);
        format!(r#"{{"name":"{n}","inputSchema":{schema}}}"#)
    };
    for n in 0..8 {
        let before = page(&wide(n));
        assert_eq!(tools.learn(before.clone(), n == 0).bytes(), before.bytes());
    }
    assert!(tools.bytes <= limits::MAX_TOOLS_BYTES);
    assert_eq!(tools.mirrored.len(), 3);
}

/// A tool or another value, and whether it has to go.
fn element() -> impl Strategy<Value = (String, bool)> {
    let text = "[a-z\\\\\"{}\\[\\],é\n]{0,8}".prop_map(|text| serde_json::json!(text).to_string());
    let annotation = prop_oneof![Just("Ok"), Just(""), Just("a b"), Just("Ok2")];
    let tool = (text.clone(), annotation).prop_map(|(description, token)| {
        let bad = token.is_empty() || token.contains(' ');
        let schema =
            format!(r#"{{"properties":{{"p":{{"type":"string","x-mcp-header":"{token}"}}}}}}"#);
        (format!(r#"{{"description":{description},"name":"t","inputSchema":{schema}}}"#), bad)
    });
    prop_oneof![4 => tool, 1 => text.prop_map(|text| (text, false)), 1 => Just(("[1]".into(), false))]
}

proptest! {
    #[test]
    fn cutting_leaves_valid_json_and_every_other_byte(
        elements in prop::collection::vec((element(), "[ \t]{0,2}", "[ \t]{0,2}"), 0..8)
    ) {
        let pad = |((text, _), before, after): &((String, bool), String, String)| {
            format!("{before}{text}{after}")
        };
        let all: Vec<_> = elements.iter().map(pad).collect();
        let kept: Vec<_> = elements.iter().filter(|((_, bad), ..)| !bad).collect();
        let kept: Vec<_> = kept.iter().map(|((text, _), ..)| text.as_str()).collect();

        let after = learned(&all.join(","));
        let (head, rest) = after.split_once('[').unwrap();
        prop_assert_eq!(head, r#"{"jsonrpc":"2.0","id":1, "result":{"ttlMs":1e999,"tools": "#);
        let end = rest.rfind(']').unwrap();
        prop_assert_eq!(&rest[end..], r#"] ,"z":"é"} }"#);
        let list: Vec<&RawValue> = serde_json::from_str(&after[head.len()..=head.len() + 1 + end]).unwrap();
        let left: Vec<_> = list.iter().map(|raw| raw.get()).collect();
        prop_assert_eq!(left, kept);
        prop_assert!(Message::parse(Bytes::from(after.clone())).is_ok());
    }
}
