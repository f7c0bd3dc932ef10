//! Servers that others wrote, which speak stdio alone, behind our own server; hosts that others
//! wrote reach them through our bridge, with mutual TLS on the way.

use std::process::Command;

use serde_json::Value;
use serde_json::json;

use super::support::bridge;
use super::support::dialogue::Dialogue;
use super::support::host::Host;
use super::support::host::Seen;
use super::support::install;
use super::support::install::Python;
use super::support::remote;
use super::support::remote::Remote;
use super::support::remote::Wire;
use super::support::serve;

const SSE: [&str; 2] = ["--transport", "sse-only"];

#[test]
fn server_everything_gives_a_whole_tour_to_a_typescript_v1_host() {
    let Some(remote) = Remote::everything_behind_serve(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
    assert!(remote.server.logs("a session ends: the client ended it"));
}

#[test]
fn server_everything_gives_a_whole_tour_to_a_typescript_v2_host() {
    let Some(remote) = Remote::everything_behind_serve(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn server_everything_gives_a_whole_tour_to_a_python_1x_host() {
    let Some(remote) = Remote::everything_behind_serve(Wire::Http) else { return };
    let Some(seen) = Host::PythonV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

// The server behind us speaks the legacy era alone, which the answer to the probe has to say.
#[test]
fn a_python_2x_host_falls_back_to_the_handshake_with_server_everything() {
    let Some(remote) = Remote::everything_behind_serve(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn server_everything_gives_a_whole_tour_over_http_sse() {
    let Some(remote) = Remote::everything_behind_serve(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &SSE) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
}

#[test]
fn a_python_2x_host_speaks_the_modern_era() {
    let Some(seen) = python_v2(Wire::Http, Host::PythonV2("auto"), &[]) else { return };
    assert_eq!(seen.protocol, "2026-07-28");
    assert_eq!(seen.server, "python-v2");
}

#[test]
fn a_python_2x_host_pinned_to_the_modern_era_needs_no_probe() {
    let Some(seen) = python_v2(Wire::Http, Host::PythonV2("2026-07-28"), &[]) else { return };
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn a_python_2x_host_in_legacy_mode_has_a_session() {
    let Some(seen) = python_v2(Wire::Http, Host::PythonV2("legacy"), &[]) else { return };
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn a_python_1x_host_works_with_a_server_of_both_eras() {
    python_v2(Wire::Http, Host::PythonV1, &[]);
}

#[test]
fn a_typescript_v2_host_speaks_the_modern_era() {
    let Some(seen) = python_v2(Wire::Http, Host::TypeScriptV2("auto"), &[]) else { return };
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn a_python_1x_host_works_over_http_sse() {
    python_v2(Wire::Sse, Host::PythonV1, &SSE);
}

#[test]
fn a_python_2x_host_works_over_http_sse() {
    python_v2(Wire::Sse, Host::PythonV2("auto"), &SSE);
}

// server-everything says it at once after the call, and then every five seconds.
#[test]
fn a_change_of_a_resource_is_told_to_who_subscribed_on_either_wire() {
    for (wire, flags) in [(Wire::Http, &[][..]), (Wire::Sse, &SSE[..])] {
        let Some(remote) = Remote::everything_behind_serve(wire) else { return };
        let mut host = Dialogue::start(&bridge::words(&remote, flags));
        let uri = json!({ "uri": "demo://resource/dynamic/text/1" });
        let subscribed = host.ask(&request(1, "resources/subscribe", &uri));
        assert!(subscribed["result"].is_object(), "{subscribed}");
        let call = json!({ "name": "toggle-subscriber-updates", "arguments": {} });
        host.tell(&request(2, "tools/call", &call));
        host.wait_for("notifications/resources/updated");
        assert_eq!(host.finish().1, Some(0));
    }
}

// The SDKs as HTTP clients, with mutual TLS of their own.
#[test]
fn every_sdk_reaches_server_everything_without_our_bridge() {
    let Some(http) = Remote::everything_behind_serve(Wire::Http) else { return };
    let sse = http.url.replace("/mcp", "/sse");
    for host in [
        Host::PythonV1,
        Host::PythonV2("auto"),
        Host::PythonV2("legacy"),
        Host::TypeScriptV1,
        Host::TypeScriptV2("auto"),
        Host::TypeScriptV2("legacy"),
    ] {
        for url in [&http.url, &sse] {
            let Some(seen) = host.visit(url, Some(&http.pki)) else { return };
            seen.assert_tour();
            assert!(matches!(&*seen.protocol, "" | "2025-11-25"), "{host:?} {url} {seen:?}");
        }
    }
}

#[test]
fn every_sdk_reaches_a_server_of_both_eras_without_our_bridge() {
    let Some(http) = Remote::python_v2_behind_serve(Wire::Http) else { return };
    for (host, era) in [
        (Host::PythonV1, "2025-11-25"),
        (Host::PythonV2("auto"), "2026-07-28"),
        (Host::PythonV2("legacy"), "2025-11-25"),
        (Host::PythonV2("2026-07-28"), "2026-07-28"),
        (Host::TypeScriptV1, "2025-11-25"),
        (Host::TypeScriptV2("auto"), "2026-07-28"),
        (Host::TypeScriptV2("legacy"), "2025-11-25"),
    ] {
        let Some(seen) = host.visit(&http.url, Some(&http.pki)) else { return };
        seen.assert_tour();
        assert_eq!(seen.protocol, era, "{host:?}");
    }
}

#[test]
fn plain_http_on_loopback_serves_both_eras() {
    let Some(command) = remote::python_v2_on_stdio() else { return };
    let server = serve::start(&[], &command);
    let url = format!("http://127.0.0.1:{}/mcp", server.port);
    for host in [Host::PythonV2("auto"), Host::TypeScriptV1] {
        let Some(seen) = host.visit(&url, None) else { return };
        seen.assert_tour();
    }
}

#[test]
fn mcp_server_time_answers_every_sdk_with_and_without_our_bridge() {
    let Some(program) = Python::V2.program("mcp-server-time") else { return };
    let mut command = Command::new(program);
    command.args(["--local-timezone", "UTC"]);
    each_sdk_calls(&command, "\"timezone\": \"UTC\"", "2026-07-28");
}

#[test]
fn server_filesystem_answers_every_sdk_with_and_without_our_bridge() {
    let Some(mut command) = install::node_package(install::FILESYSTEM) else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    command.arg(&folder);
    each_sdk_calls(&command, folder.to_str().unwrap(), "2025-11-25");
}

fn request(id: u32, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Each SDK lists the tools and calls one; `latest` is the version that it finds where it looks.
fn each_sdk_calls(command: &Command, answer: &str, latest: &str) {
    let remote = Remote::behind_serve(command, Wire::Http);
    for (host, era) in [
        (Host::PythonV1, "2025-11-25"),
        (Host::PythonV2("auto"), latest),
        (Host::TypeScriptV1, "2025-11-25"),
        (Host::TypeScriptV2("auto"), latest),
    ] {
        let Some(direct) = host.visit(&remote.url, Some(&remote.pki)) else { return };
        let Some(bridged) = host.tour(&remote, &[]) else { return };
        for seen in [direct, bridged] {
            assert!(seen.finished, "{host:?}: {seen:?}\n{}", seen.stderr);
            assert!(seen.answer.contains(answer), "{host:?}: {}", seen.answer);
            assert_eq!(seen.protocol, era, "{host:?}");
        }
    }
}

/// The whole tour of this host to a server of both eras.
fn python_v2(wire: Wire, host: Host, flags: &[&str]) -> Option<Seen> {
    let remote = Remote::python_v2_behind_serve(wire)?;
    let seen = host.tour(&remote, flags)?;
    seen.assert_whole_tour();
    Some(seen)
}
