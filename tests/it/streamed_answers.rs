//! Event streams as answers: how they are read and bounded.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::raw::Connection;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::request::Request;
use crate::support::watched::Gate;
use crate::support::watched::Watched;
use crate::support::wire::Fault;
use crate::support::wire::Wire;

const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"t":"ü€😀"}}"#;

/// A remote that opens a session and answers `tools/call` by `stream`.
fn raw(stream: impl Fn(&mut Connection, &Request) + Send + Sync + 'static) -> RawRemote {
    RawRemote::start(move |connection| {
        while let Some(request) = connection.request() {
            let id = &request.json()["id"];
            match request.what().as_str() {
                "initialize" => {
                    let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
                    let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                    connection.json("200 OK", &answer.to_string());
                }
                "tools/call" => return stream(connection, &request),
                "GET" => connection.json("405 Method Not Allowed", ""),
                _ => connection.json("202 Accepted", ""),
            }
        }
    })
}

fn answer_to(request: &Request) -> String {
    json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"t": "ü€😀"}}).to_string()
}

fn notifications(host: &Host) -> Vec<String> {
    host.lines().into_iter().filter(|line| line.contains("\"method\"")).collect()
}

#[test]
fn a_stream_cut_into_single_bytes_gives_the_same_messages() {
    let remote = raw(|connection, request| {
        connection.event_stream();
        connection.drip(format!("\u{feff}: hi\r\nid: 1\rdata: {NOTE}\r\n\r\n"));
        connection.drip(format!("event: message\ndata: {}\n\n", answer_to(request)));
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    assert_eq!(host.echo(1)["result"]["t"], "ü€😀");
    assert_eq!(notifications(&host), [format!("{NOTE}\n")]);
}

#[test]
fn an_odd_but_valid_stream_is_understood() {
    let half = NOTE.len() / 2;
    let half =
        (half..).find(|at| NOTE.is_char_boundary(*at) && NOTE[..*at].ends_with(',')).unwrap_or(18);
    let (first, second) = NOTE.split_at(half);
    let remote = raw({
        let (first, second) = (first.to_owned(), second.to_owned());
        move |connection, request| {
            connection.event_stream();
            // Comments, unknown fields, fields without a colon, empty events, other types.
            connection
                .write(":c\n: c\nfoo: bar\ndata\n\nid\n\nretry: x1\n\nevent: ping\ndata: {}\n\n");
            connection
                .write(format!("data:{first}\r\ndata: {second}\r\rid: a\0b\ndata:{NOTE}\n\n"));
            connection.write(format!("data: {}\n\n", answer_to(request)));
        }
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    host.echo(1);
    assert_eq!(notifications(&host).len(), 2, "{:#?}", host.lines());
}

#[test]
fn a_stream_may_end_in_one_direction_alone() {
    let remote = raw(|connection, request| {
        connection.event_stream();
        connection.write(format!("data: {}\n\n", answer_to(request)));
        connection.half_close();
        connection.wait_for_end();
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    for id in 1..=3 {
        assert!(host.echo(id)["result"].is_object());
    }
}

#[test]
fn an_unfinished_last_event_is_no_message() {
    let remote = raw(|connection, request| {
        connection.event_stream();
        connection.write(format!("data: {}\n", answer_to(request)));
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    host.ask_echo(1);
    assert_eq!(host.failure(1), "outcome_unknown");
}

#[test]
fn a_stream_that_ends_early_leaves_the_outcome_unknown() {
    for steps in [vec![], vec![Step::event(NOTE)], vec![Step::Cut]] {
        let remote = Plan::legacy().always("tools/call", Reply::events(steps)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "outcome_unknown");
        assert_eq!(host.answer(1)["error"]["data"]["method"], "tools/call");
        assert_eq!((remote.executions(1), host.answers_to(1)), (1, 1));
        assert_eq!(
            remote
                .requests("GET")
                .iter()
                .filter(|get| get.header("last-event-id").is_some())
                .count(),
            0
        );
    }
}

#[test]
fn an_answer_nobody_waits_for_is_dropped() {
    let gate = Gate::closed();
    let remote = Plan::legacy()
        .on("tools/call", {
            let gate = gate.clone();
            move |call| {
                let answer = call.result(json!({"n": 1}));
                let second = call.result(json!({"n": 2}));
                let never_asked = r#"{"jsonrpc":"2.0","id":777,"result":{}}"#;
                let other_type = r#"{"jsonrpc":"2.0","id":"1","result":{}}"#;
                let steps = [never_asked, other_type, &answer, &second].map(Step::event);
                Some(Reply::events(steps.into_iter().chain([Step::Wait(gate.clone())])))
            }
        })
        .start();
    let host = Host::in_session(&remote);
    assert_eq!(host.echo(1)["result"]["n"], 1);
    gate.wait_for_visitors(1);
    host.call(2, "ping", json!({}));
    gate.open();
    host.call(3, "ping", json!({}));
    let ids: Vec<Value> = host
        .lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, [json!(0), json!(1), json!(2), json!(3)]);
}

#[test]
fn an_answer_on_the_stream_of_another_request_is_dropped() {
    let gate = Gate::closed();
    let remote = Plan::legacy()
        .on("tools/call", {
            let gate = gate.clone();
            move |call| match call.number {
                0 => Some(Reply::events([Step::Wait(gate.clone()), Step::Answer])),
                _ => {
                    let other = r#"{"jsonrpc":"2.0","id":1,"result":{"n":"other"}}"#;
                    Some(Reply::events([Step::event(other), Step::Answer]))
                }
            }
        })
        .start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    host.echo(2);
    gate.open();
    host.call(3, "ping", json!({}));
    assert!(host.answer(1)["result"]["n"].is_null());
    assert_eq!((host.answers_to(1), host.answers_to(2)), (1, 1));
}

#[test]
fn progress_is_passed_on_at_once() {
    let gate = Gate::closed();
    let steps = [Step::event(NOTE), Step::Wait(gate.clone()), Step::Answer];
    let remote = Plan::legacy().always("tools/call", Reply::events(steps)).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    host.wait_for("notification", |message| message["method"] == "notifications/x");
    assert_eq!(host.answers_to(1), 0);
    gate.open();
    host.answer(1);
}

/// S04 and S06: whatever never ends is cut off, and costs no memory.
#[test]
fn an_event_without_an_end_is_cut_off() {
    let line = "x".repeat(1 << 20);
    for start in ["data: ", "data: {", ": ", "id: ", "unknown: "] {
        for piece in [line.clone(), format!("{}\ndata: ", &line[..1000]).repeat(1000)] {
            let remote = raw(move |connection, _| {
                connection.event_stream();
                connection.write(start);
                (0..100).for_each(|_| connection.write(&piece));
                connection.wait_for_end();
            });
            let host = Launch::plain(&remote.url("/mcp")).start();
            host.initialize();
            host.ask_echo(1);
            let kind = host.failure(1);
            assert_eq!(kind, "too_large", "{start}");
            assert!(host.resident_memory() < 64 << 20, "{}", host.resident_memory());
        }
    }
}

/// S05, as much of it as an unoptimised program does in a second.
#[test]
fn many_tiny_events_cost_no_memory() {
    let count = 20_000;
    let remote = raw(move |connection, request| {
        connection.event_stream();
        connection.write(":\n".repeat(100_000));
        let small = "data:{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\n".repeat(100);
        (0..count / 100).for_each(|_| connection.write(&small));
        connection.write(format!("data: {}\n\n", answer_to(request)));
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    host.ask_echo(1);
    host.wait_for_lines(2 + count);
    assert!(host.resident_memory() < 64 << 20, "{}", host.resident_memory());
    assert!(host.lines().last().unwrap().contains("\"result\""));
}

/// S11: over a line that carries a byte at a time.
#[test]
fn a_slow_line_keeps_the_order() {
    let remote = Plan::legacy()
        .on("tools/call", |_| {
            let notes = (0..50).map(|n| {
                Step::event(&format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"n":{n}}}}}"#))
            });
            Some(Reply::events(notes.chain([Step::Answer])))
        })
        .start();
    let wire = Wire::start(remote.address(), Fault::Drip, Fault::Drip);
    let host = Launch::plain(&wire.url(&remote.url())).start();
    host.initialize();
    host.echo(1);
    let numbers: Vec<Value> = notifications(&host)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["params"]["n"].clone())
        .collect();
    assert_eq!(numbers, (0..50).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn a_stream_of_heartbeats_stays_up() {
    let remote = raw(|connection, request| {
        connection.event_stream();
        (0..2000).for_each(|_| connection.write(": beat\n\n"));
        connection.write(format!("data: {}\n\n", answer_to(request)));
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    assert!(host.echo(1)["result"].is_object());
}

/// L03: the host stops reading, so the bridge stops reading, and nothing is lost.
#[test]
fn a_host_that_stops_reading_makes_the_remote_wait() {
    let count = 400;
    let written = std::sync::Arc::new(Watched::new(0));
    let counter = std::sync::Arc::clone(&written);
    let note = format!(r#"{{"jsonrpc":"2.0","method":"n","params":"{}"}}"#, "x".repeat(256 * 1024));
    let remote = RawRemote::start(move |connection| {
        let Some(request) = connection.request() else { return };
        connection.event_stream();
        for _ in 0..count {
            connection.write(format!("data: {note}\n\n"));
            counter.change(|written| *written += 1);
        }
        connection.write(format!("data: {}\n\n", answer_to(&request)));
    });
    let host = Launch::plain(&remote.url("/mcp")).unread().start();
    host.ask(0, "initialize", initialize_params());
    written.wait("first events", |written| (*written > 5).then_some(()));
    // The remote comes to a halt: for half a second it gets rid of nothing more.
    let mut halted = *written.lock();
    while let Some(more) =
        written.wait_for(Duration::from_millis(500), |w| (*w > halted).then_some(*w))
    {
        halted = more;
    }
    assert!(halted < count, "the bridge took {halted} events that nobody read");
    assert!(host.resident_memory() < 64 << 20, "{}", host.resident_memory());
    host.read_on();
    host.wait_for_lines(count + 1);
    assert_eq!(host.answers_to(0), 1);
}
