//! nginx before a server: it demands a client certificate, offers HTTP/2, and does not buffer.

use serde_json::Value;

use super::support::bridge;
use super::support::host::Host;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn the_modern_era_passes() {
    let Some(remote) = Remote::python_v2_behind_nginx(Wire::Http) else { return };
    let Some(seen) = Host::PythonV2("auto").tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert_eq!(seen.protocol, "2026-07-28");
}

#[test]
fn a_session_of_server_everything_passes() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Http) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
    assert!(seen.roots_asked);
    let front = remote.front.as_ref().unwrap();
    assert!(front.logs("DELETE /mcp HTTP/2.0\" 200"));
}

#[test]
fn http_sse_passes() {
    let Some(remote) = Remote::everything_behind_nginx(Wire::Sse) else { return };
    let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
    seen.assert_whole_tour();
}

// nginx takes `/stripped` away and leaves other paths as they are: our server takes both, and names
// its paths as clients have to write them.
#[test]
fn our_own_server_works_under_a_path_whether_nginx_strips_it_or_not() {
    for prefix in ["/stripped", "/kept/as/it/is"] {
        for wire in [Wire::Http, Wire::Sse] {
            let behind = Remote::everything_behind_serve_and_nginx(wire, prefix);
            let Some(remote) = behind else { return };
            let Some(seen) = Host::TypeScriptV1.tour(&remote, &[]) else { return };
            seen.assert_whole_tour();
            assert!(seen.roots_asked);
        }
    }
}

#[test]
fn without_a_client_certificate_the_host_gets_nginxs_own_words() {
    let Some(remote) = Remote::python_v2_behind_nginx(Wire::Http) else { return };
    let words = bridge::words(&remote, &[]);
    let without_identity: Vec<String> = words[..4].to_vec();
    assert_refused(&bridge::exchange(&without_identity, &bridge::initialize(7)));
}

#[test]
fn with_a_client_certificate_of_another_authority_the_host_gets_nginxs_own_words() {
    let Some(remote) = Remote::python_v2_behind_nginx(Wire::Http) else { return };
    let words = bridge::words_as(&remote, &remote.pki.stranger, &[]);
    assert_refused(&bridge::exchange(&words, &bridge::initialize(7)));
}

// nginx accepts the handshake and answers with status 400 and a page that names the certificate.
fn assert_refused(answer: &Value) {
    assert_eq!(answer["id"], 7);
    let cause = answer["error"]["data"]["cause"].as_str().unwrap();
    assert!(cause.contains("400"), "{answer}");
    assert!(cause.contains("SSL certificate"), "{answer}");
}
