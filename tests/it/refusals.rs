//! What a remote may refuse, and where it may not lead the bridge.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::secure::Pki;

#[test]
fn rejected_credentials_are_said_once_and_not_tried_again() {
    for status in [401, 403] {
        let refused = Reply::status(status)
            .header("www-authenticate", "Bearer realm=\"r\", error=\"x\", nonce=\"s3cret\"");
        let remote = Plan::legacy().once("tools/call", refused).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "auth", "{status}");
        assert_eq!(host.answer(1)["error"]["data"]["retrySafe"], false);
        assert_eq!(remote.requests("tools/call").len(), 1);
        host.wait_for_error(&format!("HTTP {status}"));
        let told = host.errors() + &host.lines().concat();
        assert!(!told.contains("s3cret"), "{told}");
        assert!(host.echo(2)["result"].is_object());
    }
}

#[test]
fn a_server_that_quotes_our_credentials_does_not_bring_them_into_log_or_error() {
    let quoting = Reply::status(401).body("bad token: Bearer s3cret-t0ken-s3cret!");
    let remote = Plan::legacy().always("initialize", quoting).start();
    let launch = Launch::plain(&remote.url()).args(["--header", "Authorization: ${TOKEN}"]);
    let host = launch.env("TOKEN", "Bearer s3cret-t0ken-s3cret").start();
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), "auth");
    host.wait_for_error("HTTP 401");
    let told = host.errors() + &host.lines().concat();
    assert!(told.contains("bad token: Bearer ***!") && !told.contains("s3cret"), "{told}");
}

#[test]
fn an_overloaded_server_is_left_alone() {
    for (status, words) in [(429, "too many requests"), (503, "overloaded")] {
        let busy = Reply::status(status).header("retry-after", "17");
        let remote = Plan::legacy().once("tools/call", busy).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "overloaded", "{status}");
        assert_eq!(host.answer(1)["error"]["data"]["retryAfter"], 17);
        assert!(host.answer(1)["error"]["message"].to_string().contains(words), "{status}");
        assert_eq!(remote.requests("tools/call").len(), 1);
    }
}

#[test]
fn a_failed_request_is_one_line_of_the_log_with_cause_and_hint() {
    for plan in [Plan::legacy(), Plan::sse()] {
        let remote = plan.always("tools/call", Reply::status(413)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "too_large");
        host.wait_for_error("hint: send less");
        let log = host.errors();
        let line = log.lines().find(|line| line.contains("`tools/call` failed: ")).unwrap();
        assert!(line.contains(": HTTP status 413") && line.contains("; hint: send"), "{line}");
        assert_eq!(log.matches("`tools/call` failed").count(), 1, "{log}");
    }
}

#[test]
fn a_wait_until_a_date_is_given_to_the_host_in_seconds() {
    // In the year 9999.
    let busy = Reply::status(503).header("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT");
    let remote = Plan::legacy().once("tools/call", busy).start();
    let host = Host::in_session(&remote);
    let wait = host.echo(1)["error"]["data"]["retryAfter"].as_u64().unwrap();
    assert!(wait > 200_000_000_000, "{wait}");
}

#[test]
fn a_message_too_large_for_the_server_is_told_with_a_way_out() {
    let remote = Plan::legacy().always("tools/call", Reply::status(413)).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    assert_eq!(host.failure(1), "too_large");
    let hint = host.answer(1)["error"]["data"]["hint"].to_string();
    assert!(hint.contains("raise the limit of the server"), "{hint}");
}

#[test]
fn a_failed_gateway_leaves_the_outcome_unknown() {
    for status in [502, 504] {
        let remote = Plan::legacy().always("tools/call", Reply::status(status)).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        assert_eq!(host.failure(1), "outcome_unknown", "{status}");
        let told = host.answer(1)["error"].to_string();
        assert!(told.contains("may or may not have executed"), "{told}");
        assert!(told.contains("check at the remote"), "{told}");
        assert_eq!(remote.requests("tools/call").len(), 1);
    }
}

#[test]
fn a_redirect_inside_the_origin_is_followed_with_the_whole_message() {
    for status in [307, 308] {
        let remote = Plan::legacy()
            .on("tools/call", move |call| {
                let there = call.request.path == "/there?x=1";
                (!there).then(|| Reply::status(status).header("location", "/there?x=1"))
            })
            .start();
        let host = Host::in_session(&remote);
        assert!(host.echo(1)["result"].is_object(), "{status}");
        let calls = remote.requests("tools/call");
        assert_eq!(calls[0].body, calls[1].body);
        assert_eq!(calls[1].header("mcp-session-id"), Some("session-1"));
        assert_eq!(remote.executions(1), 1);
    }
}

#[test]
fn a_redirect_that_changes_the_method_is_reported() {
    for status in [300, 301, 302, 303] {
        let moved = Reply::status(status).header("location", "/there");
        let remote = Plan::legacy().always("tools/call", moved).start();
        let host = Host::in_session(&remote);
        let answer = host.echo(1);
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        assert!(answer["error"].to_string().contains(&status.to_string()), "{answer}");
        assert_eq!(remote.requests("tools/call").len(), 1);
    }
}

#[test]
fn no_redirect_leads_to_another_origin() {
    let elsewhere = RawRemote::nobody_calls();
    for status in [301, 302, 307, 308] {
        for location in [
            elsewhere.url("/secret-path?token=1"),
            format!("//{}/x", elsewhere.address()),
            elsewhere.url("/").replace("127.0.0.1", "user:pw@127.0.0.1"),
            elsewhere.url("/").replace("http:", "ftp:"),
        ] {
            let moved = Reply::status(status).header("location", location.clone());
            let remote = Plan::legacy().always("tools/call", moved).start();
            let host = Launch::plain(&remote.url()).args(["--header", "X-Mine: s3cret"]).start();
            host.initialize();
            let answer = host.echo(1);
            assert_eq!(answer["error"]["code"], -32603, "{status} {location}: {answer}");
            let told = answer.to_string();
            assert!(!told.contains("secret-path") && !told.contains("token=1"), "{told}");
            assert_eq!(remote.requests("tools/call").len(), 1);
            assert_eq!(remote.executions(1), 0);
        }
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[test]
fn no_redirect_leads_out_of_tls() {
    let pki = Pki::new();
    let plain = RawRemote::nobody_calls();
    let target = plain.url("/mcp");
    let moved = Reply::status(307).header("location", target);
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).always("tools/call", moved).start();
    let host = Launch::new(&remote.url()).args(pki.flags()).start();
    host.initialize();
    assert_eq!(host.echo(1)["error"]["code"], -32603);
    assert_eq!(plain.accepted(), 0);
}

#[test]
fn a_redirect_that_goes_round_ends() {
    let remote =
        Plan::legacy().always("tools/call", Reply::status(308).header("location", "/mcp")).start();
    let host = Host::in_session(&remote);
    let answer = host.echo(1);
    assert_eq!(answer["error"]["code"], -32603);
    let hint = answer["error"]["data"]["hint"].as_str().unwrap();
    assert!(hint.contains("check the URL"), "{hint}");
    assert!((2..20).contains(&remote.requests("tools/call").len()));
    assert_eq!(remote.executions(1), 0);
}

#[test]
fn an_address_from_the_server_is_never_visited() {
    let elsewhere = RawRemote::nobody_calls();
    let url = elsewhere.url("/latest/meta-data");
    let hints = |reply: Reply| {
        reply
            .header("link", format!("<{url}>; rel=\"preload\""))
            .header("content-location", url.clone())
            .header("refresh", format!("0; url={url}"))
            .header("alt-svc", format!("h2=\"{}\"", elsewhere.address()))
            .header("www-authenticate", format!("Bearer resource_metadata=\"{url}\""))
            .header("location", url.clone())
    };
    let (refused, taken) = (hints(Reply::status(401)), hints(Reply::status(202)));
    let remote = Plan::legacy()
        .once("tools/call", refused)
        .always("notifications/initialized", taken)
        .start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    assert_eq!(host.failure(1), "auth");
    assert!(host.echo(2)["result"].is_object());
    assert_eq!(elsewhere.accepted(), 0);
}

/// H21: the server reads the whole request on a connection that is used again, and resets it.
#[test]
fn a_request_on_a_reused_connection_is_sent_once() {
    let remote = RawRemote::start(|connection| {
        while let Some(request) = connection.request() {
            let id = request.json()["id"].clone();
            match request.what().as_str() {
                "tools/call" => return connection.reset(),
                "initialize" => {
                    let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
                    let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                    connection.json("200 OK", &answer.to_string());
                }
                "ping" => {
                    let answer = json!({"jsonrpc": "2.0", "id": id, "result": {}});
                    connection.json("200 OK", &answer.to_string());
                }
                "GET" => connection.json("405 Method Not Allowed", ""),
                _ => connection.json("202 Accepted", ""),
            }
        }
    });
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.initialize();
    host.call(1, "ping", json!({}));
    let before = remote.accepted();
    host.ask_echo(2);
    assert_eq!(host.failure(2), "outcome_unknown");
    assert_eq!(host.answer(2)["error"]["data"]["retrySafe"], false);
    assert_eq!(remote.accepted(), before, "the call went over a connection that was there");
    host.call(3, "ping", json!({}));
}

#[test]
fn an_idle_connection_that_has_ended_costs_nothing() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.echo(9000);
    for id in 1..=20 {
        remote.cut();
        let answer: Value = host.echo(id);
        let executed = remote.executions(id);
        assert!(answer["result"].is_object() || executed <= 1, "{answer}");
        assert_eq!(host.answers_to(id), 1);
    }
}

#[test]
fn a_server_that_hangs_up_at_once_is_tried_twice_at_most() {
    let remote = RawRemote::start(|_| {});
    let host = Launch::plain(&remote.url("/mcp")).start();
    host.ask(0, "initialize", initialize_params());
    let kind = host.failure(0);
    assert!(["outcome_unknown", "not_sent"].contains(&kind.as_str()), "{kind}");
    assert!(remote.accepted() <= 2, "{}", remote.accepted());
}
