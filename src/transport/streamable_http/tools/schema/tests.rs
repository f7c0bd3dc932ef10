use serde_json::value::RawValue;

use super::Invalid;
use super::Mirrored;
use super::read;

fn schema(text: &str) -> Result<Mirrored, Invalid> {
    let raw: &RawValue = serde_json::from_str(text).unwrap();
    read(raw)
}

/// The reading of one parameter `p` with this schema.
fn parameter(text: &str) -> Result<Mirrored, Invalid> {
    schema(&format!(r#"{{"type":"object","properties":{{"p":{text}}}}}"#))
}

/// Each header with the path to its value.
fn paths(mirrored: &Mirrored) -> Vec<String> {
    let own = mirrored.header.iter().map(|header| format!("={header}"));
    let below = mirrored.members.iter().flat_map(|(name, below)| {
        paths(below).into_iter().map(move |path| format!("/{name}{path}"))
    });
    own.chain(below).collect()
}

#[test]
fn annotations_are_found_at_any_depth_of_properties() {
    let mirrored = schema(
        r#"{"type":"object","properties":{
            "a":{"type":"string","x-mcp-header":"Region"},
            "b":{"type":"object","properties":{
                "c":{"properties":{"d":{"x-mcp-header":"Deep","type":"integer"}}},
                "e":{"type":"boolean","x-mcp-\u0068eader":"Flag"},
                "f":{"type":"number"}}},
            "g":{"type":"string"}}}"#,
    );
    let expected = ["/a=mcp-param-region", "/b/c/d=mcp-param-deep", "/b/e=mcp-param-flag"];
    assert_eq!(paths(&mirrored.unwrap()), expected);
}

#[test]
fn a_schema_without_annotations_is_valid_whatever_it_is() {
    for text in [
        "true",
        "null",
        "{}",
        "[]",
        r#"{"type":["object"],"properties":7,"items":[{"pattern":"\ud800"}],"minimum":1e999}"#,
        r#"{"properties":{"a":{},"a":{"description":"\u0041"}}}"#,
        r#"{"properties":{"x-mcp-header":{"type":"object"}}}"#,
        r#"{"$defs":{"x-mcp-header":{"type":"object"}}}"#,
        r#"{"dependentRequired":{"x-mcp-header":["a"]},"required":["x-mcp-header"]}"#,
        r#"{"properties":{"a":{"description":"see x-mcp-header"}}}"#,
    ] {
        assert!(schema(text).unwrap().is_empty(), "{text}");
    }
}

#[test]
fn data_within_a_schema_is_not_an_annotation() {
    for data in ["default", "const", "examples", "enum"] {
        let text = format!(r#"{{"type":"object","{data}":[{{"x-mcp-header":""}}]}}"#);
        assert!(parameter(&text).unwrap().is_empty(), "{data}");
    }
}

#[test]
fn only_the_three_primitive_types_can_be_mirrored() {
    for kind in ["string", "integer", "boolean"] {
        assert!(parameter(&format!(r#"{{"type":"{kind}","x-mcp-header":"P"}}"#)).is_ok());
    }
    for rest in [
        r#","type":"number""#,
        r#","type":"object""#,
        r#","type":"array""#,
        r#","type":"null""#,
        r#","type":["string","null"]"#,
        r#","type":["string"]"#,
        r#","enum":["a"]"#,
        "",
    ] {
        let text = format!(r#"{{"x-mcp-header":"P"{rest}}}"#);
        assert_eq!(parameter(&text).unwrap_err(), Invalid::WrongType("P".into()), "{text}");
    }
}

#[test]
fn a_name_must_be_a_token() {
    for token in ["a", "X-1", "!#$%&'*+-.^_`|~", "Method"] {
        let text = format!(r#"{{"type":"string","x-mcp-header":"{token}"}}"#);
        assert!(parameter(&text).is_ok(), "{token}");
    }
    for token in [
        "",
        "My Region",
        "Region:Primary",
        "Région",
        r"Region\t1",
        r"a\r\nb",
        r"\u0000",
        r#"\""#,
        "a/b",
    ] {
        let text = format!(r#"{{"type":"string","x-mcp-header":"{token}"}}"#);
        assert!(matches!(parameter(&text), Err(Invalid::NotAToken(_))), "{token}");
    }
    for other in ["null", "7", "true", "[]", r#"{"a":"b"}"#, r#""\ud800""#] {
        let text = format!(r#"{{"type":"string","x-mcp-header":{other}}}"#);
        assert_eq!(parameter(&text).unwrap_err(), Invalid::NotText, "{other}");
    }
}

#[test]
fn a_name_stands_once_in_a_schema_whatever_its_case() {
    for (one, other) in [("Region", "Region"), ("MyField", "myfield")] {
        let text = format!(
            r#"{{"properties":{{"a":{{"type":"string","x-mcp-header":"{one}"}},
                "b":{{"properties":{{"c":{{"type":"string","x-mcp-header":"{other}"}}}}}}}}}}"#
        );
        assert_eq!(schema(&text).unwrap_err(), Invalid::Duplicate(other.into()));
    }
}

#[test]
fn an_annotation_off_the_chain_of_properties_is_invalid() {
    let annotated = r#"{"type":"string","x-mcp-header":"P"}"#;
    for text in [
        annotated.to_owned(),
        format!("[{annotated}]"),
        format!(r#"{{"items":{annotated}}}"#),
        format!(r#"{{"prefixItems":[{{}},{annotated}]}}"#),
        format!(r#"{{"oneOf":[{annotated}]}}"#),
        format!(r#"{{"anyOf":[{{"properties":{{"p":{annotated}}}}}]}}"#),
        format!(r#"{{"allOf":[{{}},{{"properties":{{"p":{annotated}}}}}]}}"#),
        format!(r#"{{"not":{{"properties":{{"p":{annotated}}}}}}}"#),
        format!(r#"{{"if":{annotated}}}"#),
        format!(r#"{{"then":{{"properties":{{"p":{annotated}}}}}}}"#),
        format!(r#"{{"else":{annotated}}}"#),
        format!(r##"{{"properties":{{"a":{{"$ref":"#/$defs/d"}}}},"$defs":{{"d":{annotated}}}}}"##),
        format!(r#"{{"definitions":{{"d":{annotated}}}}}"#),
        format!(r#"{{"$defs":{{"default":{annotated}}}}}"#),
        format!(r#"{{"patternProperties":{{"^a":{annotated}}}}}"#),
        format!(r#"{{"dependentSchemas":{{"a":{annotated}}}}}"#),
        format!(r#"{{"additionalProperties":{annotated}}}"#),
        format!(r#"{{"properties":{{"a":{{"items":{{"properties":{{"p":{annotated}}}}}}}}}}}"#),
        format!(r#"{{"properties":[{annotated}]}}"#),
        format!(r#"{{"x-of-a-vendor":{{"nested":[[{annotated}]]}}}}"#),
    ] {
        assert_eq!(schema(&text).unwrap_err(), Invalid::Unreachable, "{text}");
    }
}

#[test]
fn a_schema_that_can_be_read_in_two_ways_is_invalid() {
    let annotated = r#"{"type":"string","x-mcp-header":"P"}"#;
    for text in [
        format!(r#"{{"properties":{{"p":{annotated}}},"properties":{{}}}}"#),
        format!(r#"{{"properties":{{"p":{annotated},"p":{{}}}}}}"#),
        format!(r#"{{"properties":{{"p":{{}},"\u0070":{annotated}}}}}"#),
        r#"{"properties":{"p":{"type":"array","type":"string","x-mcp-header":"P"}}}"#.to_owned(),
        r#"{"properties":{"p":{"type":"string","x-mcp-header":"P","x-mcp-header":"Q"}}}"#
            .to_owned(),
        format!(r#"{{"properties":{{"\ud800":{annotated}}}}}"#),
    ] {
        assert_eq!(schema(&text).unwrap_err(), Invalid::Ambiguous, "{text}");
    }
}

#[test]
fn a_tool_cannot_ask_for_headers_without_end() {
    let properties = |count: usize| {
        let one = |n| format!(r#""p{n}":{{"type":"string","x-mcp-header":"H{n}"}}"#);
        let all: Vec<_> = (0..count).map(one).collect();
        format!(r#"{{"properties":{{{}}}}}"#, all.join(","))
    };
    let most = crate::limits::MAX_TOOL_HEADERS;
    assert_eq!(paths(&schema(&properties(most)).unwrap()).len(), most);
    assert_eq!(schema(&properties(most + 1)).unwrap_err(), Invalid::TooMany);
}

#[test]
fn annotations_are_looked_for_to_a_fixed_depth() {
    let nested = |objects: usize| {
        let annotated = r#"{"type":"string","x-mcp-header":"P"}"#;
        let open = r#"{"properties":{"a":"#.repeat(objects);
        format!("{open}{annotated}{}", "}}".repeat(objects))
    };
    // An object within an object takes two levels, and what is annotated one more.
    let most = (crate::limits::MAX_SCHEMA_NESTING - 1) / 2;
    assert_eq!(paths(&schema(&nested(most)).unwrap()).len(), 1);
    assert_eq!(schema(&nested(most + 1)).unwrap_err(), Invalid::TooDeep);
    let (open, close) = ("[".repeat(100), "]".repeat(100));
    assert_eq!(schema(&format!(r#"{open}"x-mcp-header"{close}"#)).unwrap_err(), Invalid::TooDeep);
    assert!(schema(&format!("{open}{close}")).is_ok(), "nothing to look for");
}
