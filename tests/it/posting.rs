//! Messages on their way to a Streamable HTTP server, and what may come back.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::LEGACY;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Call;
use crate::support::mcp::Plan;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::secure::Pki;
use crate::support::watched::Gate;

#[test]
fn each_message_is_a_post_of_its_own() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.notify("notifications/roots/list_changed", json!({}));
    host.echo(1);
    let order = remote.order();
    let posted = ["initialize", "notifications/initialized", "tools/call"];
    assert!(posted.iter().all(|what| order.contains(&(*what).to_owned())), "{order:?}");
    for what in posted {
        let post = &remote.requests(what)[0];
        assert_eq!(post.header("content-type"), Some("application/json"));
        let accept = post.header("accept").unwrap();
        assert!(accept.contains("application/json") && accept.contains("text/event-stream"));
        assert_eq!(post.headers_named("content-length").len(), 1);
    }
}

#[test]
fn session_and_version_go_with_all_but_the_first() {
    let remote = Plan::legacy().with_get_stream().start();
    let mut host = Host::in_session(&remote);
    host.echo(1);
    remote.wait_for("GET", 1);
    host.finish();
    let first = &remote.requests("initialize")[0];
    assert_eq!(
        (first.header("mcp-session-id"), first.header("mcp-protocol-version")),
        (None, None)
    );
    for what in ["notifications/initialized", "tools/call", "GET", "DELETE"] {
        let request = &remote.requests(what)[0];
        assert_eq!(request.header("mcp-session-id"), Some("session-1"), "{what}");
        assert_eq!(request.header("mcp-protocol-version"), Some(LEGACY), "{what}");
    }
}

#[test]
fn a_server_without_sessions_gets_the_version_alone() {
    let remote = Plan::legacy()
        .on("initialize", |call| {
            Some(Reply::json(call.result(json!({"protocolVersion": "2025-06-18"}))))
        })
        .start();
    let mut host = Host::in_session(&remote);
    host.echo(1);
    host.finish();
    let call = &remote.requests("tools/call")[0];
    assert_eq!(call.header("mcp-protocol-version"), Some("2025-06-18"));
    assert_eq!(call.header("mcp-session-id"), None);
    assert_eq!(remote.requests("DELETE").len(), 0);
}

#[test]
fn all_waits_for_the_answer_to_initialize() {
    let gate = Gate::closed();
    let answer = json!({"protocolVersion": LEGACY, "capabilities": {}});
    let remote = Plan::legacy()
        .on("initialize", {
            let gate = gate.clone();
            move |call| Some(Reply::json(call.result(answer.clone())).held_by(&gate))
        })
        .start();
    let host = Host::of(&remote);
    host.ask(0, "initialize", initialize_params());
    host.notify("notifications/initialized", json!({}));
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    host.nudge();
    assert_eq!(remote.order(), ["initialize"]);
    gate.open();
    host.answer(1);
    let order = remote.order();
    let place = |what: &str| order.iter().position(|other| other == what);
    assert!(place("notifications/initialized") < place("tools/call"), "{order:?}");
}

#[test]
fn requests_wait_until_initialized_was_taken() {
    let gate = Gate::closed();
    let taken = Reply::status(202).held_by(&gate);
    let remote = Plan::legacy().always("notifications/initialized", taken).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    host.nudge();
    assert_eq!(remote.requests("tools/call").len(), 0);
    gate.open();
    // The remote complains about a call that came before its 202.
    host.answer(1);
}

#[test]
fn notifications_go_one_at_a_time_in_their_order() {
    let gate = Gate::closed();
    let remote = Plan::legacy().once("response", Reply::status(202).held_by(&gate)).start();
    let host = Host::in_session(&remote);
    host.send(r#"{"jsonrpc":"2.0","id":"s","result":{}}"#);
    gate.wait_for_visitors(1);
    for number in 0..20 {
        host.notify("notifications/progress", json!({"progressToken": 1, "progress": number}));
    }
    // Requests do not wait for notifications.
    host.echo(1);
    assert_eq!(remote.requests("notifications/progress").len(), 0);
    gate.open();
    let seen = remote.wait_for("notifications/progress", 20);
    let numbers: Vec<Value> = seen.iter().map(|r| r.json()["params"]["progress"].clone()).collect();
    assert_eq!(numbers, (0..20).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn requests_run_side_by_side() {
    let gate = Gate::closed();
    let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
    let remote = Plan::legacy().always("tools/call", held).start();
    let host = Host::in_session(&remote);
    (1..=20).for_each(|id| host.ask_echo(id));
    gate.wait_for_visitors(20);
    host.call(99, "ping", json!({}));
    gate.open();
    (1..=20).for_each(|id| assert!(host.answer(id)["result"].is_object()));
}

#[test]
fn an_id_in_flight_cannot_be_used_again() {
    let gate = Gate::closed();
    let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
    let remote = Plan::legacy().once("tools/call", held).start();
    let mut host = Host::in_session(&remote);
    host.line();
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    host.ask_echo(1);
    assert_eq!(host.message()["error"]["code"], -32600);
    host.ask_echo("1");
    assert!(host.answer("1")["result"].is_object());
    gate.open();
    host.wait_for("the first answer", |message| {
        message["id"] == 1 && message["result"].is_object()
    });
    assert_eq!(remote.executions(1), 1);
    host.ask_echo(1);
    remote.wait_for("tools/call", 3);
}

#[test]
fn a_cancellation_does_not_overtake_its_request() {
    // On one connection, or the remote could read the two in another order than they were sent.
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let host = Launch::new(&remote.url()).args(pki.flags()).start();
    host.initialize();
    for id in 1..=50 {
        host.ask_echo(id);
        host.notify("notifications/cancelled", json!({"requestId": id}));
    }
    host.call(99, "ping", json!({}));
    let requests = remote.messages();
    for id in 1..=50 {
        let asked = requests.iter().position(|m| m["id"] == id);
        let cancelled = requests.iter().position(|m| m["params"]["requestId"] == id);
        assert!(cancelled.is_none() || asked < cancelled, "{id}: {asked:?} {cancelled:?}");
    }
}

#[test]
fn a_notification_may_be_taken_by_any_success() {
    for status in [200, 202, 204] {
        let remote =
            Plan::legacy().always("notifications/initialized", Reply::status(status)).start();
        let host = Host::in_session(&remote);
        host.echo(1);
        assert_eq!(host.lines().len(), 2);
    }
}

#[test]
fn a_request_that_is_only_accepted_has_no_answer() {
    for reply in [Reply::status(202), Reply::json(""), Reply::status(204)] {
        let remote = Plan::legacy().always("tools/call", reply).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "protocol");
        assert_eq!(remote.executions(1), 1);
    }
}

#[test]
fn media_types_are_read_without_case_and_parameters() {
    let answers =
        ["Application/JSON; Charset=UTF-8", "TEXT/Event-Stream;x=\"y\"", "text/event-stream ; a"];
    for (number, media) in answers.into_iter().enumerate() {
        let remote = Plan::legacy()
            .on("tools/call", move |call| {
                let text = call.result(json!({"n": number}));
                let stream = media.to_lowercase().starts_with("text/");
                let body = if stream { format!("data: {text}\n\n") } else { text };
                Some(Reply::status(200).header("content-type", media).body(body))
            })
            .start();
        let host = Host::in_session(&remote);
        assert_eq!(host.echo(1)["result"]["n"], number);
    }
}

#[test]
fn an_answer_of_another_media_type_is_an_error() {
    for media in ["text/html", "application/jsonp", "text/event-stream-x", ""] {
        let page = Reply::status(200).header("content-type", media).body("<html>login</html>");
        let remote = Plan::legacy().always("tools/call", page).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "protocol", "{media}");
    }
}

#[test]
fn a_json_answer_that_is_none_is_an_error() {
    let bodies = ["<html>", "{}", r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#, "[1]"];
    for body in bodies {
        let remote = Plan::legacy().always("tools/call", Reply::json(body)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "protocol", "{body}");
    }
}

#[test]
fn an_answer_to_another_request_is_an_error_with_a_hint() {
    let other = Reply::json(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#);
    let remote = Plan::legacy().always("tools/call", other).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    assert_eq!(host.failure(1), "protocol");
    let hint = host.answer(1)["error"]["data"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("a cache or a proxy"), "{hint}");
}

#[test]
fn an_answer_in_a_content_coding_is_not_asked_for_and_named_where_it_comes() {
    let coded = |reply: Reply| reply.header("content-encoding", "gzip");
    for (reply, kind) in [
        (Reply::json("\x1f\u{8b}"), "protocol"),
        (Reply::events([]), "protocol"),
        (Reply::status(500).body("\x1f\u{8b}"), "refused"),
    ] {
        let remote = Plan::legacy().always("tools/call", coded(reply)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), kind);
        let told = host.answer(1).to_string();
        assert!(told.contains("content coding") && told.contains("gzip"), "{told}");
        let call = &remote.requests("tools/call")[0];
        assert_eq!(call.headers_named("accept-encoding"), ["identity"]);
    }
    let remote = Plan::sse().always("GET", coded(Reply::events([]))).start();
    let host = Launch::plain(&remote.url()).args(["--transport", "sse-only"]).start();
    let answer = host.call(0, "initialize", initialize_params());
    assert!(answer.to_string().contains("content coding `gzip`"), "{answer}");
    // This one can be read.
    let plain = |call: &Call<'_>| {
        Some(Reply::json(call.result(json!({}))).header("content-encoding", "identity"))
    };
    let remote = Plan::legacy().on("tools/call", plain).start();
    assert!(Host::in_session(&remote).echo(1)["result"].is_object());
}

#[test]
fn the_error_in_a_refusal_gets_the_id_of_the_request() {
    let error = r#"{"code":-32123,"message":"why","data":{"x":1.0}}"#;
    for id in [r#""id":null,"#, "", r#""id":"other","#] {
        let body = format!(r#"{{"jsonrpc":"2.0",{id}"error":{error}}}"#);
        let remote =
            Plan::legacy().always("tools/call", Reply::json(body).with_status(422)).start();
        let mut host = Host::in_session(&remote);
        host.line();
        host.ask_echo("mine");
        let line = host.line();
        assert!(line.contains(r#""id":"mine""#) && line.contains(error), "{line}");
    }
}

#[test]
fn a_refusal_without_words_of_json_rpc_is_told_by_its_status() {
    for status in [402, 409, 418, 422, 500] {
        let page = Reply::status(status).header("content-type", "text/plain").body("be\x1bgone");
        let remote = Plan::legacy().always("tools/call", page).start();
        let host = Host::in_session(&remote);
        let answer = host.echo(1);
        let error = &answer["error"];
        assert_eq!(error["code"], -32603, "{answer}");
        let text = error.to_string();
        assert!(text.contains(&status.to_string()) && text.contains("gone"), "{answer}");
        assert!(!text.contains("\\u001b"), "control characters are shown harmless: {answer}");
        assert_eq!(remote.requests("tools/call").len(), 1);
    }
}

#[test]
fn a_refused_notification_is_logged_and_not_answered() {
    let remote = Plan::legacy().always("notifications/x", Reply::status(500)).start();
    let host = Host::in_session(&remote);
    host.notify("notifications/x", json!({}));
    host.wait_for_error("notifications/x");
    host.echo(1);
    assert_eq!(host.lines().len(), 2);
}

#[test]
fn a_response_head_that_is_broken_is_an_error() {
    for head in [
        "HTTP/1.1 200 OK\r\nx: a\rb: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    ] {
        let remote = RawRemote::start(move |connection| {
            connection.request();
            connection.write(head);
            connection.wait_for_end();
        });
        let host = crate::support::launch::Launch::plain(&remote.url("/mcp")).start();
        host.ask(0, "initialize", initialize_params());
        let kind = host.failure(0);
        assert!(["protocol", "outcome_unknown"].contains(&kind.as_str()), "{kind} for {head:?}");
    }
}

#[test]
fn a_response_head_without_an_end_is_cut_off() {
    let remote = RawRemote::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        for _ in 0..2048 {
            connection.write(format!("x: {}\r\n", "y".repeat(1000)));
        }
        connection.wait_for_end();
    });
    let host = crate::support::launch::Launch::plain(&remote.url("/mcp")).start();
    host.ask(0, "initialize", initialize_params());
    host.failure(0);
    assert!(host.resident_memory() < 64 << 20);
}

/// L02, in waves that fit into the limit of what may wait.
#[test]
fn thousands_of_requests_are_each_answered_once() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    for wave in 0..4 {
        let ids = wave * 500 + 1..wave * 500 + 501;
        ids.clone().for_each(|id| host.ask(id, "ping", json!({})));
        host.wait_for_lines(1 + wave * 500 + 500);
    }
    let mut answered: Vec<i64> = host
        .lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|answer| answer["result"].as_object().and(answer["id"].as_i64()).unwrap())
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..=2000).collect::<Vec<_>>());
}
