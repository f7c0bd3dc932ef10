//! The old transport: HTTP+SSE of 2024-11-05.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::secure::Pki;
use crate::support::watched::Gate;

fn bridge(remote: &McpRemote) -> Host {
    Launch::plain(&remote.url()).args(["--transport", "sse-only"]).start()
}

#[test]
fn a_session_works_over_the_old_transport() {
    let remote = Plan::sse().start();
    let mut host = bridge(&remote);
    host.initialize();
    assert!(host.echo(1)["result"].is_object());
    let order = remote.order();
    assert_eq!(order, ["GET", "initialize", "notifications/initialized", "tools/call"]);
    let opened = &remote.requests("GET")[0];
    assert!(opened.header("accept").unwrap().contains("text/event-stream"));
    for post in remote.requests("tools/call") {
        assert_eq!(post.path, "/message?sessionId=1");
        assert_eq!(post.header("mcp-session-id"), None);
    }
    host.finish();
    assert_eq!(remote.requests("DELETE").len(), 0);
}

#[test]
fn a_session_works_over_the_old_transport_behind_tls() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let remote = Plan::sse().behind(pki.acceptor(&[protocol])).start();
        let mut host = Launch::new(&remote.url()).args(pki.flags()).start();
        host.initialize();
        assert!(host.echo(1)["result"].is_object(), "{protocol}");
        host.finish();
        assert!(remote.requests("tools/call").iter().all(|post| post.certified));
    }
}

#[test]
fn the_endpoint_is_an_address_relative_to_the_stream() {
    for (endpoint, path) in [
        ("/message?sessionId=1", "/message?sessionId=1"),
        ("message", "/message"),
        ("?s=1", "/sse?s=1"),
        ("http://HOST/m/x", "/m/x"),
        ("//HOST/m", "/m"),
    ] {
        let remote = Plan::sse()
            .on("GET", move |call| {
                let endpoint = endpoint.replace("HOST", call.request.header("host").unwrap());
                let event = Step::bytes(format!("event: endpoint\ndata: {endpoint}\n\n"));
                Some(Reply::events([event, Step::Wait(Gate::closed())]))
            })
            .always("initialize", Reply::status(202))
            .start();
        let host = bridge(&remote);
        host.ask(0, "initialize", initialize_params());
        assert_eq!(remote.wait_for("initialize", 1)[0].path, path);
    }
}

/// S07: wherever the endpoint points, nobody is called there.
#[test]
fn an_endpoint_of_another_origin_is_refused() {
    let elsewhere = RawRemote::nobody_calls();
    let address = elsewhere.address();
    for endpoint in [
        format!("http://{address}/message"),
        format!("//{address}/message"),
        format!("http:\\\\{address}\\message"),
        format!("http://user:pw@{address}/message"),
        format!("https://{address}/message"),
        "http://[".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let event = Step::bytes(format!("event: endpoint\ndata: {endpoint}\n\n"));
        let never = Gate::closed();
        let stream = Reply::events([event, Step::Wait(never)]);
        let remote = Plan::sse().always("GET", stream).start();
        let host = bridge(&remote);
        let answer = host.call(0, "initialize", initialize_params());
        assert_eq!(answer["error"]["code"], -32603, "{endpoint}: {answer}");
        assert_eq!(remote.requests("initialize").len(), 0, "{endpoint}");
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[test]
fn an_endpoint_without_tls_is_refused_by_a_session_with_it() {
    let pki = Pki::new();
    let plain = RawRemote::nobody_calls();
    let event = Step::bytes(format!("event: endpoint\ndata: {}\n\n", plain.url("/message")));
    let stream = Reply::events([event, Step::Wait(Gate::closed())]);
    let remote = Plan::sse().behind(pki.acceptor(&[])).always("GET", stream).start();
    let host =
        Launch::new(&remote.url()).args(pki.flags()).args(["--transport", "sse-only"]).start();
    assert!(host.call(0, "initialize", initialize_params())["error"].is_object());
    assert_eq!(plain.accepted(), 0);
}

#[test]
fn an_endpoint_with_user_and_password_is_refused() {
    let remote = Plan::sse()
        .on("GET", |call| {
            let host = call.request.header("host").unwrap();
            let event = Step::bytes(format!("event: endpoint\ndata: //user:pw@{host}/m\n\n"));
            Some(Reply::events([event, Step::Wait(Gate::closed())]))
        })
        .start();
    let host = bridge(&remote);
    assert!(host.call(0, "initialize", initialize_params())["error"].is_object());
    assert_eq!(remote.requests("initialize").len(), 0);
}

#[test]
fn a_second_endpoint_changes_nothing() {
    let remote = Plan::sse().start();
    let host = bridge(&remote);
    host.initialize();
    remote.push(Step::bytes("event: endpoint\ndata: /elsewhere\n\n"));
    for id in 1..=3 {
        assert!(host.echo(id)["result"].is_object());
    }
    assert!(remote.requests("tools/call").iter().all(|post| post.path.starts_with("/message")));
}

#[test]
fn a_refused_post_is_an_error_for_its_request() {
    for (status, kind) in [(401, "auth"), (500, ""), (503, "overloaded")] {
        let remote = Plan::sse().once("tools/call", Reply::status(status)).start();
        let host = bridge(&remote);
        host.initialize();
        host.ask_echo(1);
        let seen = host.failure(1);
        assert!(kind.is_empty() || seen == kind, "{status}: {seen}");
        assert!(host.echo(2)["result"].is_object());
        assert_eq!(remote.requests("tools/call").len(), 2);
    }
}

#[test]
fn a_post_may_be_answered_by_any_success() {
    for status in [200, 202, 204] {
        let remote = Plan::sse().on("tools/call", move |_| Some(Reply::status(status))).start();
        let host = bridge(&remote);
        host.initialize();
        host.ask_echo(1);
        remote.wait_for("tools/call", 1);
        remote.push(Step::event(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        assert!(host.answer(1)["result"].is_object());
    }
}

#[test]
fn the_loss_of_the_stream_is_the_loss_of_what_is_in_flight() {
    let remote = Plan::sse().always("tools/call", Reply::status(202)).start();
    let host = bridge(&remote);
    host.initialize();
    host.ask_echo(1);
    host.ask_echo(2);
    remote.wait_for("tools/call", 2);
    remote.push(Step::Cut);
    for id in [1, 2] {
        assert_eq!(host.failure(id), "outcome_unknown");
        assert_eq!((remote.executions(id), host.answers_to(id)), (1, 1));
    }
}

#[test]
fn a_lost_stream_is_opened_again_with_the_same_handshake() {
    let remote = Plan::sse().start();
    let host = bridge(&remote);
    host.initialize();
    host.echo(1);
    remote.push(Step::Cut);
    remote.wait_for("notifications/initialized", 2);
    assert!(host.echo(2)["result"].is_object());
    let opened = remote.requests("initialize");
    assert_eq!(opened[0].body, opened[1].body);
    assert_eq!(host.lines().len(), 3, "the host sees nothing of it");
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let remote = Plan::sse().start();
    let host = bridge(&remote);
    host.initialize();
    host.echo(1);
    for id in ["777", "1", "\"2\"", "null"] {
        remote.push(Step::event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)));
    }
    host.echo(2);
    assert_eq!(host.lines().len(), 3, "{:#?}", host.lines());
}

#[test]
fn requests_of_the_server_and_answers_of_the_host_pass() {
    let remote = Plan::sse().start();
    let host = bridge(&remote);
    host.initialize();
    host.echo(9000);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#));
    host.wait_for("roots/list", |message| message["method"] == "roots/list");
    host.send(r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#);
    let answer = remote.wait_for("response", 1);
    assert_eq!(answer[0].json()["result"], json!({"roots": []}));
}

/// Some servers answer the POST itself, and their stream is silent.
#[test]
fn an_answer_in_the_reply_to_the_post_counts() {
    let remote = Plan::sse()
        .on("initialize", |call| {
            let result = json!({"protocolVersion": "2024-11-05", "capabilities": {}});
            Some(Reply::json(call.result(result)))
        })
        .on("tools/call", |call| Some(Reply::json(call.result(json!({"number": call.number})))))
        .start();
    let mut host = bridge(&remote);
    host.initialize();
    for id in 1..=3 {
        assert_eq!(host.echo(id)["result"]["number"], id - 1);
    }
    host.finish();
}

#[test]
fn what_else_is_in_the_reply_to_a_post_is_passed_over() {
    let others = [
        Reply::json(r#"{"status":"accepted"}"#),
        Reply::json(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#),
        Reply::json(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#),
        Reply::json(""),
        Reply::status(200).body(r#"{"jsonrpc":"2.0","id":5,"result":{"wrong":1}}"#),
    ];
    let mut replies = others.clone().into_iter();
    let remote = Plan::sse().on("tools/call", move |_| replies.next()).start();
    let host = bridge(&remote);
    host.initialize();
    for id in 1..=others.len() {
        host.ask_echo(id);
        remote.wait_for("tools/call", id);
        remote
            .push(Step::event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"right":1}}}}"#)));
        assert_eq!(host.answer(id)["result"]["right"], 1);
    }
    assert_eq!(host.lines().len(), 1 + others.len(), "{:#?}", host.lines());
}

#[test]
fn an_answer_given_in_both_places_is_one_answer() {
    let remote = Plan::sse()
        .once("tools/call", Reply::json(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))
        .start();
    let host = bridge(&remote);
    host.initialize();
    host.echo(1);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    host.echo(2);
    assert_eq!(host.answers_to(1), 1);
}

#[test]
fn a_server_that_answers_posts_is_initialized_again_over_the_next_stream() {
    let remote = Plan::sse()
        .on("initialize", |call| {
            let result = json!({"protocolVersion": "2024-11-05", "capabilities": {}});
            Some(Reply::json(call.result(result)))
        })
        .on("tools/call", |call| Some(Reply::json(call.result(json!({})))))
        .start();
    let host = bridge(&remote);
    host.initialize();
    host.echo(1);
    remote.push(Step::Cut);
    remote.wait_for("notifications/initialized", 2);
    assert!(host.echo(2)["result"].is_object());
}

#[test]
fn a_cancelled_request_gets_no_answer() {
    let remote = Plan::sse().once("tools/call", Reply::status(202)).start();
    let host = bridge(&remote);
    host.initialize();
    host.ask_echo(1);
    remote.wait_for("tools/call", 1);
    host.notify("notifications/cancelled", json!({"requestId": 1}));
    remote.wait_for("notifications/cancelled", 1);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    host.echo(2);
    assert_eq!(host.answers_to(1), 0);
}

#[test]
fn a_probe_that_is_ignored_is_answered_after_a_while() {
    let remote = Plan::sse().always("server/discover", Reply::status(202)).start();
    let host = bridge(&remote);
    let answer: Value = host.call("p", "server/discover", modern(json!({})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    host.initialize();
    host.echo(1);
    assert_eq!(host.answers_to("p"), 1);
}

#[test]
fn a_stream_that_never_names_its_endpoint_is_given_up() {
    let silent = Reply::events([Step::bytes(": hi\n\n"), Step::Wait(Gate::closed())]);
    let remote = Plan::sse().always("GET", silent).start();
    let host = bridge(&remote);
    let answer = host.call(0, "initialize", initialize_params());
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
}

#[test]
fn an_end_of_input_ends_the_program_with_the_stream_open() {
    let remote = Plan::sse().start();
    let mut host = bridge(&remote);
    host.initialize();
    host.echo(1);
    host.finish();
}
