//! The official Python SDK, 2.x and 1.x, as host and as server.

use super::support::bridge;
use super::support::host::Host;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_2x_host_speaks_the_modern_era_with_a_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
    assert_eq!(seen.server, "python-v2");
}

#[test]
fn a_2x_host_pinned_to_the_modern_era_needs_no_probe() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("2026-07-28").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn a_2x_host_in_legacy_mode_ends_its_session_with_a_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("legacy").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
    assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"));
}

#[test]
fn a_2x_host_falls_back_to_the_handshake_with_a_1x_server() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn a_1x_host_ends_its_session_with_a_1x_server() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"));
}

#[test]
fn a_1x_host_works_with_a_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

#[test]
fn http_first_finds_the_http_sse_transport_of_a_1x_server() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

#[test]
fn http_first_finds_the_http_sse_transport_after_a_probe_too() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn sse_first_finds_the_http_sse_transport_of_a_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Sse) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &["--transport", "sse-first"]) else { return };
    seen.assert_whole_tour();
}

#[test]
fn sse_first_finds_streamable_http() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &["--transport", "sse-first"]) else { return };
    seen.assert_whole_tour();
}

// No specification has it, but this SDK speaks the modern era over HTTP+SSE as well.
#[test]
fn a_2x_host_speaks_over_http_sse_whatever_a_2x_server_agrees_to() {
    let Some(remote) = Remote::python_v2(Wire::Sse) else { return };
    let flags = ["--transport", "sse-only"];
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &flags) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn http_only_does_not_fall_back() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    let words = bridge::words(&remote, &["--transport", "http-only"]);
    let answer = bridge::exchange(&words, &bridge::initialize("first"));
    assert_eq!(answer["id"], "first", "{answer}");
    assert!(answer["error"].is_object(), "{answer}");
    assert!(!remote.server.logged("GET /sse"));
}

// This server closes the connection without a TLS alert, so nobody can be sure of the reason.
#[test]
fn a_client_certificate_of_another_authority_is_named_as_the_likely_cause() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let words = bridge::words_as(&remote, &remote.pki.stranger, &[]);
    let answer = bridge::exchange(&words, &bridge::initialize("first"));
    assert_eq!(answer["id"], "first");
    let cause = answer["error"]["data"]["cause"].as_str().unwrap();
    assert!(cause.contains("client certificate"), "{answer}");
    assert!(cause.contains("CN=stranger"), "{answer}");
}
