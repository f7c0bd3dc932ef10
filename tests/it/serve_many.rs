//! Very many sessions, left in every way there is: nothing of them stays behind.

use std::collections::HashSet;
use std::sync::Mutex;

use rustix::process::Signal;
use serde_json::json;

use crate::support::http::Ask;
use crate::support::launch::Launch;
use crate::support::parallel;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::Usage;
use crate::support::serve::kill;
use crate::support::serve::somebody_runs_with;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::text;

/// `COUNT=10000` takes some two minutes.
fn count() -> usize {
    let text = std::env::var("COUNT").unwrap_or_default();
    text.parse().unwrap_or(300)
}

fn serving() -> Serving {
    Serving::plain().flag("--session-idle-timeout", "2s").flag("--max-sessions", 1000)
}

/// Opens a session and leaves it, in one of seven ways.
fn come_and_go(serve: &Serve, way: usize) -> String {
    if way.is_multiple_of(7) {
        let mut wire = crate::support::http::Wire::to(serve);
        let head = wire.head(&Ask::stream("/sse"));
        assert_eq!(head.status, 200);
        let first = wire.piece().expect("the endpoint");
        let first = String::from_utf8(first).unwrap();
        wire.reset();
        return first.split("sessionId=").nth(1).unwrap().trim().to_owned();
    }
    let session = Session::open(serve);
    match way % 7 {
        1 => assert_eq!(session.delete(), 204),
        // Idle, the stream and the call that a client leaves behind included.
        2 => drop(session.listen()),
        3 => drop(session.tell(call(1, "hold", json!({})))),
        // Killed, as a client: its sockets are reset.
        4 => session.listen().wire.reset(),
        5 => kill(text(&session.call(1, "pid", json!({}))).parse().unwrap()),
        _ => {
            let answer = session.call(1, "exit", json!({"status": 0}));
            assert!(answer["error"].is_object(), "{answer}");
        }
    }
    session.id
}

#[test]
fn nothing_stays_behind_of_sessions_that_end_in_every_way() {
    let serve = serving().start();
    let settle = || until("end of all processes", || serve.children().is_empty().then_some(()));
    let count = count();
    let ids = Mutex::new(HashSet::new());
    // The first half shows what so many cost at the same time.
    parallel::for_each(0..count, |way| {
        let id = come_and_go(&serve, way);
        ids.lock().unwrap().insert(id);
    });
    settle();
    let before = Usage::of(serve.pid());
    parallel::for_each(0..count, |way| {
        let id = come_and_go(&serve, way);
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()) && id.len() >= 22, "{id}");
        assert!(ids.lock().unwrap().insert(id), "an id stands twice");
    });
    settle();
    until("descriptors", || {
        (Usage::of(serve.pid()).descriptors <= before.descriptors).then_some(())
    });
    let after = Usage::of(serve.pid());
    eprintln!("{count} sessions, twice: before {before:?}, after {after:?}");
    assert!(after.threads <= before.threads + 2, "{before:?} {after:?}");
    assert!(after.resident <= before.resident + 8 * 1024 * 1024, "{before:?} {after:?}");
    assert_eq!(serve.started(), 2 * count, "one process a session");
    assert_eq!(Session::open(&serve).status(), 200);
}

#[test]
fn nothing_stays_behind_of_clients_that_are_killed() {
    let serve = serving().start();
    let before = Usage::of(serve.pid()).descriptors;
    let url = format!("http://{}/mcp", serve.address);
    parallel::for_each(0..count() / 10, |_| {
        let client = Launch::plain(&url).start();
        client.initialize();
        client.ask(1, "tools/call", json!({"name": "hold", "arguments": {}}));
        client.ask(2, "tools/call", json!({"name": "echo", "arguments": {"text": "here"}}));
        client.answer(2);
        client.signal("KILL");
        client.wait_for_exit();
    });
    assert_eq!(serve.started(), count() / 10, "one process a session");
    until("end of all processes", || serve.children().is_empty().then_some(()));
    until("descriptors", || (Usage::of(serve.pid()).descriptors <= before).then_some(()));
}

#[test]
fn nothing_stays_behind_of_servers_that_are_killed() {
    parallel::for_each(0..count() / 20, |number| {
        // Every other one has processes that take no notice of the end of their input.
        let deaf = number % 2 == 1;
        let serve = if deaf { serving().child("--deaf") } else { serving() }.start();
        let sessions: Vec<_> = (0..3).map(|_| Session::open(&serve)).collect();
        let _call = sessions[0].tell(call(1, "hold", json!({})));
        let log = serve.path("child.log");
        serve.signal(Signal::KILL);
        serve.exit();
        until("end of all processes", || (!somebody_runs_with(&log)).then_some(()));
    });
}
