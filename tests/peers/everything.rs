//! The reference server of the protocol's authors in its three modes.

use super::support::bridge;
use super::support::host::Host;
use super::support::install;
use super::support::remote::Remote;
use super::support::remote::Wire;

// Shows that what the other tests miss through a bridge is there without one.
#[test]
fn over_stdio_it_gives_a_whole_tour_without_any_bridge() {
    let Some(command) = install::node_package(install::EVERYTHING) else { return };
    let mut words = vec![command.get_program().display().to_string()];
    words.extend(command.get_args().map(|word| word.display().to_string()));
    words.push("stdio".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let Some(seen) = Host::PythonV2("auto").tour_of(words, folder.path()) else { return };
    seen.assert_tour();
    assert_eq!(seen.server, "mcp-servers/everything");
}

#[test]
fn over_streamable_http_it_gives_a_whole_tour_and_asks_for_roots() {
    let Some(remote) = Remote::everything(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
    assert!(remote.server.logs("Received session termination request"));
}

// It answers the probe with 400 and an error of its own, and is in good health.
#[test]
fn over_streamable_http_it_refuses_the_probe_of_a_python_host_and_then_works() {
    let Some(remote) = Remote::everything(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

#[test]
fn over_http_sse_it_is_found_by_http_first() {
    let Some(remote) = Remote::everything(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
}

#[test]
fn over_http_sse_it_is_found_after_the_probe_of_a_python_host() {
    let Some(remote) = Remote::everything(Wire::Sse) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2025-11-25");
}

// Node's TLS drops the connection without an alert, once the handshake is over: the bridge meets
// that while it reads, while it writes or while it closes.
#[test]
fn behind_a_front_that_drops_an_unknown_certificate_the_likely_cause_is_named_each_time() {
    let Some(remote) = Remote::everything(Wire::Http) else { return };
    let words = bridge::words_as(&remote, &remote.pki.stranger, &[]);
    for _ in 0..10 {
        let answer = bridge::exchange(&words, &bridge::initialize(1));
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        assert!(cause.contains("rejected the client certificate"), "{answer}");
    }
}
