//! Whether the headers of a call repeat its arguments, as the server side has to see to
//! (specification 2026-07-28, "Server Behavior for Custom Headers").

use std::collections::HashMap;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use serde_json::value::RawValue;

use crate::transport::streamable_http::headers::decode;
use crate::transport::streamable_http::tools::Tools;
use crate::transport::streamable_http::tools::arguments::integer;
use crate::transport::streamable_http::tools::schema::Mirrored;

impl Tools {
    /// The first header that is missing, or says something else than the arguments of this call of
    /// `tool`. Headers that the tool does not know are nobody's business.
    pub(crate) fn disagreement(
        &self,
        tool: &str,
        arguments: Option<&RawValue>,
        headers: &HeaderMap,
    ) -> Option<HeaderName> {
        let mirrored = self.mirrored.get(tool)?;
        let expected: HashMap<_, _> = self.headers(tool, arguments).into_iter().collect();
        let mut names = Vec::new();
        collect(mirrored, &mut names);
        names.into_iter().find(|name| !agrees(headers, name, expected.get(*name))).cloned()
    }
}

fn collect<'a>(mirrored: &'a Mirrored, names: &mut Vec<&'a HeaderName>) {
    names.extend(&mirrored.header);
    for (_, below) in &mirrored.members {
        collect(below, names);
    }
}

fn agrees(headers: &HeaderMap, name: &HeaderName, expected: Option<&HeaderValue>) -> bool {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next(), expected) {
        (None, _, None) => true,
        (Some(given), None, Some(expected)) => is_same(given, expected),
        _ => false,
    }
}

/// Integers are compared by value, all else by text.
fn is_same(given: &HeaderValue, expected: &HeaderValue) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().and_then(decode).map(|it| it.into_owned());
    let (Some(given), Some(expected)) = (text(given), text(expected)) else { return false };
    given == expected || integer(&given).is_some_and(|value| integer(&expected) == Some(value))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use http::HeaderName;
    use http::HeaderValue;
    use serde_json::value::RawValue;

    use crate::message::Message;
    use crate::transport::streamable_http::tools::Tools;

    fn tools() -> Tools {
        let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"t","inputSchema":{
            "type":"object","properties":{
                "region":{"type":"string","x-mcp-header":"Region"},
                "size":{"type":"integer","x-mcp-header":"Size"}}}}]}}"#;
        let mut tools = Tools::default();
        tools.learn(Message::parse(Bytes::from(list)).unwrap(), true);
        tools
    }

    fn disagreement(arguments: &str, given: &[(&'static str, &str)]) -> Option<String> {
        let arguments: &RawValue = serde_json::from_str(arguments).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let found = tools().disagreement("t", Some(arguments), &headers);
        found.map(|name| name.to_string())
    }

    #[test]
    fn headers_that_repeat_the_arguments_agree() {
        let both = &[("mcp-param-region", "eu"), ("mcp-param-size", "42")];
        assert_eq!(disagreement(r#"{"region":"eu","size":42}"#, both), None);
        assert_eq!(disagreement(r#"{"region":"eu","size":4.2e1}"#, both), None);
        let encoded = &[("mcp-param-region", "=?base64?ZXU=?=")];
        assert_eq!(disagreement(r#"{"region":"eu"}"#, encoded), None);
        assert_eq!(disagreement(r#"{"region":null}"#, &[("mcp-param-other", "x")]), None);
    }

    #[test]
    fn a_header_that_is_missing_different_twice_or_for_nothing_does_not() {
        let region = Some("mcp-param-region".to_owned());
        assert_eq!(disagreement(r#"{"region":"eu"}"#, &[]), region);
        assert_eq!(disagreement(r#"{"region":"eu"}"#, &[("mcp-param-region", "EU")]), region);
        assert_eq!(disagreement("{}", &[("mcp-param-region", "eu")]), region);
        let twice = &[("mcp-param-region", "eu"), ("mcp-param-region", "eu")];
        assert_eq!(disagreement(r#"{"region":"eu"}"#, twice), region);
        let broken = &[("mcp-param-region", "=?base64?!?=")];
        assert_eq!(disagreement(r#"{"region":"eu"}"#, broken), region);
    }
}
