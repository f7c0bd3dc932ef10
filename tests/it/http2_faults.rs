//! What HTTP/2 proves about a request that failed (H21).

use std::sync::Arc;

use h2::Reason;
use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::modern;
use crate::support::http2;
use crate::support::http2::Http2Remote;
use crate::support::launch::Launch;
use crate::support::secure::Pki;
use crate::support::watched::Watched;

type Bodies = Arc<Watched<Vec<String>>>;

fn bridge(remote: &Http2Remote, pki: &Pki) -> Host {
    Launch::new(&remote.url()).args(pki.flags()).start()
}

fn call(host: &Host, id: u32) {
    host.ask(id, "tools/call", modern(json!({"name": "echo"})));
}

fn answer_to(body: &str) -> String {
    let message: Value = serde_json::from_str(body).unwrap();
    json!({"jsonrpc": "2.0", "id": message["id"], "result": {}}).to_string()
}

/// Resets the first `count` requests.
fn resetting(pki: &Pki, count: usize, reason: Reason) -> (Http2Remote, Bodies) {
    let bodies = Bodies::default();
    let seen = Arc::clone(&bodies);
    let remote = Http2Remote::start(pki.acceptor(&["h2"]), move |_, stream| {
        let seen = Arc::clone(&seen);
        http2::serve(stream, move |_, body| {
            let number = seen.change(|bodies| {
                bodies.push(body.clone());
                bodies.len()
            });
            if number <= count { Err(reason) } else { Ok(answer_to(&body)) }
        })
    });
    (remote, bodies)
}

#[test]
fn a_refused_stream_is_tried_once_more() {
    let pki = Pki::new();
    let (remote, bodies) = resetting(&pki, 1, Reason::REFUSED_STREAM);
    let host = bridge(&remote, &pki);
    call(&host, 1);
    assert!(host.answer(1)["result"].is_object());
    assert_eq!(bodies.lock().len(), 2);
}

#[test]
fn a_stream_that_is_refused_twice_was_not_sent() {
    let pki = Pki::new();
    let (remote, bodies) = resetting(&pki, usize::MAX, Reason::REFUSED_STREAM);
    let host = bridge(&remote, &pki);
    call(&host, 1);
    assert_eq!(host.failure(1), "not_sent");
    assert_eq!(bodies.lock().len(), 2);
}

#[test]
fn another_reset_leaves_the_outcome_unknown() {
    let pki = Pki::new();
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::NO_ERROR, Reason::PROTOCOL_ERROR]
    {
        let (remote, bodies) = resetting(&pki, 1, reason);
        let host = bridge(&remote, &pki);
        call(&host, 1);
        assert_eq!(host.failure(1), "outcome_unknown", "{reason:?}");
        assert_eq!(bodies.lock().len(), 1, "{reason:?}");
        call(&host, 2);
        assert!(host.answer(2)["result"].is_object(), "{reason:?}");
    }
}

const REASONS: [Reason; 2] = [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM];

fn leaving(pki: &Pki, last_stream: u32, reason: Reason) -> Http2Remote {
    Http2Remote::start(pki.acceptor(&["h2"]), move |number, stream| async move {
        match number {
            0 => http2::go_away(stream, last_stream, reason).await,
            _ => http2::serve(stream, |_, body| Ok(answer_to(&body))).await,
        }
    })
}

#[test]
fn a_request_above_the_last_stream_of_a_goodbye_is_sent_again() {
    let pki = Pki::new();
    for reason in REASONS {
        let remote = leaving(&pki, 0, reason);
        let host = bridge(&remote, &pki);
        call(&host, 1);
        assert!(host.answer(1)["result"].is_object(), "{reason:?}: {}", host.answer(1));
    }
}

#[test]
fn a_request_within_a_goodbye_may_have_been_executed() {
    let pki = Pki::new();
    for reason in REASONS {
        let remote = leaving(&pki, 1, reason);
        let host = bridge(&remote, &pki);
        call(&host, 1);
        assert_eq!(host.failure(1), "outcome_unknown", "{reason:?}");
        call(&host, 2);
        assert!(host.answer(2)["result"].is_object(), "{reason:?}");
    }
}

#[test]
fn many_requests_share_one_connection() {
    let pki = Pki::new();
    let remote = crate::support::mcp::Plan::modern().behind(pki.acceptor(&["h2"])).start();
    let host = Launch::new(&remote.url()).args(pki.flags()).start();
    (1..=100).for_each(|id| call(&host, id));
    (1..=100).for_each(|id| assert!(host.answer(id)["result"].is_object()));
    assert_eq!(remote.connections(), 1);
}

/// The remote takes one request at a time, and keeps it.
#[test]
fn what_waits_for_a_free_stream_was_not_sent() {
    let pki = Pki::new();
    let taken = Arc::<Watched<usize>>::default();
    let seen = Arc::clone(&taken);
    let remote = Http2Remote::start(pki.acceptor(&["h2"]), move |_, stream| {
        http2::keep(stream, 1, Arc::clone(&seen))
    });
    let mut host = bridge(&remote, &pki);
    call(&host, 0);
    host.answer(0);
    call(&host, 1);
    taken.wait("the second request", |taken| (*taken == 2).then_some(()));
    (2..=4).for_each(|id| call(&host, id));
    host.notify("notifications/cancelled", json!({"requestId": 4}));
    host.close_input();
    assert_eq!(host.failure(1), "outcome_unknown");
    for id in [2, 3] {
        assert_eq!(host.failure(id), "not_sent");
    }
    host.wait_for_exit();
    assert_eq!(host.answers_to(4), 0);
    assert_eq!(*taken.lock(), 2, "nothing else has left");
}

/// Before the remote has told its limit, more may be sent, which it refuses.
#[test]
fn more_requests_than_streams_are_all_answered() {
    let pki = Pki::new();
    let remote = Http2Remote::start(pki.acceptor(&["h2"]), |_, stream| {
        http2::serve_few(stream, 2, |_, body| Ok(answer_to(&body)))
    });
    let host = bridge(&remote, &pki);
    (0..100).for_each(|id| call(&host, id));
    (0..100).for_each(|id| assert!(host.answer(id)["result"].is_object()));
}
