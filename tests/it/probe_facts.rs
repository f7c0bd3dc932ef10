//! What the probe tells of a way that works: what is in force, who we are, and what was agreed on.

use std::time::SystemTime;

use serde_json::Value;
use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::write;
use crate::support::probing::Probing;
use crate::support::probing::facts;
use crate::support::proxy::Proxy;
use crate::support::reply::Reply;
use crate::support::secure::Pki;
use crate::support::tls_server::asking;

const HOST: &str = "localhost";

#[track_caller]
fn well(probing: Probing) -> Value {
    let (code, found) = probing.json();
    assert_eq!(code, Some(0), "{found:#}");
    found
}

#[test]
fn what_is_in_force_is_told_by_name_and_no_value_of_it() {
    let remote = Plan::legacy().start();
    let probing = Probing::of(&remote.url()).args(["--allow-http", "--transport", "http-only"]);
    let probing = probing.args(["--header", "X-Mine: s3cret"]);
    let found = well(probing.env("MCP_REMOTE_TLS_MIN_VERSION", "TLSv1.3").env("OTHER", "x"));
    let arguments = facts(&found, "arguments");
    assert_eq!(arguments["strategy"], "http-only");
    assert_eq!(arguments["headers"], json!(["x-mine"]));
    assert_eq!(arguments["variables"], json!(["MCP_REMOTE_TLS_MIN_VERSION"]));
    assert!(!found.to_string().contains("s3cret"), "{found:#}");
}

#[test]
fn a_certificate_that_is_not_sent_in_clear_text_is_a_warning() {
    let remote = Plan::legacy().start();
    let probing = Probing::of(&remote.url()).args(["--allow-http", "--tls-servername", "x"]);
    let found = well(probing);
    let told = found["warnings"][0].to_string();
    assert!(told.contains("will NOT be sent over plain HTTP"), "{found:#}");
}

#[test]
fn a_client_certificate_is_told_with_its_files_and_what_is_sent_of_them() {
    let pki = Pki::new();
    let root = Ca::new("root");
    let Leaf { mut chain, key, .. } = root.intermediate("below").client("dev");
    chain.push(root.der());
    chain.reverse();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let folder = tempfile::tempdir().unwrap();
    let certificates: String =
        chain.iter().map(|der| crate::support::pki::pem("CERTIFICATE", der)).collect();
    let certificate = write(&folder, "chain.pem", certificates);
    let key = write(&folder, "key.pem", key.serialize_pem());
    let probing = Probing::of(&remote.url()).arg("--tls-cert").arg(certificate);
    let (_, found) = probing.arg("--tls-key").arg(key).json();
    let identity = facts(&found, "identity");
    assert_eq!(identity["certificates"].as_array().map(Vec::len), Some(2), "{identity:#}");
    assert_eq!(
        (&identity["keyMatches"], &identity["keyMode"]),
        (&json!(true), &json!("600")),
        "{identity:#}"
    );
    assert_eq!(
        (&identity["reordered"], &identity["leftOut"]),
        (&json!(true), &json!(1)),
        "{identity:#}"
    );
}

#[test]
fn a_ca_that_ends_soon_is_a_warning() {
    let soon = Leaf::self_signed(&[HOST], |params| {
        params.not_after = (SystemTime::now() + 10 * DAY).into();
    });
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "ca.pem", soon.chain_pem());
    let (_, found) = Probing::of("https://localhost:1/mcp").arg("--tls-ca").arg(path).json();
    let told = found["warnings"][0].to_string();
    assert!(told.contains("certificate of the CA") && told.contains("expires on"), "{found:#}");
    assert_eq!(facts(&found, "identity")["givenCas"].as_array().map(Vec::len), Some(1));
}

#[test]
fn whether_our_certificate_was_accepted_is_told_with_the_first_answer() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let found = well(Probing::of(&remote.url()).args(pki.flags()));
    assert_eq!(facts(&found, "http")["certificateAccepted"], true);

    let ca = Ca::new("CA");
    let config = asking(&ca.server(&[HOST]), &[ca.der()]);
    let remote = Plan::legacy().behind(std::sync::Arc::new(config).into()).start();
    let (probing, _files) = Probing::secure(remote.address().port(), &ca, None);
    let found = well(probing);
    assert_eq!(facts(&found, "http")["certificateAccepted"], false);
    assert_eq!(facts(&found, "tls")["asksForCertificate"], true);

    let asks = "400 No required SSL certificate was sent";
    let remote = Plan::legacy().always("initialize", Reply::status(400).body(asks));
    let remote = remote.behind(pki.acceptor(&["h2"])).start();
    let (_, found) = Probing::of(&remote.url()).args(pki.flags()).json();
    assert_eq!(facts(&found, "http").get("certificateAccepted"), None, "{found:#}");
}

#[test]
fn whether_the_server_keeps_a_session_is_told() {
    let greeting = json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-11-25",
        "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}});
    for id in [true, false] {
        let reply = Reply::json(greeting.to_string());
        let reply = if id { reply.header("mcp-session-id", "s3cret") } else { reply };
        let remote = Plan::legacy().always("initialize", reply).start();
        let (_, found) = Probing::of(&remote.url()).arg("--allow-http").json();
        assert_eq!(facts(&found, "session")["hasSessionId"], id, "{found:#}");
        assert!(!found.to_string().contains("s3cret"), "{found:#}");
    }
}

#[test]
fn a_proxy_is_told_with_its_variable_and_its_answer() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    for (proxy, status, code) in [
        (Proxy::to(remote.address()), 200, Some(0)),
        (Proxy::refusing("403 Forbidden"), 403, Some(1)),
    ] {
        let probing = Probing::of(&remote.url()).args(pki.flags());
        let (ended, found) = probing.env("HTTPS_PROXY", &proxy.url()).json();
        assert_eq!(ended, code, "{found:#}");
        let told = facts(&found, "proxy");
        assert_eq!((&told["status"], &told["source"]), (&json!(status), &json!("HTTPS_PROXY")));
    }
}
