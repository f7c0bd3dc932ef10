//! Who may call our own server, under which name, from which page, and with what kind of body: all of it
//! decided before a process is started.

use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::SanType;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Ask;
use crate::support::http::Wire;
use crate::support::launch::Launch;
use crate::support::pki::Leaf;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::session::initialize;
use crate::support::watched::LIMIT;

fn opening() -> Ask {
    Ask::post(initialize(LEGACY))
}

#[test]
fn only_our_own_names_reach_the_server() {
    let serve = Serving::plain().flag("--allow-host", "mcp.example").start();
    let port = serve.address.port();
    let status = |host: &str| Wire::to(&serve).ask(&opening().header("host", host)).head.status;
    for foreign in ["evil.example", "localhost.evil.example", "127.0.0.2", "evil.example:80"] {
        assert_eq!(status(foreign), 403, "{foreign}");
    }
    for broken in ["", "a b", "user@localhost", "user@localhost:80", "localhost:port"] {
        assert_eq!(status(broken), 400, "{broken:?}");
    }
    assert_eq!(serve.started(), 0, "no process is started for any of them");
    let own = ["localhost".to_owned(), format!("127.0.0.1:{port}"), "MCP.example".to_owned()];
    for own in own {
        assert_eq!(status(&own), 200, "{own}");
    }
}

#[test]
fn only_our_own_pages_and_those_on_the_list_may_call() {
    let serve = Serving::plain().flag("--allow-origin", "https://app.example").start();
    let own = format!("http://{}", serve.address);
    let status =
        |origin: &str| Wire::to(&serve).ask(&opening().header("origin", origin)).head.status;
    for foreign in
        ["https://evil.example", "null", "http://localhost.evil", "https://app.example.evil", ""]
    {
        assert_eq!(status(foreign), 403, "{foreign:?}");
    }
    let twice = opening().header("origin", &own).and("origin", "https://evil.example");
    assert_eq!(Wire::to(&serve).ask(&twice).head.status, 403);
    assert_eq!(serve.started(), 0);
    for fine in ["https://app.example", "HTTPS://APP.EXAMPLE", &own] {
        assert_eq!(status(fine), 200, "{fine}");
    }
    assert_eq!(Wire::to(&serve).ask(&opening()).head.status, 200, "none");
}

#[test]
fn a_page_is_shown_nothing_unless_the_operator_says_so() {
    let serve = Serve::plain();
    let preflight = Ask::new("OPTIONS", "/mcp")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST");
    let refused = Wire::to(&serve).ask(&preflight);
    assert_eq!(refused.head.status, 403);
    assert_eq!(refused.head.header("access-control-allow-origin"), None);

    let serve = Serving::plain().flag("--allow-origin", "https://app.example").start();
    let shown = Wire::to(&serve).ask(&preflight).head;
    assert_eq!(shown.status, 204);
    assert_eq!(shown.header("access-control-allow-origin"), Some("https://app.example"));
    let names = shown.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
    for name in [
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "content-type",
        "authorization",
    ] {
        assert!(names.split(", ").any(|it| it == name), "{name}: {names}");
    }
    let answer = Wire::to(&serve).ask(&opening().header("origin", "https://app.example")).head;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.eq_ignore_ascii_case("mcp-session-id"), "{exposed}");
    let without = Wire::to(&serve).ask(&opening()).head;
    assert_eq!(without.header("access-control-allow-origin"), None);
}

#[test]
fn a_body_has_to_be_json_and_both_kinds_of_answer_welcome() {
    let serve = Serve::plain();
    let status = |ask: Ask| Wire::to(&serve).ask(&ask).head.status;
    let typed = |name: &str| status(opening().header("content-type", name));
    for wrong in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
        assert_eq!(typed(wrong), 415, "{wrong:?}");
    }
    assert_eq!(status(opening().without("content-type")), 415);
    assert_eq!(status(opening().and("content-type", "text/plain")), 415, "two of them");
    assert_eq!(status(opening().header("content-encoding", "gzip")), 415);
    let accepting = |value: &str| status(opening().header("accept", value));
    for wrong in ["application/json", "text/event-stream", "text/html", "", "*/*;q=0"] {
        assert_eq!(accepting(wrong), 406, "{wrong:?}");
    }
    assert_eq!(serve.started(), 0);
    assert_eq!(typed("application/json; charset=utf-8"), 200);
    assert_eq!(typed("Application/JSON"), 200);
    for fine in ["*/*", "application/*, text/*", "text/event-stream;q=0.5, application/json"] {
        assert_eq!(accepting(fine), 200, "{fine}");
    }
}

#[test]
fn other_methods_are_told_what_there_is() {
    let serve = Serve::plain();
    for method in ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"] {
        let mut wire = Wire::to(&serve);
        let head = wire.head(&Ask::new(method, "/mcp"));
        assert_eq!(head.status, 405, "{method}");
        assert_eq!(head.header("allow"), Some("GET, POST, DELETE"), "{method}");
    }
    assert_eq!(serve.started(), 0);
}

#[test]
fn a_certificate_that_fits_no_rule_is_refused_in_words_and_starts_nothing() {
    let rules = [
        ("--allow-cn", "alice"),
        ("--allow-ou", "Tools"),
        ("--allow-dns", "alice.example"),
        ("--allow-uri", "spiffe://example/alice"),
    ];
    for (flag, value) in rules {
        let serve = Serving::mutual().flag(flag, value).start();
        let ca = serve.ca.as_ref().unwrap();
        let leaf = |cn: &str, ou: &str, dns: &str, uri: &str| -> Leaf {
            ca.issue(&[], |params| {
                params.distinguished_name.push(DnType::CommonName, cn);
                params.distinguished_name.push(DnType::OrganizationalUnitName, ou);
                params.subject_alt_names = vec![
                    SanType::DnsName(dns.try_into().unwrap()),
                    SanType::URI(uri.try_into().unwrap()),
                ];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            })
        };
        let others = [
            leaf("Alice", "tools", "alic.example", "spiffe://example/Alice"),
            leaf("alic", "Tool", "alice.example.org", "spiffe://example/alice/x"),
            leaf("alice.", "Tools.", "bob.example", "spiffe://example/alice."),
            leaf("alice\0", "Tools\0", "xalice.example", "spiffe://example/"),
        ];
        for other in &others {
            let answer = Wire::of(&serve, other).ask(&opening());
            assert_eq!(answer.head.status, 403, "{flag}");
            assert!(answer.body.contains("is not on the list"), "{answer:?}");
            assert!(!answer.body.contains(value), "which names would do is nobody's business");
        }
        assert_eq!(serve.started(), 0, "{flag}");
        let fits = leaf("alice", "Tools", "alice.example", "spiffe://example/alice");
        assert_eq!(Wire::of(&serve, &fits).ask(&opening()).head.status, 200, "{flag}");
    }
}

#[test]
fn one_rule_that_fits_is_enough() {
    let serve = Serving::mutual().flag("--allow-cn", "alice").flag("--allow-cn", "bob").start();
    for name in ["alice", "bob"] {
        assert_eq!(Wire::of(&serve, &serve.client(name)).ask(&opening()).head.status, 200);
    }
    assert_eq!(Wire::of(&serve, &serve.client("carol")).ask(&opening()).head.status, 403);
}

#[test]
fn the_certificate_of_the_server_is_none_for_a_client() {
    let serve = Serving::mutual().start();
    let leaf = serve.ca.as_ref().unwrap().server(&["localhost"]);
    let mut wire = Wire::of(&serve, &leaf);
    wire.send(&opening());
    assert!(wire.read_head().is_none(), "the handshake fails");
    serve.wait_for_log("the handshake failed");
    assert_eq!(serve.started(), 0);
}

#[test]
fn a_client_without_a_certificate_gets_nowhere() {
    let serve = Serving::mutual().start();
    let mut wire = Wire::to(&serve);
    wire.send(&opening());
    assert!(wire.read_head().is_none());
    serve.wait_for_log("the client showed no certificate");
    assert_eq!(serve.started(), 0);
}

#[test]
fn nobody_is_let_in_from_elsewhere_without_a_certificate() {
    let run = |flags: &[&str]| {
        // Were it not refused, it would run for ever.
        let server = Launch::bare().arg("serve").args(flags).args(["--", "cat"]).start();
        (server.exit_code_within(LIMIT), server.errors())
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let (code, said) = run(&["--listen", address]);
        assert_eq!(code, 2, "{address}: {said}");
        assert!(said.contains("--unsafe-listen"), "{said}");
    }
    let (code, said) = run(&["--listen", "127.0.0.1:0", "--allow-cn", "alice"]);
    assert_eq!(code, 2, "a rule that nobody could check: {said}");
}

#[test]
fn an_operator_may_insist_on_letting_everybody_in() {
    let serve = Serving::plain().flag("--listen", "0.0.0.0:0").switch("--unsafe-listen").start();
    assert!(serve.log().contains("anybody who reaches"), "{}", serve.log());
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(Wire::to(&serve).ask(&Ask::post(ping)).head.status, 400);
}
