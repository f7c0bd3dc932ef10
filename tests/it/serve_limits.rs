//! What our own server gives out at most, and that a refusal costs no process.

use std::collections::HashMap;
use std::sync::Mutex;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Answer;
use crate::support::http::Ask;
use crate::support::http::Wire;
use crate::support::parallel;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::is_alive;
use crate::support::serve::kill;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::initialize;
use crate::support::session::modern;
use crate::support::session::text;

fn opening() -> Ask {
    Ask::post(initialize(LEGACY))
}

#[track_caller]
fn assert_busy(answer: &Answer) {
    assert_eq!(answer.head.status, 503, "{answer:?}");
    assert!(answer.head.header("retry-after").is_some(), "{answer:?}");
    let data = &answer.json()["error"]["data"];
    assert_eq!((&data["kind"], &data["retrySafe"]), (&json!("overloaded"), &json!(true)));
}

#[test]
fn a_process_that_stands_still_is_waited_for_as_long_as_it_may_take() {
    let serve = Serving::plain().child("--modern").flag("--request-timeout", "1s").start();
    let session = Session::open(&serve);
    let pid: u32 = text(&session.call(1, "pid", json!({}))).parse().unwrap();
    let late = session.call(2, "hold", json!({}));
    assert_eq!(late["error"]["data"]["kind"], "timeout", "{late}");
    until("a cancellation", || {
        let lines = serve.child_log();
        let told = lines.iter().find(|line| line.contains("notifications/cancelled"))?;
        assert!(told.contains("\"requestId\":2,"), "{told}");
        Some(())
    });
    assert_eq!(text(&session.call(3, "echo", json!({"text": "on"}))), "on");
    let modern_one = Wire::to(&serve).ask(&modern(call(4, "hold", json!({}))));
    assert!(modern_one.body.contains("\"kind\":\"timeout\""), "{modern_one:?}");
    // It takes no notice of anything now.
    let process = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let late = session.call(5, "echo", json!({}));
    assert_eq!(late["error"]["data"]["kind"], "timeout", "{late}");
    assert_eq!(session.delete(), 204);
    kill_process(process, Signal::CONT).unwrap();
    until("end of the process", || (!is_alive(pid)).then_some(()));
}

#[test]
fn no_process_is_started_beyond_the_number_of_sessions() {
    let serve = Serving::plain().flag("--max-sessions", 2).start();
    let (one, _two) = (Session::open(&serve), Session::open(&serve));
    assert_busy(&Wire::to(&serve).ask(&opening()));
    assert_eq!(Wire::to(&serve).ask(&Ask::stream("/sse")).head.status, 503);
    assert_eq!(serve.started(), 2);
    one.delete();
    until("a place", || (Wire::to(&serve).ask(&opening()).head.status == 200).then_some(()));
    assert_eq!(serve.started(), 3);
}

#[test]
fn one_client_cannot_take_the_sessions_of_all() {
    let serve = Serving::mutual().flag("--max-sessions-per-client", 1).start();
    let (one, two) = (serve.client("one"), serve.client("two"));
    let first = Session::open_as(&serve, Some(&one), LEGACY);
    assert_busy(&Wire::of(&serve, &one).ask(&opening()));
    let second = Session::open_as(&serve, Some(&two), LEGACY);
    assert_eq!((first.status(), second.status()), (200, 200));
    assert_eq!(serve.started(), 2);
}

#[test]
fn a_session_that_was_left_counts_until_its_process_is_gone() {
    let limits = Serving::mutual().flag("--max-sessions-per-client", 1).child("--deaf");
    let serve = limits.flag("--exit-timeout", "1h").start();
    let client = serve.client("one");
    let session = Session::open_as(&serve, Some(&client), LEGACY);
    let process = text(&session.call(1, "pid", json!({}))).parse().unwrap();
    assert_eq!(session.delete(), 204);
    assert_busy(&Wire::of(&serve, &client).ask(&opening()));
    kill(process);
    until("room for another", || {
        (Wire::of(&serve, &client).ask(&opening()).head.status == 200).then_some(())
    });
    assert_eq!(serve.started(), 2);
}

#[test]
fn many_who_come_at_once_get_no_more_than_there_is() {
    let serve = Serving::plain().flag("--max-sessions", 5).start();
    let statuses = Mutex::new(HashMap::<u16, usize>::new());
    parallel::for_each(0..60, |_| {
        let status = Wire::to(&serve).ask(&opening()).head.status;
        *statuses.lock().unwrap().entry(status).or_default() += 1;
    });
    let statuses = statuses.into_inner().unwrap();
    assert_eq!(statuses, HashMap::from([(200, 5), (503, 55)]));
    assert_eq!(serve.started(), 5);
}

#[test]
fn few_start_at_the_same_time() {
    let serve = Serving::plain().flag("--max-starting", 1).child("--mute").start();
    let mut first = Wire::to(&serve);
    first.send(&opening());
    until("a start", || (serve.received("initialize") == 1).then_some(()));
    let mut second = Wire::to(&serve);
    let head = second.head(&opening());
    // An answer of the mute server would be a stream without an end.
    assert_eq!(head.status, 503);
    let body = String::from_utf8(second.body()).unwrap();
    assert_busy(&Answer { head, body });
    assert_eq!(serve.started(), 1);
}

#[test]
fn a_body_over_the_limit_fails_alone() {
    let serve = Serving::plain().flag("--max-body-size", 5000).start();
    let session = Session::open(&serve);
    let sized = |bytes: usize| {
        let empty = call(1, "echo", json!({"text": ""})).to_string().len();
        call(1, "echo", json!({"text": "x".repeat(bytes - empty)}))
    };
    for (bytes, status) in [(4999, 200), (5000, 200), (5001, 413), (100_000, 413)] {
        assert_eq!(session.post(sized(bytes)).head.status, status, "{bytes}");
    }
    // The same without a length that could be looked at.
    for (bytes, status) in [(5000, 200), (5001, 413)] {
        let body = sized(bytes).to_string();
        let (one, two) = body.split_at(500);
        let ask = session.sign(Ask::new("POST", "/mcp")).header("transfer-encoding", "chunked");
        let ask = ask.header("content-type", "application/json").header("accept", "*/*");
        let mut wire = session.wire();
        wire.send(&ask);
        wire.write(format!("1f4\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len()));
        assert_eq!(wire.read_head().unwrap().status, status, "{bytes}");
    }
    assert_eq!(session.status(), 200);
    assert_eq!(serve.received(&"x".repeat(5000)), 0);
}

#[test]
fn four_mebibytes_pass_by_default_and_not_a_byte_more() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let empty = call(1, "echo", json!({"text": ""})).to_string().len();
    let limit = 4 * 1024 * 1024;
    let fits = session.call(1, "echo", json!({"text": "x".repeat(limit - empty)}));
    assert_eq!(text(&fits).len(), limit - empty);
    let over = call(1, "echo", json!({"text": "x".repeat(limit - empty + 1)}));
    assert_eq!(session.post(over).head.status, 413);
    assert_eq!(session.status(), 200);
}

#[test]
fn heads_have_a_bound() {
    let serve = Serve::plain();
    let headers = |count: usize| {
        let ask = Ask::new("GET", "/");
        (0..count).fold(ask, |ask, number| ask.and(&format!("x-{number}"), "x"))
    };
    let status = |ask: Ask| Wire::to(&serve).ask(&ask).head.status;
    assert_eq!(status(headers(90)), 404);
    assert_eq!(status(headers(200)), 431, "too many headers");
    assert_eq!(status(Ask::new("GET", "/").header("x", "x".repeat(300_000))), 431, "too large");
    let long = status(Ask::new("GET", &format!("/{}", "x".repeat(100_000))));
    assert!(matches!(long, 414 | 431), "{long}");
    assert_eq!(Session::open(&serve).status(), 200);
}

#[test]
fn more_requests_than_may_wait_in_a_session_are_refused_at_once() {
    let serve = Serving::plain().flag("--max-requests", 20).start();
    let session = Session::open_as(&serve, None, "2025-03-26");
    let hold = |ids: std::ops::Range<usize>| -> Value {
        ids.map(|id| call(id, "hold", json!({}))).collect()
    };
    let too_many = session.sign(Ask::post(hold(0..21)));
    let status = session.wire().head(&too_many).status;
    assert_eq!(status, 503, "a batch counts as what is in it");
    let mut stream = session.tell(hold(0..20)).streamed();
    until("all of them", || (serve.received("\"hold\"") == 20).then_some(()));
    assert_busy(&session.post(call("one more", "echo", json!({"text": "one more"}))));
    let params = json!({"requestId": 0});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    assert_eq!(session.post(cancel).head.status, 202);
    session.call("a free place", "release", json!({}));
    assert_eq!(stream.rest().len(), 19);
    assert_eq!(serve.received("one more"), 0);
}

#[test]
fn connections_beyond_the_limit_are_closed_and_cost_nothing() {
    let serve = Serving::plain().flag("--max-connections", 10).start();
    let mut held: Vec<_> = (0..10).map(|_| Wire::to(&serve)).collect();
    for wire in &mut held {
        assert_eq!(wire.ask(&Ask::new("GET", "/")).head.status, 404);
    }
    let mut eleventh = Wire::to(&serve);
    eleventh.send(&opening());
    assert!(eleventh.read_head().is_none(), "it is closed without an answer");
    serve.wait_for_log("too many connections");
    assert_eq!(serve.started(), 0);
    drop(held);

    // Ends of every bad kind give their places back.
    parallel::for_each(0..12 * 30, |number| {
        let mut wire = Wire::to(&serve);
        let text = opening().text("localhost");
        match number % 5 {
            0 => {}
            1 => wire.write(&text[..20]),
            2 => wire.write(&text[..text.len() - 20]),
            3 => wire.write(Ask::new("GET", "/").text("localhost")),
            _ => wire.write("\0\u{1}garbage\r\n\r\n"),
        }
        wire.reset();
    });
    until("exactly ten places", || {
        let mut wires: Vec<_> = (0..11).map(|_| Wire::to(&serve)).collect();
        let mut served = 0;
        for wire in &mut wires {
            wire.send(&Ask::new("GET", "/"));
            served += usize::from(wire.read_head().is_some());
        }
        (served == 10).then_some(())
    });
}
