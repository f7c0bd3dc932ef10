//! Event streams of the legacy era at our own server: which message goes where, and what a client finds
//! that comes back.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Ask;
use crate::support::http::Event;
use crate::support::serve::Serve;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::call_with_progress;
use crate::support::session::text;

fn methods(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["method"].as_str().unwrap_or("answer")).collect()
}

#[test]
fn progress_comes_before_the_answer_on_the_stream_of_its_request() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut general = session.listen();
    let held = session.tell(call("other", "hold", json!({})));
    let messages = session.tell(call_with_progress(1, "token", 3)).all();
    let steps: Vec<_> = messages.iter().map(|it| it["params"]["progress"].as_u64()).collect();
    assert_eq!(steps, [Some(0), Some(1), Some(2), None], "{messages:?}");
    assert!(messages[..3].iter().all(|it| it["params"]["progressToken"] == "token"));
    session.call(2, "release", json!({}));
    assert_eq!(methods(&held.all()), ["answer"], "no other stream has any of it");
    session.delete();
    assert_eq!(general.rest(), Vec::<Value>::new());
}

#[test]
fn a_stream_can_be_neither_cached_nor_held_back_on_the_way() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let general = session.listen().head;
    let answer = session.tell(call(1, "hold", json!({}))).streamed().head;
    for head in [general, answer] {
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        assert_eq!(head.header("cache-control"), Some("no-cache, no-transform"));
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
    }
}

#[test]
fn what_the_server_asks_during_a_call_goes_beside_its_answer() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut general = session.listen();
    let mut stream = session.tell(call(1, "ask", json!({}))).streamed();
    let question = stream.message();
    assert_eq!(question["method"], "sampling/createMessage");
    let content = json!({"type": "text", "text": "forty-two"});
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"content": content}});
    assert_eq!(session.post(answer).head.status, 202);
    assert_eq!(text(&stream.message()), "forty-two");
    assert_eq!(stream.next(), None, "the stream ends with the answer");
    session.delete();
    assert_eq!(general.rest(), Vec::<Value>::new(), "nothing goes out twice");
}

#[test]
fn log_messages_of_a_call_go_beside_its_answer() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let messages = session.tell(call(1, "log", json!({}))).all();
    assert_eq!(methods(&messages), ["notifications/message", "answer"]);
}

#[test]
fn changes_of_lists_go_to_the_general_stream_and_wait_until_there_is_one() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let answer = session.tell(call(1, "announce", json!({"times": 3}))).all();
    assert_eq!(methods(&answer), ["answer"]);
    let mut general = session.listen();
    for _ in 0..3 {
        assert_eq!(general.message()["method"], "notifications/tools/list_changed");
    }
    session.call(2, "announce", json!({}));
    assert_eq!(general.message()["method"], "notifications/tools/list_changed");
}

#[test]
fn messages_that_nobody_fetches_are_kept_up_to_a_bound() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    session.call(1, "announce", json!({"times": 1000}));
    serve.wait_for_log("messages are lost");
    let mut general = session.listen();
    session.delete();
    assert!(general.rest().len() <= 256);
}

#[test]
fn a_second_general_stream_takes_the_place_of_the_first() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut first = session.listen();
    let mut second = session.listen();
    assert_eq!(first.rest(), Vec::<Value>::new(), "the first one is closed");
    session.call(1, "announce", json!({}));
    assert_eq!(second.message()["method"], "notifications/tools/list_changed");
}

#[test]
fn a_client_of_the_version_that_knows_it_is_told_how_to_come_back() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut stream = session.tell(call(1, "hold", json!({}))).streamed();
    let priming = stream.next().unwrap();
    assert!(priming.id.is_some() && priming.data.is_empty(), "{priming:?}");
    assert!(priming.retry.is_some());

    let older = Session::open_as(&serve, None, "2025-06-18");
    let mut stream = older.tell(call(1, "hold", json!({}))).streamed();
    older.call(2, "release", json!({}));
    let first = stream.next().unwrap();
    assert!(first.id.is_none() && !first.data.is_empty(), "{first:?}");
}

#[test]
fn ids_of_events_are_unique_in_their_session() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut seen = HashSet::new();
    for id in 1..5 {
        let mut stream = session.tell(call_with_progress(id, id, 5)).streamed();
        let events: Vec<Event> = std::iter::from_fn(|| stream.next()).collect();
        assert_eq!(events.len(), 7, "{events:?}");
        for event in events {
            assert!(seen.insert(event.id.clone()), "{event:?} stands twice");
        }
    }
}

#[test]
fn a_broken_stream_is_taken_up_where_it_broke() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    // Another stream, whose events are not to be mixed in.
    let other = session.tell(call_with_progress(1, "other", 4)).all();
    assert_eq!(other.len(), 5);
    let mut stream = session.tell(call_with_progress(2, "mine", 4)).streamed();
    stream.next();
    let first = stream.next().unwrap();
    drop(stream);
    let mut again = session.resume(first.id.as_deref());
    let rest = again.rest();
    let steps: Vec<_> = rest.iter().map(|it| it["params"]["progress"].as_u64()).collect();
    assert_eq!(steps, [Some(1), Some(2), Some(3), None], "{rest:?}");
    assert!(rest[..3].iter().all(|it| it["params"]["progressToken"] == "mine"));
}

#[test]
fn a_client_that_goes_away_cancels_nothing_and_finds_its_answer_later() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut stream = session.tell(call(1, "hold", json!({}))).streamed();
    let priming = stream.next().unwrap();
    drop(stream);
    session.call(2, "release", json!({}));
    let mut again = session.resume(priming.id.as_deref());
    assert_eq!(text(&again.message()), "released");
    assert_eq!(again.next(), None);
    assert_eq!(serve.received("cancelled"), 0);
    assert_eq!(serve.received("\"hold\""), 1, "it ran once");
}

#[test]
fn a_general_stream_is_taken_up_with_what_was_missed() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut general = session.listen();
    session.call(1, "announce", json!({}));
    let event = std::iter::from_fn(|| general.next()).find(|it| !it.data.is_empty()).unwrap();
    drop(general);
    session.call(2, "announce", json!({"times": 2}));
    let mut again = session.resume(event.id.as_deref());
    for _ in 0..2 {
        assert_eq!(again.message()["method"], "notifications/tools/list_changed");
    }
    session.delete();
    assert_eq!(again.rest(), Vec::<Value>::new());
}

#[test]
fn an_event_id_that_nobody_gave_opens_no_other_stream() {
    let serve = Serve::plain();
    let (session, other) = (Session::open(&serve), Session::open(&serve));
    let mut waiting = other.tell(call(1, "hold", json!({}))).streamed();
    let foreign = waiting.next().unwrap().id.unwrap();
    for id in [&*foreign, "1-999999", "999999-1", "-", "nonsense", "18446744073709551616-1"] {
        let mut stream = session.resume(Some(id));
        session.call(2, "announce", json!({}));
        assert_eq!(stream.message()["method"], "notifications/tools/list_changed", "{id}");
    }
    other.call(2, "release", json!({}));
    assert_eq!(text(&waiting.message()), "released");
}

#[test]
fn a_get_has_to_want_an_event_stream() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    for accept in ["application/json", "text/html, text/event-stream;q=0", ""] {
        let ask = session.sign(Ask::stream("/mcp")).header("accept", accept);
        assert_eq!(session.wire().ask(&ask).head.status, 406, "{accept:?}");
    }
    for accept in ["text/*", "*/*", "TEXT/event-stream; q=0.1"] {
        let ask = session.sign(Ask::stream("/mcp")).header("accept", accept);
        assert_eq!(session.wire().head(&ask).status, 200, "{accept:?}");
    }
}

#[test]
fn a_client_that_does_not_read_slows_nobody_but_its_own_server() {
    let serve = Serve::plain();
    let (slow, good) = (Session::open(&serve), Session::open(&serve));
    // Far more than sockets, queues and pipes hold.
    let flood = json!({"bytes": 64 * 1024, "steps": 2000});
    let mut unread = slow.tell(call(1, "flood", flood)).streamed();
    for id in 1..50 {
        assert_eq!(text(&good.call(id, "echo", json!({"text": "fine"}))), "fine");
    }
    let usage = crate::support::serve::Usage::of(serve.pid());
    assert!(usage.resident < 64 * 1024 * 1024, "the queues are bounded: {usage:?}");
    // It has lost nothing by its slowness.
    let messages = unread.rest();
    assert_eq!(messages.len(), 2001);
    let in_order = |(step, message): (usize, &Value)| {
        message["params"]["data"].as_str().is_some_and(|it| it.starts_with(&format!("{step} ")))
    };
    assert!(messages[..2000].iter().enumerate().all(in_order));
    assert_eq!(text(&messages[2000]), "done");
}

#[test]
fn a_large_answer_passes_unchanged() {
    let serve = Serve::plain();
    let session = Session::open_as(&serve, None, LEGACY);
    for bytes in [1, 65_535, 65_536, 8 * 1024 * 1024] {
        let answer = session.call(bytes, "big", json!({"bytes": bytes}));
        let text = text(&answer);
        assert!(text.len() == bytes && text.bytes().all(|byte| byte == b'x'), "{bytes}");
    }
}

#[test]
fn thousands_of_requests_in_one_session_are_each_answered_once() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut wire = session.wire();
    for id in 0..2000 {
        let answer = wire.ask(&session.sign(Ask::post(call(id, "echo", json!({"text": "x"})))));
        let answer = match answer.head.is_event_stream() {
            false => answer.json(),
            true => {
                let last = answer.body.lines().rev().find_map(|line| line.strip_prefix("data: {"));
                serde_json::from_str(&format!("{{{}", last.unwrap())).unwrap()
            }
        };
        assert_eq!(answer["id"], id);
    }
    until("all of them", || (serve.received("\"echo\"") == 2000).then_some(()));
}
