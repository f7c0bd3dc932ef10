//! Duties of the bridge over HTTP of 2026-07-28.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::MODERN;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::request::Request;
use crate::support::secure::Pki;
use crate::support::watched::Gate;

fn call(host: &Host, id: impl Into<Value>, name: &str, arguments: Value) -> Value {
    host.call(id, "tools/call", modern(json!({"name": name, "arguments": arguments})))
}

fn last(remote: &McpRemote, what: &str) -> Request {
    remote.requests(what).pop().unwrap()
}

#[test]
fn each_request_names_its_version_and_method() {
    let remote = Plan::modern().start();
    let mut host = Host::of(&remote);
    host.call(1, "server/discover", modern(json!({})));
    host.call(2, "tools/list", modern(json!({})));
    assert!(call(&host, 3, "echo", json!({}))["result"].is_object());
    host.finish();
    for what in ["server/discover", "tools/list", "tools/call"] {
        let request = last(&remote, what);
        assert_eq!(request.headers_named("mcp-protocol-version"), [MODERN], "{what}");
        assert_eq!(request.headers_named("mcp-method"), [what]);
        assert_eq!(request.header("mcp-session-id"), None);
    }
    assert_eq!(remote.order().len(), 3, "neither GET nor DELETE: {:?}", remote.order());
}

#[test]
fn the_version_is_that_of_each_message() {
    let remote = Plan::modern().start();
    let host = Host::of(&remote);
    for (id, version) in [(1, "2026-07-28"), (2, "2027-01-01"), (3, "2026-07-28")] {
        let mut params = modern(json!({}));
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(version);
        host.call(id, "tools/list", params);
        assert_eq!(last(&remote, "tools/list").header("mcp-protocol-version"), Some(version));
    }
}

#[test]
fn what_is_asked_for_is_named() {
    let remote = Plan::modern().start();
    let host = Host::of(&remote);
    let cases = [
        ("tools/call", json!({"name": "echo", "uri": "no"}), Some("echo")),
        ("prompts/get", json!({"name": "greet"}), Some("greet")),
        ("resources/read", json!({"uri": "file:///a b", "name": "no"}), Some("file:///a b")),
        ("tasks/get", json!({"taskId": "t-1"}), Some("t-1")),
        ("tasks/update", json!({"taskId": "t-2"}), Some("t-2")),
        ("tasks/cancel", json!({"taskId": "t-3"}), Some("t-3")),
        ("tools/list", json!({"name": "no"}), None),
        ("completion/complete", json!({"ref": {"name": "no"}}), None),
    ];
    for (id, (method, params, name)) in cases.into_iter().enumerate() {
        host.call(id, method, modern(params));
        assert_eq!(last(&remote, method).header("mcp-name"), name, "{method}");
    }
}

#[test]
fn what_is_no_plain_text_goes_in_base64() {
    let remote = Plan::modern().start();
    let host = Host::of(&remote);
    for (id, (name, header)) in [
        ("grün", "=?base64?Z3LDvG4=?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line\nbreak", "=?base64?bGluZQpicmVhaw==?="),
        ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
        ("", ""),
        ("a\tb", "a\tb"),
        ("plain", "plain"),
    ]
    .into_iter()
    .enumerate()
    {
        // The remote has its own view of such names; what counts is what came.
        host.call(id, "prompts/get", modern(json!({"name": name})));
        remote.take_complaints();
        assert_eq!(last(&remote, "prompts/get").header("mcp-name"), Some(header), "{name:?}");
    }
}

/// A list with a tool that mirrors parameters into headers.
fn mirroring() -> Value {
    json!({"resultType": "complete", "tools": [{
        "name": "query",
        "inputSchema": {"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "limit": {"type": "integer", "x-mcp-header": "Limit"},
            "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
            "deep": {"type": "object", "properties": {
                "key": {"type": "string", "x-mcp-header": "Key"},
            }},
            "plain": {"type": "string"},
        }},
    }]})
}

#[test]
fn parameters_are_mirrored_as_the_tool_says() {
    let remote =
        Plan::modern().on("tools/list", |call| Some(Reply::json(call.result(mirroring())))).start();
    let host = Host::of(&remote);
    host.call(1, "tools/list", modern(json!({})));
    let arguments = json!({
        "region": "eu ü", "limit": 7, "dry": false, "deep": {"key": "k"}, "plain": "p", "key": "no",
    });
    call(&host, 2, "query", arguments);
    let seen = last(&remote, "tools/call");
    assert_eq!(seen.header("mcp-param-region"), Some("=?base64?ZXUgw7w=?="));
    assert_eq!(seen.header("mcp-param-limit"), Some("7"));
    assert_eq!(seen.header("mcp-param-dry-run"), Some("false"));
    assert_eq!(seen.header("mcp-param-key"), Some("k"));
    let mirrored = |request: &Request| {
        request.headers.iter().filter(|(name, _)| name.starts_with("mcp-param-")).count()
    };
    assert_eq!(mirrored(&seen), 4);
    call(&host, 3, "query", json!({"region": null, "deep": {}}));
    assert_eq!(mirrored(&last(&remote, "tools/call")), 0);
    call(&host, 4, "echo", json!({"region": "eu"}));
    assert_eq!(mirrored(&last(&remote, "tools/call")), 0);
}

#[test]
fn all_pages_of_a_tool_list_count() {
    let remote = Plan::modern()
        .on("tools/list", |call| {
            let mut list = mirroring();
            if call.number == 0 {
                list["nextCursor"] = json!("2");
            } else {
                list["tools"][0]["name"] = json!("second");
            }
            Some(Reply::json(call.result(list)))
        })
        .start();
    let host = Host::of(&remote);
    host.call(1, "tools/list", modern(json!({})));
    host.call(2, "tools/list", modern(json!({"cursor": "2"})));
    for (id, tool) in [(3, "query"), (4, "second")] {
        call(&host, id, tool, json!({"region": tool}));
        assert_eq!(last(&remote, "tools/call").header("mcp-param-region"), Some(tool));
    }
}

#[test]
fn an_invalid_tool_is_left_out_and_the_rest_stays_as_it_is() {
    let good = r#"{"name" : "good","inputSchema":{"type":"object","x":1.0}}"#;
    let bad = |name: &str, header: &str| {
        format!(
            r#"{{"name":"{name}","inputSchema":{{"type":"object","properties":{{"a":{{"type":"string","x-mcp-header":{header}}}}}}}}}"#
        )
    };
    let tools =
        [bad("empty", "\"\""), good.to_owned(), bad("blank", "\"a b\""), bad("number", "7")];
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"ttlMs":1e3,"tools":[{}],"resultType":"complete"}}}}"#,
        tools.join(",")
    );
    for reply in [Reply::json(text.clone()), Reply::events([Step::event(&text)])] {
        let remote = Plan::modern().always("tools/list", reply).start();
        let mut host = Host::of(&remote);
        host.ask(1, "tools/list", modern(json!({})));
        let expected = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"ttlMs":1e3,"tools":[{good}],"resultType":"complete"}}}}"#
        );
        assert_eq!(host.line(), expected);
        for name in ["empty", "blank", "number"] {
            host.wait_for_error(name);
        }
    }
}

#[test]
fn a_legacy_tool_list_is_left_alone() {
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"t","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":""}}}}]}}"#;
    let remote = Plan::legacy().always("tools/list", Reply::json(list)).start();
    let mut host = Host::in_session(&remote);
    host.line();
    host.ask(1, "tools/list", json!({}));
    assert_eq!(host.line(), list);
}

#[test]
fn a_header_mismatch_is_mended_once() {
    let remote = Plan::modern()
        .on("tools/list", |call| Some(Reply::json(call.result(mirroring()))))
        .on("tools/call", |call| {
            let right = call.request.header("mcp-param-region") == Some("eu");
            let text = call.error(-32020, "Mcp-Param-Region is missing");
            (!right).then(|| Reply::json(text).with_status(400))
        })
        .start();
    let host = Host::of(&remote);
    let answer = call(&host, 1, "query", json!({"region": "eu"}));
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(remote.order(), ["tools/call", "tools/list", "tools/call"]);
    assert_eq!(remote.executions(1), 1);
    assert_eq!(host.lines().len(), 1, "the host sees nothing of it");
    let listed = last(&remote, "tools/list");
    assert_eq!(listed.header("mcp-method"), Some("tools/list"));
}

#[test]
fn a_header_mismatch_that_stays_is_shown() {
    let remote = Plan::modern()
        .on("tools/call", |call| {
            Some(Reply::json(call.error(-32020, "HeaderMismatch")).with_status(400))
        })
        .start();
    let host = Host::of(&remote);
    let answer = call(&host, 1, "query", json!({}));
    assert_eq!(answer["error"]["code"], -32020, "{answer}");
    assert!(remote.requests("tools/call").len() <= 2);
}

#[test]
fn an_unknown_method_or_version_is_told_in_the_words_of_the_server() {
    for (status, code) in [(404, -32601), (400, -32021), (400, -32022), (400, -32602)] {
        let remote = Plan::modern()
            .on("resources/list", move |call| {
                Some(Reply::json(call.error(code, "words")).with_status(status))
            })
            .start();
        let host = Host::of(&remote);
        host.call(0, "server/discover", modern(json!({})));
        let answer = host.call(1, "resources/list", modern(json!({})));
        assert_eq!(answer["error"], json!({"code": code, "message": "words"}));
        assert_eq!(remote.requests("resources/list").len(), 1);
        assert_eq!(remote.requests("GET").len(), 0);
    }
}

#[test]
fn a_subscription_lasts_and_its_words_come_at_once() {
    let gate = Gate::closed();
    let note = |method: &str| Step::event(&format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#));
    let steps = [
        note("notifications/subscriptions/acknowledged"),
        note("notifications/tools/list_changed"),
        Step::Wait(gate.clone()),
        note("notifications/prompts/list_changed"),
        Step::Wait(gate.clone()),
    ];
    let remote = Plan::modern().always("subscriptions/listen", Reply::events(steps)).start();
    let mut host = Host::of(&remote);
    host.ask("l", "subscriptions/listen", modern(json!({"notifications": {}})));
    assert_eq!(host.message()["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(host.message()["method"], "notifications/tools/list_changed");
    call(&host, 1, "echo", json!({}));
    assert_eq!(host.message()["id"], 1);
    gate.open();
    assert_eq!(host.message()["method"], "notifications/prompts/list_changed");
    // The stream has ended without an answer: the host has to subscribe again.
    let kind = host.failure("l");
    assert_eq!(kind, "outcome_unknown");
    assert_eq!(remote.requests("subscriptions/listen").len(), 1);
}

#[test]
fn a_broken_stream_is_not_resumed_in_the_modern_era() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let steps = [Step::bytes("id: e1\nretry: 100\ndata:\n\n"), Step::Cut];
        let remote = Plan::modern()
            .behind(pki.acceptor(&[protocol]))
            .always("tools/call", Reply::events(steps))
            .start();
        let host = Launch::new(&remote.url()).args(pki.flags()).start();
        host.ask(1, "tools/call", modern(json!({"name": "echo"})));
        assert_eq!(host.failure(1), "outcome_unknown", "{protocol}");
        assert_eq!(remote.order(), ["tools/call"], "{protocol}");
        assert_eq!(remote.executions(1), 1);
    }
}

#[test]
fn a_question_inside_a_call_passes_byte_for_byte() {
    let asked = r#"{"jsonrpc":"2.0","id":1,"result":{"requestState":"s\u00e9","inputRequests":{"a":{"method":"elicitation/create","params":{"n":1.0}}},"resultType":"input_required"}}"#;
    let remote = Plan::modern().once("tools/call", Reply::json(asked)).start();
    let mut host = Host::of(&remote);
    host.ask(1, "tools/call", modern(json!({"name": "echo"})));
    assert_eq!(host.line(), asked);
    let next = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","requestState":"s\u00e9","inputResponses":{"a":{"n":-0}},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    host.send(next);
    host.line();
    assert_eq!(last(&remote, "tools/call").body, next);
}

#[test]
fn a_request_of_the_server_has_no_place_in_the_modern_era() {
    let asked = r#"{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage"}"#;
    let remote = Plan::modern()
        .always("tools/call", Reply::events([Step::event(asked), Step::Answer]))
        .start();
    let mut host = Host::of(&remote);
    host.ask(1, "tools/call", modern(json!({"name": "echo"})));
    assert_eq!(host.message()["id"], 1);
}

#[test]
fn a_request_that_two_parsers_read_differently_is_not_sent() {
    let remote = Plan::modern().start();
    let host = Host::of(&remote);
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    host.send(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","name":"b",{meta}}}}}"#
    ));
    assert!(host.answer(1)["error"].is_object());
    assert_eq!(remote.order(), Vec::<String>::new());
}

/// The headers of the user never take the place of those of the protocol.
#[test]
fn headers_of_the_user_go_with_each_request() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let remote = Plan::modern().behind(pki.acceptor(&[protocol])).start();
        let host = Launch::new(&remote.url())
            .args(pki.flags())
            .args(["--header", "X-One: a: b", "--header", "x-one: last", "--header", "X-Two: ${T}"])
            .env("T", "two")
            .start();
        call(&host, 1, "echo", json!({}));
        let seen = last(&remote, "tools/call");
        assert_eq!(seen.headers_named("x-one"), ["last"]);
        assert_eq!(seen.header("x-two"), Some("two"));
        assert_eq!(seen.http2, protocol == "h2");
        assert!(seen.certified);
    }
}
