//! The way through a proxy, and the four names of a remote: of the URL, of the proxy's CONNECT, of
//! the TLS handshake and of the HTTP request.

use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::proxy::Proxy;
use crate::support::raw::RawRemote;
use crate::support::secure::Pki;

#[track_caller]
fn works(host: &Host) {
    let answer = host.call(1, "tools/call", modern(json!({"name": "echo"})));
    assert!(answer["result"].is_object(), "{answer}");
}

fn secure(pki: &Pki, protocol: &str) -> McpRemote {
    Plan::modern().behind(pki.acceptor(&[protocol])).start()
}

#[test]
fn a_proxy_carries_tls_from_end_to_end() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let remote = secure(&pki, protocol);
            let proxy = Proxy::to(remote.address());
            let host = Launch::new(&remote.url())
                .args(pki.flags())
                .args(["--header", "X-Mine: s3cret"])
                .env(variable, &proxy.url())
                .start();
            works(&host);
            let heads = proxy.heads();
            let port = remote.address().port();
            assert!(heads[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")));
            assert!(heads.iter().all(|head| !head.contains("s3cret")), "{heads:?}");
            assert!(!heads[0].to_lowercase().contains("proxy-authorization"));
            let call = remote.requests("tools/call").pop().unwrap();
            assert!(call.certified);
            assert_eq!(call.http2, protocol == "h2");
        }
    }
}

#[test]
fn a_proxy_may_want_user_and_password() {
    let pki = Pki::new();
    let remote = secure(&pki, "h2");
    let proxy = Proxy::to(remote.address());
    let with_login = proxy.url().replace("http://", "http://us%40er:p%3Ass@");
    let host = Launch::new(&remote.url())
        .args(pki.flags())
        .arg("--debug")
        .env("HTTPS_PROXY", &with_login)
        .start();
    works(&host);
    let head = proxy.heads().remove(0).to_lowercase();
    // `us@er:p:ss`
    assert!(head.contains("proxy-authorization: basic dxnaz"), "{head}");
    let told = host.errors() + &host.lines().concat();
    assert!(!told.contains("p%3Ass") && !told.contains("p:ss"), "{told}");
}

#[test]
fn a_proxy_carries_plain_http_too() {
    let remote = Plan::modern().start();
    let proxy = Proxy::to(remote.address());
    let host = Launch::plain("http://mcp.example/mcp").env("HTTP_PROXY", &proxy.url()).start();
    works(&host);
    let head = &proxy.heads()[0];
    assert!(head.starts_with("POST http://mcp.example/mcp HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\nhost: mcp.example\r\n"), "{head}");
}

#[test]
fn hosts_may_be_kept_from_the_proxy() {
    let pki = Pki::new();
    let remote = secure(&pki, "h2");
    let proxy = Proxy::to(remote.address());
    for no_proxy in ["localhost", "example.com, localhost", "*"] {
        let host = Launch::new(&remote.url())
            .args(pki.flags())
            .env("HTTPS_PROXY", &proxy.url())
            .env("NO_PROXY", no_proxy)
            .start();
        works(&host);
    }
    assert_eq!(proxy.heads(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let pki = Pki::new();
    let remote = secure(&pki, "h2");
    for (status, variable, hint) in [
        ("407 Proxy Authentication Required", "HTTPS_PROXY", "check user and password in"),
        ("403 Forbidden", "https_proxy", "set `NO_PROXY=localhost`"),
        ("502 Bad Gateway", "ALL_PROXY", "set `NO_PROXY=localhost`"),
    ] {
        let proxy = Proxy::refusing(status);
        let with_login = proxy.url().replace("http://", "http://user:s3cret@");
        let host = Launch::new(&remote.url()).args(pki.flags()).env(variable, &with_login).start();
        host.ask(0, "initialize", initialize_params());
        assert_eq!(host.failure(0), "not_sent", "{status}");
        let told = host.answer(0).to_string();
        assert!(told.contains(&status[..3]) && told.contains(hint), "{told}");
        assert!(told.contains(&format!("`{variable}`")), "{told}");
        assert!(!(told + &host.errors()).contains("s3cret"));
    }
    assert_eq!(remote.connections(), 0);
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named_with_its_variable() {
    // A port that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, variable) in [
        (format!("http://{nobody}"), "ALL_PROXY"),
        (format!("socks5://{nobody}"), "https_proxy"),
        ("http://proxy.invalid:1".to_owned(), "HTTPS_PROXY"),
    ] {
        let host = Launch::new("https://localhost:1/mcp").env(variable, &address).start();
        host.ask(0, "initialize", initialize_params());
        assert_eq!(host.failure(0), "not_sent", "{address}");
        let told = host.answer(0).to_string();
        assert!(told.contains("no way through the proxy"), "{told}");
        assert!(told.contains(&format!("comes from `{variable}`")), "{told}");
    }
}

#[test]
fn a_proxy_that_is_no_http_server_is_named_in_place_of_the_remote() {
    for (says, kind) in [("220 mail.example ESMTP\r\n", "protocol"), ("", "outcome_unknown")] {
        let proxy = RawRemote::start(move |connection| {
            connection.head();
            connection.write(says);
        });
        let host =
            Launch::plain("http://mcp.example/mcp").env("HTTP_PROXY", &proxy.url("")).start();
        host.ask(0, "initialize", initialize_params());
        assert_eq!(host.failure(0), kind, "{}", host.answer(0));
        let told = host.answer(0).to_string();
        let names_it = told.contains(&format!("the proxy {} does not", proxy.address()));
        assert!(names_it == (kind == "protocol") && !told.contains("https://"), "{told}");
    }
}

/// T08: `--tls-servername` is the name of the handshake, and of nothing else.
#[test]
fn each_of_the_four_names_stays_its_own() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        for through_proxy in [false, true] {
            let acceptor = pki.acceptor_for("mcp.internal", &[protocol]);
            let remote = Plan::modern().behind(acceptor).start();
            let port = remote.address().port();
            let proxy = Proxy::to(remote.address());
            let mut launch = Launch::new(&remote.url())
                .args(pki.flags())
                .args(["--tls-servername", "mcp.internal"]);
            if through_proxy {
                launch = launch.env("HTTPS_PROXY", &proxy.url());
            }
            let host = launch.start();
            works(&host);
            let call = remote.requests("tools/call").pop().unwrap();
            assert_eq!(call.server_name.as_deref(), Some("mcp.internal"));
            let authority = if protocol == "h2" { ":authority" } else { "host" };
            let expected = format!("localhost:{port}");
            assert_eq!(call.headers_named(authority), [expected.as_str()], "{protocol}");
            let connects = proxy.heads();
            assert_eq!(connects.len(), usize::from(through_proxy));
            let connect = format!("CONNECT {expected} ");
            assert!(connects.iter().all(|head| head.starts_with(&connect)), "{connects:?}");
        }
    }
}

/// The name of the handshake is also the one that is verified.
#[test]
fn the_name_of_the_handshake_is_verified() {
    let pki = Pki::new();
    let remote = secure(&pki, "h2");
    let host = Launch::new(&remote.url())
        .args(pki.flags())
        .args(["--tls-servername", "other.internal"])
        .start();
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), "tls");
    assert!(host.answer(0).to_string().contains("localhost"), "{}", host.answer(0));
    assert_eq!(remote.order(), Vec::<String>::new());
}

#[test]
fn the_host_header_may_be_chosen() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let remote = secure(&pki, protocol);
        let host = Launch::new(&remote.url())
            .args(pki.flags())
            .args(["--header", "Host: virtual.example"])
            .start();
        works(&host);
        let call = remote.requests("tools/call").pop().unwrap();
        let authority = if protocol == "h2" { ":authority" } else { "host" };
        assert_eq!(call.headers_named(authority), ["virtual.example"], "{protocol}");
        assert_eq!(call.server_name.as_deref(), Some("localhost"));
    }
}

#[test]
fn a_proxy_that_says_nothing_is_named_with_its_variable() {
    let silent = RawRemote::start(|connection| drop(connection.wait_for_end()));
    let launch = Launch::new("https://localhost:1/mcp").args(["--connect-timeout", "300ms"]);
    let host = launch.env("HTTPS_PROXY", &silent.url("/")).start();
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), "not_sent");
    let told = host.answer(0)["error"].to_string();
    assert!(told.contains("no way through the proxy") && told.contains("HTTPS_PROXY"), "{told}");
}
