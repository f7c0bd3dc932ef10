//! The GET stream of a legacy session, and what a server may say and ask on its own.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::LEGACY;
use crate::support::host::modern;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::watched::Gate;

fn note(number: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"n":{number}}}}}"#)
}

fn numbers(host: &Host) -> Vec<Value> {
    let messages = host.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line));
    let notes = messages.map(Result::unwrap).filter(|m| m["method"] == "notifications/x");
    notes.map(|message| message["params"]["n"].clone()).collect()
}

#[track_caller]
fn wait_for_note(host: &Host, number: u32) {
    host.wait_for("notification", |message| message["params"]["n"] == number);
}

#[test]
fn the_stream_opens_after_the_handshake() {
    let gate = Gate::closed();
    let taken = Reply::status(202).held_by(&gate);
    let remote =
        Plan::legacy().with_get_stream().always("notifications/initialized", taken).start();
    let host = Host::in_session(&remote);
    gate.wait_for_visitors(1);
    host.nudge();
    assert_eq!(remote.requests("GET").len(), 0);
    gate.open();
    remote.wait_for_stream(1);
    let opened = &remote.requests("GET")[0];
    assert!(opened.header("accept").unwrap().contains("text/event-stream"));
    assert_eq!(opened.header("mcp-session-id"), Some("session-1"));
    assert_eq!(opened.header("mcp-protocol-version"), Some(LEGACY));
    assert_eq!(opened.header("content-type"), None);
    remote.push(Step::event(&note(1)));
    wait_for_note(&host, 1);
}

#[test]
fn a_server_without_the_stream_is_asked_once() {
    for status in [400, 404, 405, 406, 501] {
        let remote = Plan::legacy().always("GET", Reply::status(status)).start();
        let host = Host::in_session(&remote);
        remote.wait_for("GET", 1);
        host.echo(1);
        host.echo(2);
        assert_eq!(remote.requests("GET").len(), 1, "{status}");
        assert_eq!(remote.requests("initialize").len(), 1, "{status}");
    }
}

#[test]
fn a_stream_that_ends_or_breaks_is_opened_again_where_it_was() {
    let remote = Plan::legacy().with_get_stream().start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    remote.push(Step::bytes("retry: 100\n\n"));
    remote.push(Step::event_with_id("e7", &note(1)));
    wait_for_note(&host, 1);
    remote.push(Step::Cut);
    remote.wait_for_stream(2);
    assert_eq!(remote.requests("GET")[1].header("last-event-id"), Some("e7"));
    // What was seen is not told again.
    remote.push(Step::event_with_id("e7", &note(1)));
    remote.push(Step::event_with_id("e8", &note(2)));
    wait_for_note(&host, 2);
    remote.end_stream();
    remote.wait_for_stream(3);
    assert_eq!(remote.requests("GET")[2].header("last-event-id"), Some("e8"));
    assert_eq!(numbers(&host), [1, 2]);
}

#[test]
fn a_server_that_is_busy_is_asked_again_later() {
    let remote = Plan::legacy().with_get_stream().once("GET", Reply::status(503)).start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    remote.push(Step::event(&note(1)));
    wait_for_note(&host, 1);
}

#[test]
fn there_is_no_stream_before_a_session_or_in_the_modern_era() {
    let remote = Plan::modern().start();
    let mut host = Host::of(&remote);
    host.call(1, "server/discover", modern(json!({})));
    host.call(2, "tools/list", modern(json!({})));
    host.finish();
    assert_eq!(remote.order(), ["server/discover", "tools/list"]);
}

#[test]
fn both_streams_may_speak_at_the_same_time() {
    let gate = Gate::closed();
    let steps = [Step::event(&note(1)), Step::Wait(gate.clone()), Step::Answer];
    let remote =
        Plan::legacy().with_get_stream().always("tools/call", Reply::events(steps)).start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    host.ask_echo(1);
    wait_for_note(&host, 1);
    remote.push(Step::event(&note(2)));
    wait_for_note(&host, 2);
    gate.open();
    host.answer(1);
    assert_eq!(numbers(&host), [1, 2]);
}

#[test]
fn an_answer_may_come_on_the_get_stream() {
    let gate = Gate::closed();
    let steps = [Step::Wait(gate.clone())];
    let remote =
        Plan::legacy().with_get_stream().always("tools/call", Reply::events(steps)).start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","id":1,"result":{"n":"get"}}"#));
    assert_eq!(host.answer(1)["result"]["n"], "get");
    gate.open();
    host.call(2, "ping", json!({}));
    host.call(3, "ping", json!({}));
    assert_eq!(host.answers_to(1), 1);
}

#[test]
fn a_request_of_the_server_and_its_answer_pass_unchanged() {
    let asked = r#"{"method":"sampling/createMessage","params":{"x":1.50,"é":"\u00e9"},"id":1,"jsonrpc":"2.0"}"#;
    let answered = r#"{"result":{"y":-0,"z":1e3},"id":1,"jsonrpc":"2.0"}"#;
    let gate = Gate::closed();
    let remote = Plan::legacy()
        .always(
            "tools/call",
            Reply::events([Step::event(asked), Step::Wait(gate.clone()), Step::Answer]),
        )
        .start();
    let mut host = Host::in_session(&remote);
    host.line();
    // The same id in both directions: two spaces of ids.
    host.ask_echo(1);
    assert_eq!(host.line(), asked);
    host.send(answered);
    assert_eq!(remote.wait_for("response", 1)[0].body, answered);
    gate.open();
    assert!(host.message()["result"]["structuredContent"].is_object());
}

#[test]
fn a_server_may_ask_on_the_get_stream_too() {
    let remote = Plan::legacy().with_get_stream().start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    for (id, method) in [("\"a\"", "roots/list"), ("7", "elicitation/create"), ("0", "ping")] {
        remote.push(Step::event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)));
        let asked = host.wait_for(method, |message| message["method"] == method);
        assert_eq!(asked["id"].to_string(), id);
        host.send(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-1,"message":"no"}}}}"#));
    }
    let answers = remote.wait_for("response", 3);
    assert_eq!(answers[0].json()["id"], "a");
    assert!(answers.iter().all(|post| post.header("mcp-session-id") == Some("session-1")));
}

#[test]
fn an_error_for_an_answer_of_the_host_is_only_logged() {
    let remote = Plan::legacy().with_get_stream().always("response", Reply::status(400)).start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    host.send(r#"{"jsonrpc":"2.0","id":"x","result":{}}"#);
    remote.wait_for("response", 1);
    host.echo(1);
    assert_eq!(host.lines().len(), 2);
}
