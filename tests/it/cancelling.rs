//! Cancellation and time limits: opposite things in the two eras.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::secure::Pki;
use crate::support::watched::Gate;

fn held(gate: &Gate) -> Reply {
    Reply::events([Step::bytes(": open\n\n"), Step::Wait(gate.clone()), Step::Answer])
}

fn modern_call(host: &Host, id: impl Into<Value>) {
    host.ask(id, "tools/call", modern(json!({"name": "echo", "arguments": {}})));
}

fn cancel(host: &Host, id: impl Into<Value>) {
    host.notify("notifications/cancelled", json!({"requestId": id.into(), "reason": "r"}));
}

#[test]
fn a_legacy_cancellation_is_posted_and_the_stream_read_on() {
    let gate = Gate::closed();
    let remote = Plan::legacy().once("tools/call", held(&gate)).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    cancel(&host, 1);
    let posted = remote.wait_for("notifications/cancelled", 1);
    assert_eq!(posted[0].json()["params"], json!({"requestId": 1, "reason": "r"}));
    gate.open();
    host.echo(2);
    assert_eq!(host.answers_to(1), 0, "a cancelled request gets no result");
}

#[test]
fn a_legacy_cancellation_of_a_json_answer_suppresses_it() {
    let gate = Gate::closed();
    let remote = Plan::legacy()
        .on("tools/call", {
            let gate = gate.clone();
            move |call| {
                (call.number == 0).then(|| Reply::json(call.result(json!({}))).held_by(&gate))
            }
        })
        .start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    cancel(&host, 1);
    remote.wait_for("notifications/cancelled", 1);
    gate.open();
    host.echo(2);
    host.echo(3);
    assert_eq!(host.answers_to(1), 0);
}

#[test]
fn a_modern_cancellation_ends_the_stream_and_posts_nothing() {
    let pki = Pki::new();
    for protocols in [None, Some("http/1.1"), Some("h2")] {
        let gate = Gate::closed();
        let mut plan = Plan::modern().once("tools/call", held(&gate));
        if let Some(protocol) = protocols {
            plan = plan.behind(pki.acceptor(&[protocol]));
        }
        let remote = plan.start();
        let host = match protocols {
            None => Host::of(&remote),
            Some(_) => Launch::new(&remote.url()).args(pki.flags()).start(),
        };
        modern_call(&host, 1);
        gate.wait_for_visitors(1);
        cancel(&host, 1);
        remote.wait_for_drop(1);
        gate.open();
        modern_call(&host, 2);
        assert!(host.answer(2)["result"].is_object());
        assert_eq!(host.answers_to(1), 0);
        assert_eq!(remote.requests("notifications/cancelled").len(), 0);
    }
}

#[test]
fn a_modern_cancellation_before_the_answer_has_begun_ends_it_too() {
    let gate = Gate::closed();
    let waiting = Reply::events([Step::Answer]).held_by(&gate);
    let remote = Plan::modern().once("tools/call", waiting).start();
    let host = Host::of(&remote);
    modern_call(&host, "x");
    gate.wait_for_visitors(1);
    cancel(&host, "x");
    remote.wait_for_drop("x");
    assert_eq!(host.answers_to("x"), 0);
}

/// Many servers end the stream of what was cancelled, and say nothing more.
#[test]
fn what_the_host_has_cancelled_is_no_loss() {
    let gate = Gate::closed();
    let cut = Reply::events([Step::bytes(": open\n\n"), Step::Wait(gate.clone()), Step::Cut]);
    let remote = Plan::legacy().once("tools/call", cut).start();
    let host = Launch::plain(&remote.url()).arg("--debug").start();
    host.initialize();
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    cancel(&host, 1);
    remote.wait_for("notifications/cancelled", 1);
    gate.open();
    host.wait_for_error("`tools/call` was cancelled, and ended so:");
    assert!(!host.errors().contains("WARN"), "it is not warned of");
    assert_eq!(host.answers_to(1), 0);
}

#[test]
fn a_modern_cancellation_is_no_loss() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let gate = Gate::closed();
        let acceptor = pki.acceptor(&[protocol]);
        let remote = Plan::modern().once("tools/call", held(&gate)).behind(acceptor).start();
        let mut host = Launch::new(&remote.url()).args(pki.flags()).start();
        modern_call(&host, 1);
        gate.wait_for_visitors(1);
        cancel(&host, 1);
        remote.wait_for_drop(1);
        gate.open();
        modern_call(&host, 2);
        assert!(host.answer(2)["result"].is_object());
        host.finish();
        assert!(!host.errors().contains("WARN"), "{protocol}");
    }
}

#[test]
fn a_listen_stream_is_ended_by_its_cancellation() {
    let gate = Gate::closed();
    let remote = Plan::modern().always("subscriptions/listen", held(&gate)).start();
    let host = Host::of(&remote);
    host.ask("l", "subscriptions/listen", modern(json!({})));
    gate.wait_for_visitors(1);
    cancel(&host, "l");
    remote.wait_for_drop("l");
}

#[test]
fn what_is_not_in_flight_cannot_be_cancelled() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.echo(1);
    cancel(&host, 1);
    cancel(&host, "1");
    cancel(&host, Value::Null);
    host.echo(2);
    assert_eq!((host.answers_to(1), host.answers_to(2)), (1, 1));
}

#[test]
fn initialize_cannot_be_cancelled() {
    let gate = Gate::closed();
    let remote = Plan::legacy()
        .on("initialize", {
            let gate = gate.clone();
            move |call| {
                let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
                Some(Reply::json(call.result(result)).held_by(&gate))
            }
        })
        .start();
    let host = Host::of(&remote);
    host.ask(0, "initialize", initialize_params());
    gate.wait_for_visitors(1);
    cancel(&host, 0);
    host.nudge();
    gate.open();
    assert!(host.answer(0)["result"].is_object());
    host.notify("notifications/initialized", json!({}));
    host.echo(1);
    assert_eq!(remote.requests("notifications/cancelled").len(), 0);
}

#[test]
fn the_end_of_a_connection_is_no_cancellation_in_the_legacy_era() {
    let remote = Plan::legacy()
        .always("tools/call", Reply::events([Step::bytes("id: 1\ndata:\n\n"), Step::Cut]))
        .on("GET", |call| {
            call.request.header("last-event-id")?;
            Some(Reply::events([Step::event(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)]))
        })
        .start();
    let host = Host::in_session(&remote);
    assert!(host.echo(1)["result"].is_object());
    assert_eq!(remote.requests("notifications/cancelled").len(), 0);
}

fn with_time_limit(remote: &McpRemote) -> Host {
    Launch::plain(&remote.url()).args(["--request-timeout", "300ms"]).start()
}

#[test]
fn a_time_limit_cancels_a_legacy_request_by_a_post() {
    let gate = Gate::closed();
    let remote = Plan::legacy().once("tools/call", held(&gate)).start();
    let host = with_time_limit(&remote);
    host.initialize();
    host.ask_echo(1);
    assert_eq!(host.failure(1), "timeout");
    let posted = remote.wait_for("notifications/cancelled", 1);
    assert_eq!(posted[0].json()["params"]["requestId"], 1);
    gate.open();
    host.echo(2);
    assert_eq!(host.answers_to(1), 1);
}

#[test]
fn a_time_limit_cancels_a_modern_request_by_ending_it() {
    let gate = Gate::closed();
    let remote = Plan::modern().once("tools/call", held(&gate)).start();
    let host = with_time_limit(&remote);
    modern_call(&host, 1);
    assert_eq!(host.failure(1), "timeout");
    remote.wait_for_drop(1);
    modern_call(&host, 2);
    assert!(host.answer(2)["result"].is_object());
    assert_eq!(remote.requests("notifications/cancelled").len(), 0);
}

#[test]
fn there_is_no_time_limit_unless_it_was_asked_for() {
    let gate = Gate::closed();
    let remote = Plan::modern().once("tools/call", held(&gate)).start();
    let host = Host::of(&remote);
    modern_call(&host, 1);
    gate.wait_for_visitors(1);
    // Longer than any limit of a library that is left at seconds; the hour is not waited for.
    let end = host.exits_within(Duration::from_secs(6));
    assert!(end.is_none() && host.answers_to(1) == 0);
    gate.open();
    assert!(host.answer(1)["result"].is_object());
}
