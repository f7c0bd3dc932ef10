//! haproxy before a server: it demands a client certificate, offers HTTP/2, and reads the HTTP.

use super::support::bridge;
use super::support::host::Host;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_session_passes_haproxy() {
    let Some(remote) = Remote::everything_behind_haproxy(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
}

#[test]
fn http_sse_passes_haproxy() {
    let Some(remote) = Remote::everything_behind_haproxy(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

// haproxy often resets the connection before its alert is read: the cause is then a likely one, here
// and below.
#[test]
fn without_a_client_certificate_haproxy_is_said_to_demand_one() {
    let Some(remote) = Remote::everything_behind_haproxy(Wire::Http) else { return };
    let words = bridge::words(&remote, &[]);
    for _ in 0..5 {
        let answer = bridge::exchange(&words[..4], &bridge::initialize(7));
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        assert!(cause.contains("demands a client certificate"), "{answer}");
    }
}

#[test]
fn a_client_certificate_that_haproxy_does_not_trust_is_named_as_the_cause() {
    let Some(remote) = Remote::everything_behind_haproxy(Wire::Http) else { return };
    let words = bridge::words_as(&remote, &remote.pki.stranger, &[]);
    for _ in 0..5 {
        let answer = bridge::exchange(&words, &bridge::initialize(7));
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        let named = ["rejected the client certificate", "CA of our client certificate"];
        assert!(named.iter().any(|words| cause.contains(words)), "{answer}");
        assert!(cause.contains("CN=stranger"), "{answer}");
    }
}
