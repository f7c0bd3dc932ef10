//! The probe of servers that others wrote, and of what they put before them, when something is wrong.

use serde_json::json;

use super::support::probing::Probing;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn nginx_that_gets_no_certificate_is_told_in_its_own_words() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(remote) = Remote::everything_behind_nginx(wire) else { return };
        let probing = Probing::without_certificate(&remote);
        let found =
            probing.fails("http", "auth", "No required SSL certificate was sent", "--tls-cert");
        assert_eq!(found.facts("http")["status"], 400);
        assert_eq!(found.facts("identity")["certificates"], json!([]));
    }
}

// It is in the facts why: which CA nginx accepts, and that ours is of another one.
#[test]
fn nginx_that_gets_a_certificate_of_another_ca_is_told_in_its_own_words() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    let probing = Probing::with(&remote, &remote.pki.stranger);
    let cause = "it asks for a certificate of CN=test ca, and ours is of CN=another ca";
    let found = probing.fails("http", "auth", cause, "a CA that the server trusts");
    assert_eq!(found.facts("identity")["certificates"][0]["issuer"], "CN=another ca");
    assert_eq!(found.facts("tls")["acceptedIssuers"], json!(["CN=test ca"]));
    assert_ne!(found.facts("http")["certificateAccepted"], true);
}

#[test]
fn nginx_that_gets_a_revoked_certificate_is_told_in_its_own_words() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    let probing = Probing::with(&remote, &remote.pki.revoked);
    let found = probing.fails("http", "auth", "it may be revoked", "--tls-cert");
    assert_eq!(found.facts("identity")["certificates"][0]["issuer"], "CN=test ca");
    assert_ne!(found.facts("http")["certificateAccepted"], true);
}

#[test]
fn a_wrong_path_is_told_whoever_answers_for_it() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    // nginx itself has a page for it, whose tags nobody wants to read; the server behind it another.
    for (path, cause) in [("pages/none", "nginx/"), ("none", "Cannot POST /none")] {
        let probing = Probing::of(&remote).at(path);
        let found = probing.fails("http", "http", cause, "path");
        let cause = found.get("/failure/cause").as_str().unwrap();
        assert!(cause.starts_with("HTTP status 404 Not Found") && !cause.contains('<'), "{found}");
    }
}

#[test]
fn a_login_page_is_told_whether_it_is_elsewhere_or_here() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    let probing = Probing::of(&remote).at("login");
    let found = probing.fails("http", "http", "302 Found to https://login.example", "final URL");
    assert!(!found.to_string().contains("from=here"), "a query may be secret: {found}");
    Probing::of(&remote).at("welcome").fails("http", "http", "`text/html`", "login page");
}

#[test]
fn plain_http_on_the_port_of_nginx_for_tls_is_told() {
    let Some(mut remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    remote.url = remote.url.replace("https", "http");
    let probing = Probing::of(&remote).flags(&["--allow-http"]);
    let words = "The plain HTTP request was sent to HTTPS port";
    probing.fails("http", "http", words, "use `https://`");
}

#[test]
fn tls_on_the_port_of_a_server_that_speaks_plain_http_is_told() {
    let Some(mut remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    remote.url = format!("https://localhost:{}/mcp", remote.server.port);
    Probing::of(&remote).fails("tls", "tls", "does not speak TLS", "--allow-http");
}

#[test]
fn nginx_and_haproxy_whose_server_is_away_answer_and_that_is_told() {
    for (front, cause) in [
        (Remote::everything_behind_nginx(Wire::Http), "HTTP status 502 Bad Gateway"),
        (Remote::everything_behind_haproxy(Wire::Http), "No server is available"),
    ] {
        let Some(mut remote) = front else { return };
        remote.server.kill();
        Probing::of(&remote).fails("http", "http", cause, "");
    }
}

#[test]
fn a_front_that_is_away_is_told() {
    let Some(mut remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    remote.front.as_mut().unwrap().kill();
    let probing = Probing::of(&remote);
    let found = probing.fails("tcp", "tcp", "Connection refused", "that the server is running");
    assert_eq!(found.facts("name")["addresses"][0], "127.0.0.1");
}

#[test]
fn stunnel_ends_the_handshake_for_a_certificate_and_its_alert_is_told() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(remote) = Remote::everything_behind_stunnel(wire) else { return };
        let probing = Probing::without_certificate(&remote);
        let found = probing.fails("tls", "tls", "`certificate_required`", "--tls-cert");
        assert_eq!(found.facts("tls")["asksForCertificate"], true);
        let probing = Probing::with(&remote, &remote.pki.stranger);
        let found = probing.fails("tls", "tls", "`unknown_ca`", "a CA that the server trusts");
        assert_eq!(found.facts("tls")["acceptedIssuers"], json!(["CN=test ca"]));
        let cause = found.get("/failure/cause").as_str().unwrap();
        assert!(cause.contains("CN=stranger"), "{found}");
    }
}

// It often resets the connection before its alert is read: the cause is then a likely one.
#[test]
fn haproxy_ends_the_handshake_for_a_certificate_and_the_likely_cause_is_told() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(remote) = Remote::everything_behind_haproxy(wire) else { return };
        names_the_likely_cause(&remote);
    }
}

// The TLS of Node and of Python closes the connection, often without an alert.
#[test]
fn servers_with_tls_of_their_own_end_the_handshake_and_the_likely_cause_is_told() {
    for remote in [
        Remote::everything(Wire::Http),
        Remote::typescript_v1(Wire::Sse),
        Remote::python_v2(Wire::Http),
    ] {
        let Some(remote) = remote else { return };
        names_the_likely_cause(&remote);
    }
}

#[test]
fn a_server_that_wants_a_token_says_so_and_the_token_is_never_shown() {
    let Some(remote) = Remote::python_v2_with_tokens() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let with = |token: &str| {
        std::fs::write(file.path(), format!("Authorization: Bearer {token}\n")).unwrap();
        Probing::of(&remote).flags(&["--header-file", &path])
    };
    let refused = |probing: Probing| {
        let found = probing.fails("http", "auth", "Authentication required", "--header-file");
        assert_eq!(found.facts("http")["status"], 401);
        assert!(!found.to_string().contains("token-of-nobody"), "{found}");
    };
    refused(Probing::of(&remote));
    refused(with("token-of-nobody"));
    let found = with("token-without-rights").fails("http", "auth", "scope: read", "is allowed");
    assert_eq!(found.facts("http")["status"], 403);
    let found = with("token-that-may-read").succeeds();
    assert_eq!(found.items("tools", "name"), ["echo"]);
    assert!(!found.to_string().contains("token-that-may-read"), "{found}");
}

// The SDK refuses names that are not its own, so that no web page in a browser reaches it.
#[test]
fn a_front_that_renames_the_host_is_told_in_the_words_of_the_server_behind_it() {
    let Some(remote) = Remote::python_v2_behind_nginx(Wire::Http) else { return };
    let probing = Probing::of(&remote).at("renamed/mcp");
    let found = probing.fails("http", "http", "Invalid Host header", "host");
    assert_eq!(found.facts("http")["status"], 421);
}

// The server's answers are kept back until there are more of them; which one is missed first is
// nginx's affair.
#[test]
fn a_front_that_keeps_events_back_makes_the_probe_end_at_its_limit_after_the_transport() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Sse) else { return };
    let probing = Probing::of(&remote).at("buffered/sse").flags(&["--timeout", "4s"]);
    let found = probing.fails_somewhere("limit for the whole probe", "proxy_buffering off");
    assert_eq!(found.get("/failure/class"), "mcp", "{found}");
    assert_eq!(found.facts("transport")["name"], "SSE");
}

/// Without a certificate, and with one of another CA.
#[track_caller]
fn names_the_likely_cause(remote: &Remote) {
    let probing = Probing::without_certificate(remote);
    probing.fails("tls", "tls", "demands a client certificate", "--tls-cert");
    let probing = Probing::with(remote, &remote.pki.stranger);
    probing.fails("tls", "tls", "CN=stranger", "certificate of a CA");
}
