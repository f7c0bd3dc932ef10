//! The probe and TLS: what it finds out about both sides, and why a handshake fails.

use std::time::SystemTime;

use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rustls::version::TLS12;
use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::fixture;
use crate::support::pki::fixture_certificates;
use crate::support::probing::Probing;
use crate::support::probing::facts;
use crate::support::secure::Pki;
use crate::support::tls_server::Server;
use crate::support::tls_server::client_verifier;
use crate::support::tls_server::demanding;
use crate::support::tls_server::open;
use crate::support::tls_server::with_versions;

const HOST: &str = "localhost";

/// Probes a server with the certificate `leaf`, and trusts `ca`.
#[track_caller]
fn refuses_server(leaf: &Leaf, ca: &Ca, cause: &str, hint: &str) {
    let server = Server::start(open(leaf));
    let (probing, _files) = Probing::secure(server.address.port(), ca, None);
    let found = probing.fails("tls", "tls", cause, hint);
    let shown = &facts(&found, "tls")["serverCertificates"][0];
    assert!(shown["subject"].is_string(), "what was refused is shown: {found:#}");
}

/// Probes a server that trusts clients of `ca`, as the client `leaf`.
#[track_caller]
fn is_refused(leaf: Option<&Leaf>, ca: &Ca, cause: &str, hint: &str) {
    for versions in [&[&TLS12][..], &[&rustls::version::TLS13][..]] {
        let config = with_versions(&ca.server(&[HOST]), client_verifier(&[ca.der()]), versions);
        let server = Server::start(config);
        let (probing, _files) = Probing::secure(server.address.port(), ca, leaf);
        let found = probing.fails("tls", "tls", cause, hint);
        let steps = found["steps"].as_array().unwrap();
        let tls = steps.iter().filter(|entry| entry["step"] == "tls").count();
        assert_eq!(tls, 1, "what TLS 1.3 tells late replaces what went well: {found:#}");
    }
}

fn client_of(ca: &Ca, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Leaf {
    ca.issue(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(params);
    })
}

#[test]
fn a_good_way_is_told_with_both_certificates() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let (code, found) = Probing::of(&remote.url()).args(pki.flags()).json();
    assert_eq!((code, &found["ok"]), (Some(0), &json!(true)), "{found:#}");
    let identity = facts(&found, "identity");
    assert!(identity["certificates"][0]["subject"].to_string().contains("test client"));
    assert_eq!(identity["certificates"][0]["version"], 3);
    let tls = facts(&found, "tls");
    assert_eq!((&tls["version"], &tls["alpn"]), (&json!("TLSv1.3"), &json!("h2")), "{tls:#}");
    assert_eq!((&tls["sni"], &tls["trust"]), (&json!(HOST), &json!("given")), "{tls:#}");
    assert!(tls["trustedBy"].to_string().contains("test CA"), "{tls:#}");
    assert_eq!(tls["asksForCertificate"], true);
    assert!(tls["acceptedIssuers"][0].to_string().contains("test CA"), "{tls:#}");
    assert_eq!(tls["serverCertificates"][0]["names"], json!([HOST]));
    assert!(tls["cipher"].to_string().contains("AES") && tls["group"].is_string(), "{tls:#}");
}

#[test]
fn a_server_certificate_that_is_refused_is_told_with_the_reason() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let now = SystemTime::now();
    refuses_server(&other.server(&[HOST]), &ca, "issued by CN=other CA", "--tls-ca");
    let mut below = other.intermediate("between").server(&[HOST]);
    below.chain.truncate(1);
    refuses_server(&below, &other, "no certificate above its own", "has to send it");
    refuses_server(&ca.server(&["a.example"]), &ca, "`a.example`", "--tls-servername a.example");
    let expired = ca.issue(&[HOST], |params| params.not_after = (now - DAY / 2).into());
    refuses_server(&expired, &ca, "has expired on", "clock");
    refuses_server(&expired, &ca, "UTC, now it is 2", "clock");
    let early = ca.issue(&[HOST], |params| params.not_before = (now + DAY).into());
    refuses_server(&early, &ca, "is valid from", "clock");
    let for_clients = client_of(&ca, |params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName(HOST.try_into().unwrap())];
    });
    refuses_server(&for_clients, &ca, "not meant for servers", "serverAuth");
    let nameless = ca.issue(&[], |_| {});
    refuses_server(&nameless, &ca, "no subject alternative name", "subjectAltName");
    let as_ca = ca.issue(&[HOST], |params| {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    refuses_server(&as_ca, &ca, "certificate of a CA as its own", "CA:FALSE");
}

#[test]
fn the_ca_that_is_missing_or_out_of_date_is_named() {
    let (root, now) = (Ca::new("root"), SystemTime::now());
    let leaf = root.intermediate("middle").intermediate("low").server(&[HOST]);
    let other = Ca::new("other");
    refuses_server(
        &leaf,
        &other,
        "leads to CN=root, which is not trusted",
        "if CN=root is the root",
    );
    let mut gap = leaf;
    gap.chain.truncate(2);
    refuses_server(&gap, &root, "leads to CN=middle", "the server has to send it");
    let middle = root.intermediate_with("old middle", |params| {
        params.not_before = (now + DAY).into();
    });
    let below = middle.server(&[HOST]);
    refuses_server(&below, &root, "CA CN=old middle, which the server sends along", "has to send");
}

#[test]
fn a_ca_made_anew_under_its_old_name_is_told_without_a_word_of_other_keys() {
    let (old, new) = (Ca::new("CA"), Ca::new("CA"));
    let server = Server::start(open(&new.server(&[HOST])));
    let (probing, _files) = Probing::secure(server.address.port(), &old, None);
    let found = probing.fails("tls", "tls", "another CA of that name signed it", "`--tls-ca`");
    assert!(!found["failure"].to_string().contains("RSA"), "{found:#}");
}

#[test]
fn a_client_certificate_that_is_refused_is_told_by_the_alert() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let now = SystemTime::now();
    is_refused(None, &ca, "demands a client certificate", "--tls-cert");
    is_refused(Some(&other.client("dev")), &ca, "`unknown_ca`", "a CA that the server trusts");
    let asked = "it asks for a certificate of CN=CA, and ours is of CN=other CA";
    is_refused(Some(&other.client("dev")), &ca, asked, "a CA that the server trusts");
    let expired = client_of(&ca, |params| params.not_after = (now - DAY / 2).into());
    is_refused(Some(&expired), &ca, "`certificate_expired`", "renew");
    is_refused(Some(&ca.server(&[HOST])), &ca, "`unsupported_certificate`", "clientAuth");
    let a_ca = client_of(&ca, |params| {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    is_refused(Some(&a_ca), &ca, "which is that of a CA", "CA:FALSE");
    // As of a set of certificates that was made anew.
    is_refused(Some(&Ca::new("CA").client("dev")), &ca, "another CA of the same name", "very CA");
}

#[test]
fn a_client_certificate_of_version_1_is_told_as_one() {
    let ca = Ca::new("CA");
    let fixture = |name: &str| fixture("good/x509-v1-p256").join(name);
    let trusted = fixture_certificates("ca.pem");
    let server = Server::start(demanding(&ca.server(&[HOST]), &trusted));
    let (probing, _files) = Probing::secure(server.address.port(), &ca, None);
    let probing = probing.arg("--tls-cert").arg(fixture("client.pem"));
    let probing = probing.arg("--tls-key").arg(fixture("key.pem"));
    let found = probing.fails("tls", "tls", "which is of X.509 version 1", "X.509 v3");
    assert!(found["warnings"].to_string().contains("version 1"), "{found:#}");
}

#[test]
fn a_server_that_we_refuse_is_not_told_with_the_certificate_that_it_asks_for() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let server = Server::start(demanding(&other.server(&[HOST]), &[ca.der()]));
    let (probing, _files) = Probing::secure(server.address.port(), &ca, Some(&other.client("dev")));
    let found = probing.fails("tls", "tls", "issued by CN=other CA", "--tls-ca");
    assert!(!found["failure"].to_string().contains("ours is of"), "{found:#}");
}

#[test]
fn a_connection_that_is_closed_right_after_the_certificate_is_told() {
    let ca = Ca::new("CA");
    let server = Server::start_mute(demanding(&ca.server(&[HOST]), &[ca.der()]));
    let (probing, _files) = Probing::secure(server.address.port(), &ca, Some(&ca.client("dev")));
    let cause = "right after the TLS handshake: it probably rejected the client certificate";
    probing.fails("tls", "tls", cause, "the log of the server says why");
    // What is known of the certificate is the likely reason.
    let mine = ca.server(&[HOST]);
    let (probing, _files) = Probing::secure(server.address.port(), &ca, Some(&mine));
    let (_, found) = probing.json();
    let told = found["failure"].to_string();
    assert!(told.contains("meant for serverAuth and not for clientAuth"), "{found:#}");
    assert!(told.contains("reissued with the purpose clientAuth"), "{found:#}");
}

#[test]
fn a_version_of_tls_that_is_too_old_for_us_is_told() {
    let ca = Ca::new("CA");
    let config = with_versions(&ca.server(&[HOST]), client_verifier(&[ca.der()]), &[&TLS12]);
    let server = Server::start(config);
    let (probing, _files) = Probing::secure(server.address.port(), &ca, None);
    let probing = probing.args(["--tls-min-version", "TLSv1.3"]);
    probing.fails("tls", "tls", "`protocol_version`", "--tls-min-version");
}

#[test]
fn files_that_cannot_be_used_are_told_before_any_connection() {
    let ca = Ca::new("CA");
    let (mine, other) = (ca.client("dev"), ca.client("other"));
    let mixed = Leaf { key: other.key, ..mine };
    let (probing, _files) = Probing::secure(1, &ca, Some(&mixed));
    probing.fails("identity", "tls", "does not belong to the certificate", "requested with");
    let sealed = fixture("good/combined-encrypted/client.pem");
    let open = |passphrase: Option<&str>| {
        let probing = Probing::of("https://localhost:1/mcp").arg("--tls-cert").arg(&sealed);
        let probing = probing.arg("--tls-key").arg(&sealed);
        match passphrase {
            Some(word) => probing.env("MCP_REMOTE_TLS_PASSPHRASE", word),
            None => probing,
        }
    };
    open(Some("wrong")).fails("identity", "tls", "wrong passphrase", "check the passphrase");
    open(None).fails("identity", "tls", "passphrase needed", "--tls-passphrase-file");
    let probing = Probing::of("https://localhost:1/mcp");
    let probing = probing.args(["--tls-cert", "/nowhere.crt", "--tls-key", "/nowhere.key"]);
    probing.fails("identity", "tls", "no such file", "--tls-cert");
}

#[test]
fn a_certificate_near_its_end_is_a_warning_that_counts_with_strict_alone() {
    let ca = Ca::new("CA");
    let soon = client_of(&ca, |params| {
        params.not_after = (SystemTime::now() + 10 * DAY).into();
    });
    let (probing, _files) = Probing::secure(1, &ca, Some(&soon));
    let (_, found) = probing.json();
    assert!(found["warnings"][0].to_string().contains("expires on"), "{found:#}");
    let (probing, _files) = Probing::secure(1, &ca, Some(&soon));
    let (_, found) = probing.args(["--warn-expiry", "9"]).json();
    assert_eq!(found["warnings"], json!([]), "{found:#}");
}
