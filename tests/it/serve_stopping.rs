//! The end of our own server: what runs is finished, what does not run is not waited for.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::http::Ask;
use crate::support::http::Wire;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::is_alive;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::modern;
use crate::support::session::text;

#[test]
fn the_log_names_the_signal_that_came() {
    for (signal, text) in [
        (Signal::TERM, "Received SIGTERM; shutting down."),
        (Signal::INT, "Received interrupt; shutting down."),
    ] {
        let serve = Serve::plain();
        serve.signal(signal);
        assert_eq!(serve.exit().code(), Some(0));
        assert!(serve.log().contains(text), "{}", serve.log());
    }
}

/// Sends SIGTERM and waits until nobody new is let in.
fn begin_to_stop(serve: &Serve) {
    serve.signal(Signal::TERM);
    until("closed door", || TcpStream::connect(serve.address).is_err().then_some(()));
}

#[test]
fn what_runs_is_finished_before_the_end() {
    const BYTES: usize = 8 * 1024 * 1024;
    // However slow this machine and its readers are.
    let serve = Serving::plain().child("--modern").flag("--shutdown-timeout", "10m").start();
    let gate = serve.path("gate");
    let arguments = json!({"bytes": BYTES, "gate": gate.display().to_string()});
    let sessions: Vec<_> = (0..5).map(|_| Session::open(&serve)).collect();
    let streams: Vec<_> =
        sessions.iter().map(|it| it.tell(call(1, "gated", arguments.clone())).streamed()).collect();
    let mut modern_one = Wire::to(&serve);
    modern_one.send(&modern(call(1, "gated", arguments.clone())));
    until("all calls", || (serve.received("\"gated\"") == 6).then_some(()));

    begin_to_stop(&serve);
    fs::write(&gate, "open").unwrap();
    for mut stream in streams {
        // A slow reader, piece by piece.
        let answer = stream.rest().pop().expect("the answer");
        assert_eq!(text(&answer).len(), BYTES);
    }
    let head = modern_one.read_head().expect("an answer");
    assert_eq!(head.status, 200);
    assert!(modern_one.body().len() > BYTES);
    assert_eq!(serve.exit().code(), Some(0), "{}", serve.log());
    until("end of all processes", || serve.children().is_empty().then_some(()));
}

#[test]
fn what_takes_longer_than_it_may_is_cut_off() {
    let serve = Serving::plain().flag("--shutdown-timeout", "1s").start();
    let session = Session::open(&serve);
    let pid: u32 = text(&session.call(1, "pid", json!({}))).parse().unwrap();
    let mut waiting = session.tell(call(2, "hold", json!({}))).streamed();
    assert_eq!(serve.stop(), Some(1));
    let told = waiting.rest();
    assert!(told.iter().all(|it| it["error"]["data"]["kind"] == "outcome_unknown"), "{told:?}");
    assert!(serve.log().contains("--shutdown-timeout"), "{}", serve.log());
    assert!(!is_alive(pid));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let serve = Serving::plain().flag("--shutdown-timeout", "1h").start();
    let session = Session::open(&serve);
    let pid: u32 = text(&session.call(1, "pid", json!({}))).parse().unwrap();
    let _waiting = session.tell(call(2, "hold", json!({})));
    begin_to_stop(&serve);
    assert!(!serve.has_ended());
    let began = Instant::now();
    serve.signal(Signal::TERM);
    serve.exit();
    assert!(began.elapsed() < Duration::from_secs(5));
    until("end of the process", || (!is_alive(pid)).then_some(()));
}

#[test]
fn sessions_are_told_by_the_end_of_their_streams() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut general = session.listen();
    let mut sse = Wire::to(&serve);
    let head = sse.head(&Ask::stream("/sse"));
    assert_eq!(head.status, 200);
    assert_eq!(serve.stop(), Some(0));
    assert_eq!(general.rest(), Vec::<Value>::new());
    assert!(general.wire.is_complete(), "the stream ends in good order");
    sse.body();
    assert!(sse.is_complete(), "the stream ends in good order");
}

#[test]
fn nobody_who_asks_nothing_is_waited_for() {
    let plain = Serve::plain();
    let session = Session::open(&plain);
    let mut idle = session.wire();
    assert_eq!(idle.ask(&Ask::new("GET", "/")).head.status, 404);
    let silent = TcpStream::connect(plain.address).unwrap();
    let mut half = TcpStream::connect(plain.address).unwrap();
    half.write_all(b"POST /mcp HTTP/1.1\r\nHost: loc").unwrap();

    let mutual = Serving::mutual().start();
    let no_handshake = TcpStream::connect(mutual.address).unwrap();
    let mut half_handshake = TcpStream::connect(mutual.address).unwrap();
    half_handshake.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    let client = mutual.client("idle");
    let mut trusted = Wire::of(&mutual, &client);
    assert_eq!(trusted.ask(&Ask::new("GET", "/")).head.status, 404);

    for serve in [&plain, &mutual] {
        let began = Instant::now();
        assert_eq!(serve.stop(), Some(0));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(7), "it took {took:?}");
    }
    drop((silent, half, no_handshake, half_handshake, idle, trusted));
}

#[test]
fn a_large_answer_is_read_to_its_end_by_a_client_that_pauses() {
    let serve = Serving::plain().child("--modern").start();
    let bytes = 16 * 1024 * 1024 - 1000;
    let mut wire = Wire::to(&serve);
    wire.send(&modern(call(1, "big", json!({"bytes": bytes}))));
    let head = wire.read_head().expect("an answer");
    assert_eq!(head.status, 200);
    assert!(head.header("content-length").is_some(), "its length is told: {head:?}");
    begin_to_stop(&serve);
    // A connection without a request would not be waited for that long.
    assert!(serve.exits_within(Duration::from_secs(4)).is_none(), "{}", serve.log());
    assert!(wire.body().len() > bytes, "nothing of it is lost");
    assert_eq!(serve.exit().code(), Some(0));
}
