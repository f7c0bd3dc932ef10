//! A session that the server has lost is replaced behind the host's back, once.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::LEGACY;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::watched::Gate;

/// How often the bridge has opened a session.
fn openings(remote: &McpRemote) -> usize {
    remote.requests("initialize").len()
}

#[test]
fn a_lost_session_is_replaced_and_the_refused_request_is_sent_once_more() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.echo(1);
    remote.forget_sessions();
    assert!(host.echo(2)["result"].is_object());
    assert_eq!((remote.executions(1), remote.executions(2)), (1, 1));
    let opened = remote.requests("initialize");
    assert_eq!(opened.len(), 2);
    assert_eq!(opened[0].body, opened[1].body);
    assert_eq!(opened[1].header("mcp-session-id"), None);
    assert_eq!(remote.requests("notifications/initialized").len(), 2);
    let calls = remote.requests("tools/call");
    assert_eq!(calls.last().unwrap().header("mcp-session-id"), Some("session-2"));
    assert_eq!(host.lines().len(), 3, "the host sees nothing of it");
}

#[test]
fn many_requests_share_one_new_session() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.echo(9000);
    for round in 1..=3 {
        remote.forget_sessions();
        let ids = round * 100..round * 100 + 20;
        ids.clone().for_each(|id| host.ask_echo(id));
        for id in ids {
            assert!(host.answer(id)["result"].is_object());
            assert_eq!((host.answers_to(id), remote.executions(id)), (1, 1));
        }
        assert_eq!(openings(&remote), 1 + round as usize);
    }
}

#[test]
fn a_notification_that_meets_a_lost_session_is_not_lost() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.echo(1);
    remote.forget_sessions();
    host.notify("notifications/roots/list_changed", json!({}));
    remote.wait_for("notifications/initialized", 2);
    let seen = remote.wait_for("notifications/roots/list_changed", 2);
    assert_eq!(seen[1].header("mcp-session-id"), Some("session-2"));
}

#[test]
fn level_and_subscriptions_are_carried_into_the_new_session() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.call(1, "logging/setLevel", json!({"level": "debug"}));
    host.call(2, "logging/setLevel", json!({"level": "error"}));
    host.call(3, "resources/subscribe", json!({"uri": "file:///a"}));
    host.call(4, "resources/subscribe", json!({"uri": "file:///b"}));
    host.call(5, "resources/unsubscribe", json!({"uri": "file:///a"}));
    remote.forget_sessions();
    host.echo(6);
    let levels = remote.wait_for("logging/setLevel", 3);
    assert_eq!(levels[2].json()["params"]["level"], "error");
    let uris: Vec<Value> = remote
        .wait_for("resources/subscribe", 3)
        .iter()
        .filter(|request| request.header("mcp-session-id") == Some("session-2"))
        .map(|request| request.json()["params"]["uri"].clone())
        .collect();
    assert!(uris.contains(&json!("file:///b")), "{uris:?}");
    assert_eq!(host.lines().len(), 7, "the host sees nothing of it");
}

#[test]
fn the_get_stream_follows_into_the_new_session() {
    let remote = Plan::legacy().with_get_stream().start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    remote.forget_sessions();
    host.echo(1);
    remote.wait_for_stream(2);
    let streams = remote.requests("GET");
    assert_eq!(streams[1].header("mcp-session-id"), Some("session-2"));
    assert_eq!(streams[1].header("last-event-id"), None);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#));
    host.wait_for("notification", |message| message["method"] == "notifications/x");
}

#[test]
fn a_get_stream_that_finds_its_session_gone_gets_a_new_one() {
    let remote = Plan::legacy().with_get_stream().start();
    let host = Host::in_session(&remote);
    remote.wait_for_stream(1);
    remote.forget_sessions();
    remote.end_stream();
    remote.wait_for_stream(2);
    remote.push(Step::event(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#));
    host.wait_for("notification", |message| message["method"] == "notifications/x");
    assert_eq!(openings(&remote), 2);
}

#[test]
fn a_second_404_is_shown() {
    let remote = Plan::legacy().always("tools/call", Reply::status(404)).start();
    let host = Host::in_session(&remote);
    let answer = host.echo(1);
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    assert_eq!((openings(&remote), remote.requests("tools/call").len()), (2, 2));
    assert!(host.call(2, "ping", json!({}))["result"].is_object());
}

#[test]
fn a_session_that_cannot_be_replaced_is_an_error_for_each_request() {
    let remote = Plan::legacy()
        .on("initialize", |call| (call.number > 0).then(|| Reply::status(500)))
        .start();
    let host = Host::in_session(&remote);
    host.echo(1);
    remote.forget_sessions();
    for id in 2..=4 {
        assert!(host.echo(id)["error"].is_object());
        assert_eq!((host.answers_to(id), remote.executions(id)), (1, 0));
    }
}

#[test]
fn the_user_may_want_to_see_the_404() {
    let remote = Plan::legacy().start();
    let host = Launch::plain(&remote.url()).arg("--no-reinitialize").start();
    host.initialize();
    host.echo(1);
    remote.forget_sessions();
    let answer = host.echo(2);
    assert_eq!(answer["error"]["message"], "Session not found", "{answer}");
    assert_eq!((openings(&remote), remote.executions(2)), (1, 0));
}

#[test]
fn a_400_is_believed_where_it_speaks_of_the_session() {
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#;
    let lost = Reply::json(body).with_status(400);
    let remote = Plan::legacy().once("tools/call", lost).start();
    let host = Host::in_session(&remote);
    assert!(host.echo(1)["result"].is_object());
    assert_eq!((openings(&remote), remote.executions(1)), (2, 1));
}

#[test]
fn another_400_is_no_lost_session() {
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"Unknown tool"},"id":1}"#;
    let remote = Plan::legacy().always("tools/call", Reply::json(body).with_status(400)).start();
    let host = Host::in_session(&remote);
    assert_eq!(host.echo(1)["error"]["code"], -32602);
    assert_eq!((openings(&remote), remote.requests("tools/call").len()), (1, 1));
}

#[test]
fn another_server_behind_the_new_session_is_announced() {
    let remote = Plan::legacy()
        .on("initialize", |call| {
            (call.number > 0).then(|| {
                let capabilities = json!({"tools": {"listChanged": true}, "prompts": {}});
                let result = json!({"protocolVersion": LEGACY, "capabilities": capabilities});
                Reply::json(call.result(result)).header("mcp-session-id", "session-9")
            })
        })
        .start();
    let host = Host::in_session(&remote);
    host.echo(1);
    remote.forget_sessions();
    host.ask_echo(2);
    host.answer(2);
    host.wait_for("list_changed", |message| {
        message["method"] == "notifications/tools/list_changed"
    });
    assert_eq!(host.answers_to(2), 1);
}

#[test]
fn the_end_of_a_session_may_be_refused() {
    for status in [405, 404, 500] {
        let remote = Plan::legacy().always("DELETE", Reply::status(status)).start();
        let mut host = Host::in_session(&remote);
        host.echo(1);
        host.finish();
        assert_eq!(remote.requests("DELETE").len(), 1, "{status}");
    }
}

/// O12: the server restarts again and again under load.
#[test]
fn a_server_that_restarts_again_and_again_loses_nothing_twice() {
    let remote = Plan::legacy().answers_in_events().start();
    let host = Host::in_session(&remote);
    host.echo(9000);
    for round in 1..=10 {
        let ids = round * 10..round * 10 + 5;
        ids.clone().for_each(|id| host.ask_echo(id));
        remote.forget_sessions();
        remote.cut();
        for id in ids {
            let answer = host.answer(id);
            let executed = remote.executions(id);
            assert!(executed <= 1, "{id} was executed {executed} times");
            let kind = &answer["error"]["data"]["kind"];
            assert!(kind != "not_sent" || executed == 0, "{answer}");
            assert!(answer["result"].is_null() || executed == 1, "{answer}");
            assert_eq!(host.answers_to(id), 1);
        }
    }
    assert!(host.echo(999)["result"].is_object());
}

/// L05 and L06: there is a bound, and it is said.
#[test]
fn more_requests_than_can_wait_are_refused_at_once() {
    let gate = Gate::closed();
    let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
    let remote = Plan::legacy().always("tools/call", held).start();
    let host = Host::in_session(&remote);
    (1..=1100).for_each(|id| host.ask_echo(id));
    host.wait_for_lines(2);
    assert_eq!(host.answer(1100)["error"]["data"]["kind"], "overloaded");
    gate.open();
    host.wait_for_lines(1101);
    let failed = host.lines().iter().filter(|line| line.contains("overloaded")).count();
    assert!((1..=100).contains(&failed), "{failed}");
    assert!(host.echo(2000)["result"].is_object());
}
