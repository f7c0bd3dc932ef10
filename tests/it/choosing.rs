//! Which transport and which era: decided on the real outcome of the first POST.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::LEGACY;
use crate::support::host::initialize_params;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::watched::Gate;

fn bridge(remote: &McpRemote, strategy: &str) -> Host {
    Launch::plain(&remote.url()).args(["--transport", strategy]).start()
}

/// A handshake and a call work.
#[track_caller]
fn works(host: &Host) {
    host.initialize();
    assert!(host.echo(1)["result"].is_object());
}

#[test]
fn an_sse_server_is_found_by_the_outcome_of_the_first_post() {
    let remote = Plan::sse().start();
    let host = bridge(&remote, "http-first");
    works(&host);
    assert_eq!(remote.order()[..2], ["initialize", "GET"]);
    assert_eq!(remote.requests("initialize").len(), 2);
}

#[test]
fn a_first_discover_finds_an_sse_server_as_well() {
    let remote = Plan::sse().start();
    let host = bridge(&remote, "http-first");
    let answer = host.call("probe", "server/discover", modern(json!({})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    works(&host);
}

#[test]
fn these_statuses_of_the_first_post_lead_to_sse() {
    for status in [400, 404, 405] {
        let refused = Reply::status(status);
        let remote = Plan::sse().once("initialize", refused).start();
        works(&bridge(&remote, "http-first"));
    }
}

#[test]
fn other_failures_are_reported_and_nothing_else_is_tried() {
    for (status, kind) in [
        (401, "auth"),
        (403, "auth"),
        (429, "overloaded"),
        (500, ""),
        (502, "outcome_unknown"),
        (503, "overloaded"),
        (504, "outcome_unknown"),
    ] {
        let remote = Plan::legacy().always("initialize", Reply::status(status)).start();
        let host = bridge(&remote, "http-first");
        host.ask(0, "initialize", initialize_params());
        let seen = host.failure(0);
        assert!(seen == kind || kind.is_empty(), "{status}: {seen}");
        assert_eq!(remote.order(), ["initialize"], "{status}");
    }
}

#[test]
fn nothing_is_posted_to_a_port_that_does_not_speak_tls() {
    let remote = Plan::sse().start();
    let url = remote.url().replace("http:", "https:");
    let host = Launch::new(&url).start();
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), "tls");
    assert_eq!(remote.order(), Vec::<String>::new());
}

#[test]
fn a_healthy_legacy_server_may_refuse_the_probe() {
    for get in [400, 404, 405] {
        let remote = Plan::legacy().always("GET", Reply::status(get)).start();
        let host = bridge(&remote, "http-first");
        let answer = host.call("probe", "server/discover", modern(json!({})));
        assert_eq!(answer["error"]["code"], -32000, "the server's own error: {answer}");
        works(&host);
        assert_eq!(remote.order()[..3], ["server/discover", "GET", "initialize"]);
    }
}

#[test]
fn a_probe_that_is_refused_without_words_has_an_unknown_method() {
    let page = Reply::status(404).header("content-type", "text/html").body("<h1>no</h1>");
    let remote = Plan::legacy().always("server/discover", page).start();
    let host = bridge(&remote, "http-first");
    let answer = host.call("probe", "server/discover", modern(json!({})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    works(&host);
}

#[test]
fn a_modern_refusal_is_no_reason_for_the_old_transport() {
    for (status, code) in [(400, -32020), (400, -32021), (400, -32022), (404, -32601)] {
        let remote = Plan::modern()
            .on("server/discover", move |call| {
                Some(Reply::json(call.error(code, "no")).with_status(status))
            })
            .start();
        let host = bridge(&remote, "http-first");
        let answer = host.call(1, "server/discover", modern(json!({})));
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(remote.requests("GET").len(), 0, "{code}");
    }
}

#[test]
fn only_the_first_message_is_tried_on_the_other_transport() {
    for status in [400, 404, 405] {
        let remote = Plan::legacy()
            .on("initialize", |call| {
                // Without a session, so that 404 does not mean a lost one.
                Some(Reply::json(call.result(json!({"protocolVersion": LEGACY}))))
            })
            .always("tools/call", Reply::status(status))
            .start();
        let host = bridge(&remote, "http-first");
        host.initialize();
        assert_eq!(host.echo(1)["error"]["code"], -32603, "{status}");
        assert_eq!(remote.requests("tools/call").len(), 1, "{status}");
        assert!(host.call(2, "ping", json!({}))["result"].is_object());
    }
}

#[test]
fn a_call_that_comes_first_is_not_tried_on_the_other_transport() {
    let remote = Plan::sse().start();
    let host = bridge(&remote, "http-first");
    let params = modern(json!({"name": "echo", "arguments": {}}));
    let answer = host.call(1, "tools/call", params);
    assert!(answer["error"].is_object(), "{answer}");
    assert_eq!(remote.executions(1), 0);
    assert!(!remote.requests("tools/call").iter().any(|call| call.path != "/sse"));
}

#[test]
fn http_only_never_opens_the_old_transport() {
    let remote = Plan::sse().start();
    let host = bridge(&remote, "http-only");
    let answer = host.call(0, "initialize", initialize_params());
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    let told = answer.to_string();
    assert!(told.contains("does not speak Streamable HTTP"), "{told}");
    assert!(told.contains("if the server speaks HTTP+SSE, omit `--transport`"), "{told}");
    assert_eq!(remote.requests("GET").len(), 0);
}

#[test]
fn sse_first_and_sse_only_begin_with_the_stream() {
    for strategy in ["sse-first", "sse-only"] {
        let remote = Plan::sse().start();
        works(&bridge(&remote, strategy));
        assert_eq!(remote.order()[..2], ["GET", "initialize"], "{strategy}");
        let posts = remote.requests("initialize");
        assert!(posts.iter().all(|post| post.path.starts_with("/message")), "{strategy}");
    }
}

#[test]
fn sse_first_goes_on_with_http_where_there_is_no_such_stream() {
    for get in [400, 404, 405, 406] {
        let remote = Plan::legacy().always("GET", Reply::status(get)).start();
        works(&bridge(&remote, "sse-first"));
    }
}

#[test]
fn sse_first_takes_a_stream_without_an_endpoint_for_another() {
    let never = Gate::closed();
    let silent = Reply::events([crate::support::reply::Step::Wait(never)]);
    let remote = Plan::legacy().once("GET", silent).start();
    works(&bridge(&remote, "sse-first"));
}

#[test]
fn sse_only_fails_where_there_is_no_such_stream() {
    let remote = Plan::legacy().start();
    let host = bridge(&remote, "sse-only");
    let answer = host.call(0, "initialize", initialize_params());
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    let told = answer.to_string();
    assert!(told.contains("does not speak HTTP+SSE") && told.contains("405"), "{told}");
    assert!(told.contains("omit `--transport`"), "{told}");
    assert_eq!(remote.requests("initialize").len(), 0);
}

#[test]
fn a_remote_that_cannot_be_reached_answers_each_request_once() {
    let url = RawRemote::nobody_calls().url("/mcp");
    for strategy in ["http-first", "http-only", "sse-first", "sse-only"] {
        let host = Launch::plain(&url).args(["--transport", strategy]).start();
        host.ask(0, "initialize", initialize_params());
        assert_eq!(host.failure(0), "not_sent", "{strategy}");
        assert_eq!(host.answer(0)["error"]["data"]["retrySafe"], true, "{strategy}");
    }
}

#[test]
fn the_handshake_is_neither_answered_nor_altered() {
    let answer: &str = r#"{"result":{"serverInfo":{"name":"s","version":"1","x":1.0},"protocolVersion":"2025-06-18","capabilities":{"experimental":{"é":{}}}},"id":"i","jsonrpc":"2.0"}"#;
    let remote = Plan::legacy().always("initialize", Reply::json(answer)).start();
    let mut host = Host::of(&remote);
    let asked = r#"{"method":"initialize","params":{"clientInfo":{"version":"1","name":"h","title":"é"},"protocolVersion":"2025-11-25","capabilities":{"x":1.10}},"jsonrpc":"2.0","id":"i"}"#;
    host.send(asked);
    assert_eq!(host.line(), answer);
    assert_eq!(remote.requests("initialize")[0].body, asked);
    host.notify("notifications/initialized", json!({}));
    host.call(1, "ping", json!({}));
    assert_eq!(remote.requests("ping")[0].header("mcp-protocol-version"), Some("2025-06-18"));
}

#[test]
fn a_conversation_may_begin_modern_and_go_on_in_the_legacy_era() {
    let remote = Plan::legacy().start();
    let host = Host::of(&remote);
    host.call(0, "server/discover", modern(json!({})));
    let answer: Value = host.call(1, "initialize", initialize_params());
    assert!(answer["result"].is_object(), "{answer}");
    host.notify("notifications/initialized", json!({}));
    host.echo(2);
    let discover = &remote.requests("server/discover")[0];
    assert_eq!(discover.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(remote.requests("initialize")[0].header("mcp-method"), None);
    let call = &remote.requests("tools/call")[0];
    assert_eq!(call.header("mcp-protocol-version"), Some(LEGACY));
}
