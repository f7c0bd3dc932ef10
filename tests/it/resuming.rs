//! Streams that break and are resumed where they were (legacy, from 2025-03-26 on).

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::mcp::Call;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::watched::Watched;

const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"t":"ü€😀"}}"#;

fn notifications(host: &Host) -> Vec<String> {
    host.lines().into_iter().filter(|line| line.contains("\"method\"")).collect()
}

/// Ends after an event with an id; the rest comes by GET.
fn resumed(end: Step, rest: impl Fn(&Call<'_>, &Value) -> Reply + Send + 'static) -> Plan {
    let id = Arc::new(Watched::new(Value::Null));
    let noted = Arc::clone(&id);
    Plan::legacy()
        .on("tools/call", move |call| {
            noted.change(|id| *id = call.id().clone());
            let events = Step::event_with_id("e1", NOTE);
            let retry = Step::bytes("retry: 100\n\n");
            Some(Reply::events([retry, events].into_iter().chain(Some(end.clone()))))
        })
        .on("GET", move |call| {
            call.request.header("last-event-id")?;
            Some(rest(call, &id.lock()))
        })
}

fn result_for(id: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string()
}

#[test]
fn a_stream_with_event_ids_is_resumed() {
    for end in [Step::Cut, Step::bytes("")] {
        let remote = resumed(end, |call, id| {
            assert_eq!(call.request.header("last-event-id"), Some("e1"));
            Reply::events([Step::event_with_id("e2", &result_for(id))])
        })
        .start();
        let host = Host::in_session(&remote);
        assert!(host.echo(1)["result"].is_object());
        assert_eq!(remote.executions(1), 1);
        assert_eq!(remote.requests("tools/call").len(), 1);
        assert_eq!(notifications(&host).len(), 1);
    }
}

#[test]
fn the_answer_to_initialize_is_resumed_within_its_session() {
    let remote = Plan::legacy()
        .on("initialize", |_| {
            let steps = [Step::bytes("id: e1\nretry: 100\ndata:\n\n"), Step::Cut];
            Some(Reply::events(steps).header("mcp-session-id", "s"))
        })
        .on("GET", |call| {
            call.request.header("last-event-id")?;
            assert_eq!(call.request.header("mcp-session-id"), Some("s"));
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
            let answer = json!({"jsonrpc": "2.0", "id": 0, "result": result});
            Some(Reply::events([Step::event(&answer.to_string())]))
        })
        .start();
    let host = Host::in_session(&remote);
    host.echo(1);
    assert_eq!(remote.requests("initialize").len(), 1);
}

#[test]
fn what_a_resumed_stream_says_again_is_said_once() {
    let remote = resumed(Step::Cut, |_, id| {
        let answer = Step::event_with_id("e2", &result_for(id));
        Reply::events([Step::event_with_id("e1", NOTE), answer.clone(), answer])
    })
    .start();
    let host = Host::in_session(&remote);
    host.echo(1);
    host.call(2, "ping", json!({}));
    assert_eq!(notifications(&host).len(), 1);
    assert_eq!(host.answers_to(1), 1);
}

#[test]
fn a_stream_may_be_resumed_many_times() {
    let remote = resumed(Step::bytes(""), |call, id| {
        let number: usize = call.request.header("last-event-id").unwrap()[1..].parse().unwrap();
        if number == 5 {
            return Reply::events([Step::event(&result_for(id))]);
        }
        Reply::events([Step::event_with_id(&format!("e{}", number + 1), NOTE)])
    })
    .start();
    let host = Host::in_session(&remote);
    assert!(host.echo(1)["result"].is_object());
    assert_eq!(notifications(&host).len(), 5);
}

#[test]
fn a_resumption_that_is_refused_leaves_the_outcome_unknown() {
    for status in [400, 404, 405, 410] {
        let remote = resumed(Step::Cut, move |_, _| Reply::status(status)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "outcome_unknown", "{status}");
        assert_eq!((remote.executions(1), remote.requests("tools/call").len()), (1, 1));
    }
}

#[test]
fn the_server_says_how_long_to_wait_before_a_reconnect() {
    let asked = Arc::new(Watched::new(None));
    let closed = Arc::clone(&asked);
    let waited = Arc::new(Watched::new(None));
    let noted = Arc::clone(&waited);
    let remote = Plan::legacy()
        .on("tools/call", move |_| {
            closed.change(|at| *at = Some(Instant::now()));
            Some(Reply::events([Step::bytes("id: e1\nretry: 500\ndata:\n\n")]))
        })
        .on("GET", move |call| {
            call.request.header("last-event-id")?;
            noted.change(|waited| *waited = asked.lock().map(|at| at.elapsed()));
            Some(Reply::events([Step::event(&result_for(&json!(1)))]))
        })
        .start();
    let host = Host::in_session(&remote);
    host.echo(1);
    let waited = waited.lock().unwrap();
    // The upper bound is that of a busy machine; the conformance suite has a stricter one.
    assert!((450..2000).contains(&waited.as_millis()), "{waited:?}");
}
