//! The official TypeScript SDK, v1 and v2, as host and as server.

use super::support::host::Host;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_v1_host_works_with_a_python_1x_server() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn a_v1_host_works_with_an_http_sse_server() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

#[test]
fn a_v2_host_in_its_default_mode_works_with_a_python_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV2("legacy").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

// It starts the bridge twice: once for the probe alone, and kills that one.
#[test]
fn a_v2_host_speaks_the_modern_era_with_a_python_2x_server() {
    let Some(remote) = Remote::python_v2(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn a_v2_host_falls_back_to_the_handshake_with_a_python_1x_server() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn a_v2_host_works_with_a_v2_server() {
    let Some(remote) = Remote::typescript_v2() else { return };
    let Some(seen) = Host::TypeScriptV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
    assert_eq!(seen.server, "typescript-v2");
}

#[test]
fn a_python_2x_host_works_with_a_v2_server() {
    let Some(remote) = Remote::typescript_v2() else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
}

// It serves the handshake without a session: no session id, no GET stream, no DELETE, and nothing
// that a server could ask the host in the middle of a call.
#[test]
fn a_v1_host_calls_tools_of_a_v2_server_without_a_session() {
    let Some(remote) = Remote::typescript_v2() else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    assert_eq!(seen.protocol, "2025-11-25");
    assert!(seen.echo);
    assert_eq!(seen.progress, [1.0, 2.0, 3.0]);
    assert_eq!(seen.concurrent, 16);
    assert_eq!(seen.exits, [0], "the bridge did not end by itself\n{}", seen.stderr);
}
