//! stunnel before a server: it demands a client certificate, and hands on bytes.

use super::support::bridge;
use super::support::host::Host;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_session_passes_stunnel() {
    let Some(remote) = Remote::everything_behind_stunnel(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
}

#[test]
fn http_sse_passes_stunnel() {
    let Some(remote) = Remote::everything_behind_stunnel(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

#[test]
fn without_a_client_certificate_stunnel_is_said_to_demand_one() {
    let Some(remote) = Remote::everything_behind_stunnel(Wire::Http) else { return };
    let words = bridge::words(&remote, &[]);
    for _ in 0..5 {
        let answer = bridge::exchange(&words[..4], &bridge::initialize(7));
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        assert!(cause.contains("demands a client certificate"), "{answer}");
    }
}

#[test]
fn a_client_certificate_that_stunnel_does_not_trust_is_named_as_the_cause() {
    let Some(remote) = Remote::everything_behind_stunnel(Wire::Http) else { return };
    let words = bridge::words_as(&remote, &remote.pki.stranger, &[]);
    for _ in 0..5 {
        let answer = bridge::exchange(&words, &bridge::initialize(7));
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        assert!(cause.contains("does not trust the CA of our client certificate"), "{answer}");
        assert!(cause.contains("CN=stranger"), "{answer}");
    }
}
