//! Requests that two programs could read in two ways: what hides in them is never executed.

use serde_json::json;

use crate::support::http::Ask;
use crate::support::serve::Serve;
use crate::support::session::Session;
use crate::support::session::call;

/// What the head of the first request says besides the usual, and its body.
struct Trick {
    name: &'static str,
    headers: String,
    body: String,
}

fn trick(name: &'static str, headers: impl Into<String>, body: impl Into<String>) -> Trick {
    Trick { name, headers: headers.into(), body: body.into() }
}

#[test]
fn what_hides_behind_an_ambiguous_length_is_never_executed() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let hidden = session.sign(Ask::post(call("hidden", "echo", json!({"text": "smuggled"}))));
    let hidden = hidden.text("localhost");
    let both = hidden.len() + 5;
    let tricks = [
        trick(
            "length and chunks",
            format!("Content-Length: {both}\r\nTransfer-Encoding: chunked\r\n"),
            "0\r\n\r\n",
        ),
        trick(
            "chunks and length",
            format!("Transfer-Encoding: chunked\r\nContent-Length: {both}\r\n"),
            "0\r\n\r\n",
        ),
        trick("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n", ""),
        trick("a list of lengths", "Content-Length: 0, 0\r\n", ""),
        trick("a negative length", "Content-Length: -1\r\n", ""),
        trick("a signed length", "Content-Length: +0\r\n", ""),
        trick("a length too large", "Content-Length: 99999999999999999999999\r\n", ""),
        trick("an unknown coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        trick("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        trick("no coding", "Transfer-Encoding: identity\r\n", ""),
        trick("a blank before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        trick("a folded line", "X: a\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        trick("a bare carriage return", "X: a\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        trick("a NUL", "X: a\0b\r\n", ""),
        trick("a chunk size too large", "Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n"),
        trick("a negative chunk size", "Transfer-Encoding: chunked\r\n", "-1\r\n\r\n"),
        trick(
            "an endless chunk extension",
            "Transfer-Encoding: chunked\r\n",
            format!("0;{}\r\n\r\n", "x".repeat(65_536)),
        ),
        trick("a chunk that a bare line feed ends", "Transfer-Encoding: chunked\r\n", "0\n\n"),
        trick("two hosts", "Host: evil.example\r\nContent-Length: 0\r\n", ""),
    ];
    for Trick { name, headers, body } in tricks {
        let mut wire = session.wire();
        let usual = "Content-Type: application/json\r\nAccept: */*\r\n";
        let id = &session.id;
        wire.write(format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {id}\r\n{usual}{headers}\r\n{body}{hidden}"
        ));
        let head = wire.read_head();
        let refused = head.as_ref().is_none_or(|head| (400..500).contains(&head.status));
        assert!(refused, "{name}: {head:?}");
        let rest = String::from_utf8_lossy(&wire.wait_for_end()).into_owned();
        assert!(!rest.contains("smuggled"), "{name}: {rest}");
        assert_eq!(serve.received("smuggled"), 0, "{name}");
    }
    assert_eq!(session.status(), 200);
}

#[test]
fn a_request_is_for_exactly_one_host() {
    let serve = Serve::plain();
    let heads = [
        "GET /mcp HTTP/1.1\r\n",
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n",
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n",
        "GET http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\n",
        "GET http://localhost/mcp HTTP/1.1\r\nHost: evil.example\r\n",
        "GET http://localhost/mcp HTTP/1.1\r\n",
        "GET /mcp HTTP/1.0\r\nConnection: keep-alive\r\n",
    ];
    for head in heads {
        let mut wire = crate::support::http::Wire::to(&serve);
        wire.write(format!("{head}\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(wire.read_head().unwrap().status, 400, "{head}");
        wire.body();
        assert_eq!(wire.wait_for_end(), b"", "nothing after it is answered: {head}");
    }
}

#[test]
fn a_line_that_a_bare_line_feed_ends_hides_nothing() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let body = call("open", "echo", json!({"text": "seen"})).to_string();
    let (id, length) = (&session.id, body.len());
    // Both readings of the line are tried: as one header, and as two.
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {id}\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nX: a\nContent-Length: {length}\r\n\r\n"
    );
    let mut wire = session.wire();
    wire.write(format!("{head}{body}"));
    let first = wire.read_head().expect("an answer");
    let body = wire.body();
    assert_eq!((first.status, serve.received("seen")), (200, 1), "{body:?}");
    // What comes next on the connection is the next request, and not the rest of the first.
    let next = wire.ask(&Ask::new("GET", "/next"));
    assert_eq!(next.head.status, 404);
}
