//! Getting through to a remote, and giving back what that took.

use std::time::Duration;
use std::time::Instant;

use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
#[cfg(target_os = "linux")]
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::pki;
use crate::support::pki::Ca;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
#[cfg(target_os = "linux")]
use crate::support::reply::Step;
use crate::support::secure::Pki;
use crate::support::tls_server;
#[cfg(target_os = "linux")]
use crate::support::watched::Gate;

#[track_caller]
fn fails(host: &Host, kind: &str) -> String {
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), kind, "{}", host.answer(0));
    host.answer(0)["error"].to_string()
}

/// T18: a peer that accepts and says nothing.
#[test]
fn a_silent_peer_is_given_up_in_time() {
    let remote = RawRemote::start(|connection| drop(connection.wait_for_end()));
    let url = remote.url("/mcp").replace("http://127.0.0.1", "https://localhost");
    let host = Launch::new(&url).args(["--connect-timeout", "300ms"]).start();
    let start = Instant::now();
    let told = fails(&host, "not_sent");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(told.contains("300ms"), "{told}");
    assert!(remote.accepted() <= 2);
}

/// A host that gives up while the handshake hangs may send its request again.
#[test]
fn what_never_left_at_the_end_of_the_input_is_not_sent() {
    let remote = RawRemote::start(|connection| drop(connection.wait_for_end()));
    let url = remote.url("/mcp").replace("http://127.0.0.1", "https://localhost");
    let mut host = Launch::new(&url).start();
    host.ask(0, "initialize", initialize_params());
    host.ask(1, "tools/list", json!({}));
    host.close_input();
    for id in [0, 1] {
        assert_eq!(host.failure(id), "not_sent", "{}", host.answer(id));
        assert_eq!(host.answer(id)["error"]["data"]["retrySafe"], true);
    }
    assert_eq!(host.exit_code(), 1, "nothing worked");
}

/// Whichever of the two strategies begins with a stream.
#[test]
fn what_waited_for_a_stream_at_the_end_of_the_input_is_not_sent() {
    for strategy in ["sse-first", "sse-only"] {
        let remote = RawRemote::start(|connection| drop(connection.wait_for_end()));
        let mut host = Launch::plain(&remote.url("/sse")).args(["--transport", strategy]).start();
        host.ask(0, "initialize", initialize_params());
        host.ask(1, "tools/list", json!({}));
        host.close_input();
        for id in [0, 1] {
            assert_eq!(host.failure(id), "not_sent", "{strategy}: {}", host.answer(id));
        }
        assert_eq!(host.exit_code(), 1, "{strategy}");
    }
}

/// T18: bytes that are no TLS, and an end after the first message.
#[test]
fn a_peer_that_does_not_speak_tls_is_told() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\x01\x02junk\r\n", ""] {
        let remote = RawRemote::start(move |connection| {
            connection.read_some();
            connection.write(answer);
        });
        let url = remote.url("/mcp").replace("http://127.0.0.1", "https://localhost");
        let host = Launch::new(&url).start();
        host.ask(0, "initialize", initialize_params());
        let kind = host.failure(0);
        assert!(["tls", "not_sent"].contains(&kind.as_str()), "{answer:?}: {}", host.answer(0));
        assert_eq!(host.answer(0)["error"]["data"]["retrySafe"], true);
        let hint = host.answer(0)["error"]["data"]["hint"].to_string();
        assert_eq!(hint.contains("an `http://` URL"), !answer.is_empty(), "{hint}");
        assert!(remote.accepted() <= 2);
    }
}

/// Whether it speaks first or answers, in the clear or inside TLS.
#[test]
fn a_peer_that_is_no_http_server_is_told_so() {
    let banner = "SSH-2.0-OpenSSH_9.6\r\n";
    for (says, shown) in [(banner, "`SSH-2.0-OpenSSH_9.6`"), ("\0\x07", "no HTTP response")] {
        for speaks_first in [true, false] {
            let remote = RawRemote::start(move |connection| {
                if !speaks_first {
                    connection.head();
                }
                connection.write(says);
                connection.wait_for_end();
            });
            let told = fails(&Launch::plain(&remote.url("/mcp")).start(), "protocol");
            assert!(told.contains("does not speak HTTP") && told.contains(shown), "{told}");
            assert_eq!(remote.accepted(), 1);
        }
    }
    let (folder, ca) = (tempfile::tempdir().unwrap(), Ca::new("CA"));
    let mut config = tls_server::open(&ca.server(&["localhost"]));
    config.alpn_protocols.clear();
    let remote = tls_server::Server::start(config);
    let url = format!("https://localhost:{}/mcp?key=s3cret", remote.address.port());
    let file = pki::write(&folder, "ca.pem", ca.pem());
    let told = fails(&Launch::new(&url).arg("--tls-ca").arg(file).start(), "protocol");
    assert!(told.contains("does not speak HTTP") && !told.contains("s3cret"), "{told}");
}

/// A response that only breaks off may have been one to an executed request.
#[test]
fn a_broken_response_is_no_proof_that_nothing_was_executed() {
    for part in ["H", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nno header\r\n\r\n", "\r\n"] {
        let remote = RawRemote::start(move |connection| {
            connection.request();
            connection.write(part);
        });
        let told = fails(&Launch::plain(&remote.url("/mcp")).start(), "outcome_unknown");
        assert!(!told.contains("https://"), "{told}");
    }
}

/// What servers of TLS do when somebody speaks plain HTTP to them.
#[test]
fn plain_http_to_a_port_of_tls_leads_to_the_right_scheme() {
    let page = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\n";
    let words = [
        "<h1>400</h1> The plain HTTP request was sent to HTTPS port",
        "Client sent an HTTP request to an HTTPS server.\n",
        "You're speaking plain HTTP to an SSL-enabled server port.",
        "This combination of host and port requires TLS.",
    ];
    let pages = words.map(|it| format!("{page}content-length: {}\r\n\r\n{it}", it.len()));
    let cases = pages.map(|page| (page.into_bytes(), "refused"));
    let alert = (b"\x15\x03\x01\0\x02\x02\x46".to_vec(), "protocol");
    let closes = (Vec::new(), "outcome_unknown");
    for (answer, kind) in cases.into_iter().chain([alert, closes]) {
        let remote = RawRemote::start(move |connection| {
            connection.request();
            connection.write(&answer);
        });
        let told = fails(&Launch::plain(&remote.url("/mcp")).start(), kind);
        assert!(told.contains("use `https://` in the URL"), "{told}");
    }
}

/// C16, as a user of the bridge meets it. A reset may overtake the alert; the words are the same.
#[test]
fn a_missing_client_certificate_is_told_in_words() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let remote = Plan::legacy().behind(pki.acceptor(&[protocol])).start();
        let host = Launch::new(&remote.url()).arg("--tls-ca").arg(pki.path("ca.crt")).start();
        let answer = host.call(0, "initialize", initialize_params());
        assert!(answer["error"].to_string().contains("client certificate"), "{answer}");
        host.wait_for_error("client certificate");
        assert_eq!(remote.order(), Vec::<String>::new());
    }
}

/// A large first message hides the alert behind a reset now and then (F4); the words do not change.
#[test]
fn a_missing_client_certificate_is_told_after_a_large_message_too() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        for _ in 0..5 {
            let remote = Plan::legacy().behind(pki.acceptor(&[protocol])).start();
            let host = Launch::new(&remote.url()).arg("--tls-ca").arg(pki.path("ca.crt")).start();
            let mut params = initialize_params();
            params["padding"] = json!("x".repeat(3 << 20));
            let answer = host.call(0, "initialize", params);
            assert!(answer["error"].to_string().contains("client certificate"), "{answer}");
            assert_eq!(remote.order(), Vec::<String>::new());
        }
    }
}

/// The bridge lives as long as its host: what was not there may come up.
#[test]
fn a_remote_that_comes_up_later_is_found() {
    let remote = Plan::legacy().once("initialize", Reply::status(503)).start();
    let host = Host::of(&remote);
    host.ask("first", "initialize", initialize_params());
    assert_eq!(host.failure("first"), "overloaded");
    host.initialize();
    assert!(host.echo(1)["result"].is_object());
}

/// T: a connection that never came about is an exit code of 1 in the end.
#[test]
fn a_remote_that_was_never_reached_is_an_exit_code() {
    let url = RawRemote::nobody_calls().url("/mcp");
    let mut host = Launch::plain(&url).start();
    fails(&host, "not_sent");
    host.close_input();
    assert_eq!(host.exit_code(), 1);
}

/// Such as a script that pipes its messages in.
#[test]
fn the_exit_code_is_the_same_if_the_input_ends_first() {
    let url = RawRemote::nobody_calls().url("/mcp");
    for strategy in ["http-first", "http-only", "sse-first", "sse-only"] {
        let mut host = Launch::plain(&url).args(["--transport", strategy]).start();
        host.ask(0, "initialize", initialize_params());
        host.close_input();
        assert_eq!(host.failure(0), "not_sent", "{strategy}");
        assert_eq!(host.exit_code(), 1, "{strategy}");
    }
}

/// What is taken is given back, whatever goes wrong.
#[test]
#[cfg(target_os = "linux")]
fn descriptors_and_memory_are_given_back() {
    let pki = Pki::new();
    for protocol in [None, Some("http/1.1"), Some("h2")] {
        let gate = Gate::closed();
        let held = Reply::events([Step::bytes(": hi\n\n"), Step::Wait(gate.clone())]);
        let mut plan = Plan::modern().on("tools/call", move |call| match call.number % 4 {
            0 => None,
            1 => Some(Reply::events([
                Step::event("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}"),
                Step::Cut,
            ])),
            2 => Some(Reply::status(500)),
            _ => Some(held.clone()),
        });
        if let Some(protocol) = protocol {
            plan = plan.behind(pki.acceptor(&[protocol]));
        }
        let remote = plan.start();
        let host = match protocol {
            Some(_) => Launch::new(&remote.url()).args(pki.flags()).start(),
            None => Host::of(&remote),
        };
        let round = |first: i32| {
            for id in first..first + 40 {
                host.ask(id, "tools/call", modern(json!({"name": "echo"})));
                if (id - first) % 4 == 3 {
                    remote.wait_for("tools/call", (id + 1) as usize);
                    host.notify("notifications/cancelled", json!({"requestId": id}));
                    remote.wait_for_drop(id);
                } else {
                    host.answer(id);
                }
            }
            (host.descriptors(), host.resident_memory())
        };
        let (descriptors, memory) = round(0);
        let (descriptors_later, memory_later) = (1..6).fold((0, 0), |_, n| round(n * 40));
        assert!(descriptors_later <= descriptors + 2, "{descriptors} {descriptors_later}");
        assert!(memory_later <= memory + (4 << 20), "{memory} {memory_later}");
    }
}
