//! The probe and HTTP servers that refuse, mislead, or are none of MCP.

use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::pki::Ca;
use crate::support::probing::Probing;
use crate::support::probing::facts;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::secure::Pki;
use crate::support::tls_server::asking;

fn plain(url: &str) -> Probing {
    Probing::of(url).arg("--allow-http")
}

/// Each message is answered with this.
#[track_caller]
fn answered(reply: Reply, step: &str, class: &str, cause: &str, hint: &str) {
    let remote = Plan::legacy()
        .always("initialize", reply.clone())
        .always("server/discover", reply.clone())
        .always("GET", reply)
        .start();
    plain(&remote.url()).fails(step, class, cause, hint);
}

#[test]
fn each_status_that_is_no_success_has_its_own_words() {
    for (status, class, cause, hint) in [
        (400, "http", "a wrong one (HTTP 400)", "log of the server"),
        (401, "auth", "does not know us (HTTP 401)", "valid credentials with `--header-file`"),
        (403, "auth", "does not let us in (HTTP 403)", "is allowed"),
        (404, "http", "no MCP endpoint at this path (HTTP 404)", "path"),
        (405, "http", "does not take this request at this path (HTTP 405)", "path"),
        (406, "http", "neither JSON nor an event stream", "path"),
        (415, "http", "takes no JSON", "path"),
        (407, "auth", "a proxy that does not know us (HTTP 407)", "user:password@"),
        (408, "http", "gave up waiting", "proxies on the way"),
        (410, "http", "at this path any more", "new URL"),
        (413, "http", "no message of this size", "raise the limit of the server"),
        (418, "http", "refused the request (HTTP 418)", "check the URL"),
        (421, "http", "not the server for this name", "pass the host on"),
        (429, "http", "too many requests", "wait"),
        (500, "http", "failed inside", "log of the server"),
        (502, "http", "lost its own server (HTTP 502)", "see that the server"),
        (431, "http", "no URL or headers of this size", "--header"),
        (501, "http", "takes no POST", "the port and the path"),
        (503, "http", "overloaded", "later"),
        (504, "http", "lost its own server (HTTP 504)", "see that the server"),
        (525, "http", "a proxy before it did", "log of the server"),
    ] {
        // With a word of the server's own, which is the cause.
        answered(Reply::status(status).body("reason 7"), "http", class, cause, hint);
        answered(Reply::status(status).body("reason 7"), "http", class, "reason 7", hint);
    }
}

#[test]
fn a_connection_that_is_lost_is_told_without_a_doubt_about_a_greeting() {
    let remote = RawRemote::start(|connection| {
        connection.head();
        connection.reset();
    });
    let found = plain(&remote.url("/mcp")).fails("http", "http", "lost", "`https://`");
    let told = found["failure"].to_string();
    assert!(!told.contains("may or may not") && !told.contains("at the remote"), "{told}");
}

#[test]
fn who_is_not_let_in_without_a_certificate_is_told_that_one_was_asked_for() {
    let ca = Ca::new("CA");
    let config = asking(&ca.server(&["localhost"]), &[ca.der()]);
    let remote = Plan::legacy().always("initialize", Reply::status(403));
    let remote = remote.behind(std::sync::Arc::new(config).into()).start();
    let (probing, _files) = Probing::secure(remote.address().port(), &ca, None);
    probing.fails("http", "auth", "403", "asks for a client certificate, and none was given");
    let (probing, _files) = Probing::secure(remote.address().port(), &ca, Some(&ca.client("dev")));
    let found = probing.fails("http", "auth", "403", "is allowed");
    assert!(!found["failure"].to_string().contains("revoked"), "{found:#}");
}

#[test]
fn a_sound_certificate_that_nginx_refuses_may_be_revoked() {
    let pki = Pki::new();
    let error = Reply::status(400).header("content-type", "text/html");
    let remote = Plan::legacy().always("initialize", error.body("The SSL certificate error"));
    let remote = remote.behind(pki.acceptor(&["h2"])).start();
    let probing = Probing::of(&remote.url()).args(pki.flags());
    probing.fails("http", "auth", "it may be revoked, or be for somebody else", "a CA that it");
}

#[test]
fn interim_responses_without_an_end_do_not_hold_the_probe() {
    let flood = RawRemote::start(|connection| {
        connection.head();
        for _ in 0..2000 {
            connection.write("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000));
        }
    });
    let probing = plain(&flood.url("/mcp"));
    probing.fails("http", "http", "no response in them", "");
}

#[test]
fn a_redirect_to_elsewhere_is_told_with_its_origin_and_not_followed() {
    let away = Reply::status(307).header("location", "https://other.example/secret?x=1");
    answered(away, "http", "http", "https://other.example", "final URL");
}

#[test]
fn a_web_page_in_place_of_an_answer_is_told() {
    let page = Reply::status(200)
        .header("content-type", "text/html")
        .body("<!doctype html><title>Login</title>");
    answered(page.clone(), "http", "http", "text/html", "the port and the path");
    // As `python3 -m http.server`, nginx, and Express answer.
    for status in [200, 404, 405, 501] {
        let told = "no MCP server at this path: a web server answers";
        answered(page.clone().with_status(status), "http", "http", told, "the port and the path");
    }
}

#[test]
fn an_event_stream_that_points_to_another_origin_is_refused() {
    let remote = RawRemote::start(|connection| {
        connection.head();
        connection.event_stream();
        connection.write("event: endpoint\ndata: https://other.example/messages\n\n");
        connection.wait_for_end();
    });
    let probing = plain(&remote.url("/sse")).args(["--transport", "sse-only"]);
    probing.fails("http", "http", "other.example", "an endpoint of its own");
}

#[test]
fn a_server_that_refuses_our_version_is_told_with_its_own_words() {
    let error = json!({"jsonrpc": "2.0", "id": 1, "error": {
        "code": -32602, "message": "Unsupported protocol version", "data": {"supported": ["1999-01-01"]},
    }});
    let remote = Plan::legacy()
        .always("initialize", Reply::json(error.to_string()))
        .always("server/discover", Reply::status(404))
        .start();
    plain(&remote.url()).fails(
        "session",
        "mcp",
        "the server speaks 1999-01-01",
        "no protocol version in common",
    );
}

#[test]
fn a_server_that_refuses_the_session_is_told_with_its_own_words() {
    for (code, said, hint) in [
        (-32000, "too many sessions", "log of the server"),
        (-32601, "Method not found", "check that this is an MCP server"),
    ] {
        let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": said}});
        let remote = Plan::legacy()
            .always("initialize", Reply::json(error.to_string()))
            .always("server/discover", Reply::status(404))
            .start();
        plain(&remote.url()).fails("session", "mcp", said, hint);
    }
}

#[test]
fn a_session_that_is_lost_at_once_is_told() {
    let remote = Plan::legacy().always("tools/list", Reply::status(404)).start();
    plain(&remote.url()).fails(
        "lists",
        "http",
        "has lost the session",
        "several servers may stand",
    );
}

#[test]
fn a_server_of_the_modern_era_alone_is_toured_in_it() {
    let pki = Pki::new();
    let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32022,
        "message": "Unsupported protocol version", "data": {"supported": ["2026-07-28"]}}});
    let no = Reply::status(400).header("content-type", "application/json").body(error.to_string());
    let remote = Plan::modern().always("initialize", no).behind(pki.acceptor(&["h2"])).start();
    let (code, found) = Probing::of(&remote.url()).args(pki.flags()).json();
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(facts(&found, "http")["certificateAccepted"], true, "{found:#}");
    assert_eq!(facts(&found, "transport")["refused"], json!([]), "{found:#}");
    assert_eq!(facts(&found, "session")["era"], "modern", "{found:#}");
    assert_eq!(found["offers"]["protocolVersions"], json!(["2026-07-28"]), "{found:#}");
}

#[test]
fn an_older_server_is_toured_over_its_own_transport_and_the_reason_is_told() {
    let remote = Plan::sse().start();
    let (code, found) = plain(&remote.url()).json();
    assert_eq!(code, Some(0), "{found:#}");
    let transport = facts(&found, "transport");
    assert_eq!(transport["name"], "SSE", "{transport:#}");
    assert!(transport["refused"][0].to_string().contains("Streamable HTTP"), "{transport:#}");
}
