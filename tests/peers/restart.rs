//! Servers that go away, and come back without the sessions that they had.

use serde_json::Value;
use serde_json::json;

use super::support::bridge;
use super::support::dialogue::Dialogue;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_session_lost_in_a_restart_is_opened_again_unseen_by_the_host() {
    let Some(mut remote) = Remote::python_v2(Wire::Http) else { return };
    let mut host = Dialogue::start(&bridge::words(&remote, &[]));
    assert_eq!(echo(&mut host, 1), "Echo: 1");
    remote.server.restart(); // it answers 404 to an unknown session
    assert_eq!(echo(&mut host, 2), "Echo: 2");
    assert_eq!(echo(&mut host, 3), "Echo: 3");
    assert_eq!(host.finish(), (vec![], Some(0)));
}

#[test]
fn server_everything_says_400_for_a_lost_session_and_is_understood() {
    let Some(mut remote) = Remote::everything(Wire::Http) else { return };
    let mut host = Dialogue::start(&bridge::words(&remote, &[]));
    assert_eq!(echo(&mut host, 1), "Echo: 1");
    remote.server.restart();
    assert_eq!(echo(&mut host, 2), "Echo: 2");
}

#[test]
fn an_http_sse_server_that_comes_back_is_joined_again() {
    let Some(mut remote) = Remote::python_v1(Wire::Sse) else { return };
    let mut host = Dialogue::start(&bridge::words(&remote, &["--transport", "sse-only"]));
    assert_eq!(echo(&mut host, 1), "Echo: 1");
    remote.server.restart();
    assert_eq!(echo(&mut host, 2), "Echo: 2");
}

#[test]
fn a_call_in_flight_when_the_server_dies_gets_one_answer_that_leaves_the_outcome_open() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(mut remote) = Remote::python_v1(wire) else { return };
        let mut host = Dialogue::start(&bridge::words(&remote, &["--transport", "sse-first"]));
        let arguments = json!({ "duration": 600, "steps": 6000 });
        host.tell(&call("long", "trigger-long-running-operation", &arguments));
        host.wait_for("notifications/progress");
        remote.server.kill();
        let answer = host.answer(&json!("long"));
        assert_eq!(answer["error"]["data"]["kind"], "outcome_unknown", "{answer}");
        let (rest, code) = host.finish();
        assert!(!rest.iter().any(|line| line.contains("\"long\"")), "{rest:?}");
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_call_after_the_server_has_gone_was_certainly_not_executed() {
    let Some(mut remote) = Remote::python_v2(Wire::Http) else { return };
    let mut host = Dialogue::start(&bridge::words(&remote, &[]));
    remote.server.kill();
    let answer = host.ask(&call("late", "echo", &json!({ "message": "hello" })));
    assert_eq!(answer["error"]["data"]["kind"], "not_sent", "{answer}");
}

fn echo(host: &mut Dialogue, id: u32) -> String {
    let answer = host.ask(&call(id, "echo", &json!({ "message": id.to_string() })));
    answer["result"]["content"][0]["text"]
        .as_str()
        .map_or_else(|| answer.to_string(), str::to_owned)
}

fn call(id: impl Into<Value>, tool: &str, arguments: &Value) -> String {
    let params = json!({
        "name": tool,
        "arguments": arguments,
        "_meta": { "progressToken": "token" },
    });
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": "tools/call", "params": params })
        .to_string()
}
