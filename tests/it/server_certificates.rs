//! Verdicts on server certificates and on what is no TLS server (catalogue T01-T19, C07-C09).

use std::time::SystemTime;

use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::Explanation;
use mcp_secure_remote::tls::MinVersion;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rustls::AlertDescription;
use rustls::ProtocolVersion;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::TLS12;
use rustls::version::TLS13;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tempfile::tempdir;

use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::fixture;
use crate::support::pki::fixture_certificates;
use crate::support::pki::trusting;
use crate::support::tls_server::Server;
use crate::support::tls_server::config;
use crate::support::tls_server::open;
use crate::support::tls_server::with_versions;

const HOST: &str = "localhost";

/// Loads options made by `change` out of those that trust `ca_pem` alone.
fn client(ca_pem: &str, change: impl FnOnce(&mut ClientOptions)) -> ClientTls {
    let folder = tempdir().unwrap();
    let mut options = trusting(&folder, ca_pem);
    change(&mut options);
    ClientTls::load(options).unwrap()
}

async fn accepted(leaf: &Leaf, ca_pem: &str, host: &str) {
    let server = Server::start(open(leaf));
    server.call(&client(ca_pem, |_| {}), host).await.unwrap();
}

/// The explanation, and the alert that the server was sent.
async fn refused(leaf: &Leaf, ca_pem: &str, host: &str) -> (Explanation, AlertDescription) {
    let server = Server::start(open(leaf));
    let explanation = server.refusal(&client(ca_pem, |_| {}), host).await;
    match server.handshake().error {
        Some(rustls::Error::AlertReceived(alert)) => (explanation, alert),
        other => panic!("no alert reached the server: {other:?}"),
    }
}

fn hint(explanation: &Explanation) -> &str {
    let hint = explanation.hint.as_deref().unwrap_or_default();
    assert!(!hint.contains("skip-verify") && !hint.contains("insecure"), "{hint}");
    hint
}

#[tokio::test]
async fn a_good_chain_is_accepted_with_tls_1_3_and_http_2() {
    let ca = Ca::new("CA");
    let server = Server::start(open(&ca.server(&[HOST])));
    server.call(&client(&ca.pem(), |_| {}), HOST).await.unwrap();
    let handshake = server.handshake();
    assert_eq!(handshake.version, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(handshake.alpn.as_deref(), Some(&b"h2"[..]));
    assert_eq!(handshake.server_name.as_deref(), Some(HOST));
}

#[tokio::test]
async fn the_protocols_offered_are_those_asked_for() {
    let ca = Ca::new("CA");
    let server = Server::start(open(&ca.server(&[HOST])));
    let client = client(&ca.pem(), |_| {});
    let cases: [(Alpn, Option<&[u8]>); 3] =
        [(Alpn::H2AndHttp1, Some(b"h2")), (Alpn::Http1, Some(b"http/1.1")), (Alpn::None, None)];
    for (offered, agreed) in cases {
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let stream = client.connect(HOST, socket, offered).await.unwrap();
        assert_eq!(stream.negotiated_h2(), agreed == Some(b"h2"));
        drop(stream);
        assert_eq!(server.handshake().alpn.as_deref(), agreed);
    }
}

#[tokio::test]
async fn a_server_of_tls_1_2_is_accepted_unless_1_3_is_demanded() {
    let ca = Ca::new("CA");
    let leaf = ca.server(&[HOST]);
    let server =
        Server::start(with_versions(&leaf, WebPkiClientVerifier::no_client_auth(), &[&TLS12]));
    server.call(&client(&ca.pem(), |_| {}), HOST).await.unwrap();
    assert_eq!(server.handshake().version, Some(ProtocolVersion::TLSv1_2));
    let strict = client(&ca.pem(), |options| options.min_version = MinVersion::Tls13);
    let explanation = server.refusal(&strict, HOST).await;
    assert!(explanation.cause.contains("`protocol_version`"), "{explanation:?}");
    assert!(hint(&explanation).contains("--tls-min-version"), "{explanation:?}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused() {
    let (ours, theirs) = (Ca::new("ours"), Ca::new("theirs"));
    let (explanation, alert) = refused(&theirs.server(&[HOST]), &ours.pem(), HOST).await;
    assert_eq!(alert, AlertDescription::UnknownCA);
    assert!(explanation.cause.contains("`UnknownIssuer`"), "{explanation:?}");
    assert!(explanation.cause.contains("CN=theirs"), "{explanation:?}");
    assert!(hint(&explanation).contains("--tls-ca"), "{explanation:?}");
}

#[tokio::test]
async fn a_certificate_of_a_ca_with_the_same_name_is_refused() {
    let (ours, theirs) = (Ca::new("same name"), Ca::new("same name"));
    let (explanation, _) = refused(&theirs.server(&[HOST]), &ours.pem(), HOST).await;
    let cause = &explanation.cause;
    assert!(cause.contains("trusted certificate CN=same name"), "{cause}");
    assert!(hint(&explanation).contains("present certificate"), "{explanation:?}");
}

#[tokio::test]
async fn a_name_that_is_not_in_the_certificate_is_refused_and_those_in_it_are_listed() {
    let ca = Ca::new("CA");
    let leaf = ca.server(&["*.example", "inner.example", "10.0.0.1"]);
    let (explanation, _) = refused(&leaf, &ca.pem(), HOST).await;
    let cause = &explanation.cause;
    assert!(cause.contains("`*.example`, `inner.example`, `10.0.0.1`"), "{cause}");
    assert!(cause.contains("`NotValidForName`"), "{cause}");
    assert!(hint(&explanation).contains("--tls-servername inner.example"), "{explanation:?}");
}

#[tokio::test]
async fn a_certificate_without_subject_alternative_name_is_refused() {
    let ca = Ca::new("CA");
    let leaf = ca.issue(&[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, HOST);
    });
    let (explanation, _) = refused(&leaf, &ca.pem(), HOST).await;
    assert!(explanation.cause.contains("no subject alternative name"), "{explanation:?}");
    assert!(hint(&explanation).contains("subjectAltName"), "{explanation:?}");
}

#[tokio::test]
async fn a_wildcard_does_not_cover_the_name_below_it() {
    let ca = Ca::new("CA");
    refused(&ca.server(&["*.localhost"]), &ca.pem(), HOST).await;
}

#[tokio::test]
async fn an_address_is_accepted_only_if_it_is_in_the_certificate() {
    let ca = Ca::new("CA");
    accepted(&ca.server(&["127.0.0.1"]), &ca.pem(), "127.0.0.1").await;
    accepted(&ca.server(&["::1"]), &ca.pem(), "[::1]").await;
    let (explanation, _) = refused(&ca.server(&[HOST]), &ca.pem(), "127.0.0.1").await;
    assert!(explanation.cause.contains("`localhost`"), "{explanation:?}");
}

#[tokio::test]
async fn the_override_is_the_name_on_the_wire_and_the_name_that_is_verified() {
    let ca = Ca::new("CA");
    let server = Server::start(open(&ca.server(&["other.example"])));
    let with =
        |name: &str| client(&ca.pem(), |options| options.server_name = Some(name.to_owned()));
    server.call(&with("other.example"), HOST).await.unwrap();
    assert_eq!(server.handshake().server_name.as_deref(), Some("other.example"));
    let explanation = server.refusal(&with("third.example"), "other.example").await;
    assert_eq!(server.handshake().server_name.as_deref(), Some("third.example"));
    assert!(explanation.cause.contains("`other.example`"), "{explanation:?}");
}

#[tokio::test]
async fn a_certificate_outside_its_dates_is_refused_with_both_times() {
    let ca = Ca::new("CA");
    let now = SystemTime::now();
    let expired = ca.issue(&[HOST], |params| params.not_after = (now - DAY / 2).into());
    let early = ca.issue(&[HOST], |params| params.not_before = (now + DAY).into());
    for (leaf, term, words) in
        [(expired, "`Expired`", "has expired on"), (early, "`NotValidYet`", "is valid from")]
    {
        let (explanation, _) = refused(&leaf, &ca.pem(), HOST).await;
        let cause = &explanation.cause;
        assert!(cause.contains(term) && cause.contains(words), "{cause}");
        assert_eq!(cause.matches(" UTC").count(), 2, "{cause}");
        assert!(hint(&explanation).contains("clock"), "{explanation:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_clients_is_refused_and_one_for_no_purpose_accepted() {
    let ca = Ca::new("CA");
    let client_auth = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = ca.issue(&[HOST], |params| params.extended_key_usages = client_auth);
    let (explanation, _) = refused(&leaf, &ca.pem(), HOST).await;
    assert!(explanation.cause.contains("`InvalidPurpose`"), "{explanation:?}");
    assert!(hint(&explanation).contains("serverAuth"), "{explanation:?}");
    let leaf = ca.issue(&[HOST], |params| params.extended_key_usages = Vec::new());
    accepted(&leaf, &ca.pem(), HOST).await;
}

#[tokio::test]
async fn a_missing_intermediate_is_named() {
    let root = Ca::new("root");
    let mut leaf = root.intermediate("middle").server(&[HOST]);
    accepted(&leaf, &root.pem(), HOST).await;
    leaf.chain.truncate(1);
    let (explanation, _) = refused(&leaf, &root.pem(), HOST).await;
    assert!(explanation.cause.contains("issued by CN=middle"), "{explanation:?}");
    assert!(explanation.cause.contains("no certificate above its own"), "{explanation:?}");
    assert!(hint(&explanation).contains("the server has to send it"), "{explanation:?}");
}

fn as_ca(params: &mut rcgen::CertificateParams) {
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = Vec::new();
}

#[tokio::test]
async fn a_pinned_self_signed_certificate_is_accepted_as_ca_and_as_leaf() {
    for mark in [as_ca, |_: &mut rcgen::CertificateParams| {}] {
        let leaf = Leaf::self_signed(&[HOST], mark);
        accepted(&leaf, &leaf.chain_pem(), HOST).await;
    }
}

#[tokio::test]
async fn a_pinned_certificate_must_still_hold_in_name_dates_and_purpose() {
    let now = SystemTime::now();
    let name = Leaf::self_signed(&["other.example"], as_ca);
    let expired = Leaf::self_signed(&[HOST], |params| {
        as_ca(params);
        params.not_after = (now - DAY / 2).into();
    });
    let early = Leaf::self_signed(&[HOST], |params| {
        as_ca(params);
        params.not_before = (now + DAY).into();
    });
    let purpose = Leaf::self_signed(&[HOST], |params| {
        as_ca(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let cases = [
        (name, "`NotValidForName`"),
        (expired, "`Expired`"),
        (early, "`NotValidYet`"),
        (purpose, "`InvalidPurpose`"),
    ];
    for (leaf, term) in cases {
        let (explanation, _) = refused(&leaf, &leaf.chain_pem(), HOST).await;
        assert!(explanation.cause.contains(term), "{explanation:?}");
    }
}

/// Pinning is for the very certificate: not for another one of the same name, nor with the key of
/// somebody else.
#[tokio::test]
async fn what_only_looks_like_the_pinned_certificate_is_refused() {
    let pinned = Leaf::self_signed(&[HOST], as_ca);
    for (mark, term) in [
        (as_ca as fn(&mut rcgen::CertificateParams), "is self-signed"),
        (|_| {}, "not signed with the key of the trusted certificate"),
    ] {
        let other = Leaf::self_signed(&[HOST], mark);
        let (explanation, _) = refused(&other, &pinned.chain_pem(), HOST).await;
        assert!(explanation.cause.contains(term), "{explanation:?}");
        assert!(hint(&explanation).contains("--tls-ca"), "{explanation:?}");
    }

    let stolen = Leaf { chain: pinned.chain.clone(), ..Leaf::self_signed(&[HOST], as_ca) };
    let (explanation, _) = refused(&stolen, &pinned.chain_pem(), HOST).await;
    assert!(explanation.cause.contains("does not hold the key"), "{explanation:?}");
}

#[tokio::test]
async fn a_ca_certificate_shown_as_a_servers_own_is_refused_with_the_fix() {
    let ca = Ca::new("CA");
    let (explanation, _) = refused(&ca.issue(&[HOST], as_ca), &ca.pem(), HOST).await;
    assert!(explanation.cause.contains("`CaUsedAsEndEntity`"), "{explanation:?}");
    assert!(hint(&explanation).contains("CA:FALSE"), "{explanation:?}");
}

#[tokio::test]
async fn a_leaf_given_in_place_of_its_ca_is_refused() {
    let leaf = Ca::new("CA").server(&[HOST]);
    let (explanation, _) = refused(&leaf, &leaf.chain_pem(), HOST).await;
    assert!(explanation.cause.contains("`UnknownIssuer`"), "{explanation:?}");
}

/// A server with a certificate that only OpenSSL would make.
fn fixture_server(certificate: &str, key: &str) -> Server {
    let key = PrivateKeyDer::from_pem_file(fixture(key)).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let certified = CertifiedKey::new(fixture_certificates(certificate), key);
    Server::start(config(certified, WebPkiClientVerifier::no_client_auth(), rustls::ALL_VERSIONS))
}

#[tokio::test]
async fn a_weak_signature_or_key_is_refused() {
    let cases = [
        ("bad/server-sha1.pem", "ca.pem", "`UnsupportedSignatureAlgorithm`", "SHA-256"),
        ("bad/server-rsa1024.pem", "bad/server-rsa1024.ca.pem", "that key is too small", "2048"),
    ];
    for (certificate, ca, cause, remedy) in cases {
        let server = fixture_server(certificate, "bad/server-weak.key.pem");
        let ca = std::fs::read_to_string(fixture(ca)).unwrap();
        let explanation = server.refusal(&client(&ca, |_| {}), HOST).await;
        assert!(explanation.cause.contains(cause), "{certificate}: {explanation:?}");
        assert!(hint(&explanation).contains(remedy), "{certificate}: {explanation:?}");
    }
}

/// As after a CA was made anew under its old name.
#[tokio::test]
async fn a_ca_of_the_same_name_with_a_key_of_another_kind_is_told_as_another_ca() {
    let trusted = Ca::new("CA");
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let server = Server::start(open(&Ca::with_key("CA", other).server(&[HOST])));
    let explanation = server.refusal(&client(&trusted.pem(), |_| {}), HOST).await;
    assert!(explanation.cause.contains("another CA of that name"), "{explanation:?}");
    assert!(hint(&explanation).contains("present certificate"), "{explanation:?}");
}

#[tokio::test]
async fn a_server_certificate_of_version_1_is_refused_with_the_fix() {
    let server = fixture_server("bad/server-v1.pem", "bad/server-v1.key.pem");
    let ca = std::fs::read_to_string(fixture("ca.pem")).unwrap();
    let explanation = server.refusal(&client(&ca, |_| {}), HOST).await;
    assert!(explanation.cause.contains("`UnsupportedCertVersion`"), "{explanation:?}");
    assert!(hint(&explanation).contains("X.509 v3"), "{explanation:?}");
}

#[tokio::test]
async fn servers_with_keys_of_every_kind_are_accepted() {
    let ca = Ca::new("CA");
    for kind in ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa4096"] {
        let pem = std::fs::read_to_string(fixture(&format!("good/pkcs8-{kind}/key.pem"))).unwrap();
        let leaf = ca.issue_for(KeyPair::from_pem(&pem).unwrap(), &[HOST], |_| {});
        accepted(&leaf, &ca.pem(), HOST).await;
    }
}

#[tokio::test]
async fn what_is_not_tls_is_said_so() {
    let plain_http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let ca = Ca::new("CA").pem();
    for answer in [&plain_http[..], b"\x00\x13\x37 random bytes that mean nothing at all"] {
        let server = Server::start_raw(answer);
        for skip_verify in [false, true] {
            let client = client(&ca, |options| options.skip_verify = skip_verify);
            let explanation = server.refusal(&client, HOST).await;
            assert!(explanation.cause.contains("does not speak TLS"), "{explanation:?}");
            assert!(explanation.cause.contains(&server.address.port().to_string()));
            assert!(hint(&explanation).contains("http://"), "{explanation:?}");
        }
    }
}

#[tokio::test]
async fn an_end_during_the_handshake_is_said_so() {
    let server = Server::start_raw(b"");
    let explanation = server.refusal(&client(&Ca::new("CA").pem(), |_| {}), HOST).await;
    let cause = &explanation.cause;
    assert!(cause.contains("the connection during the TLS handshake"), "{cause}");
}

#[tokio::test]
async fn skip_verify_accepts_any_certificate() {
    let (ours, theirs) = (Ca::new("ours"), Ca::new("theirs"));
    let now = SystemTime::now();
    let expired = ours.issue(&[HOST], |params| params.not_after = (now - DAY / 2).into());
    for leaf in [theirs.server(&[HOST]), ours.server(&["other.example"]), expired] {
        let server = Server::start(open(&leaf));
        let client = client(&ours.pem(), |options| options.skip_verify = true);
        server.call(&client, HOST).await.unwrap();
    }
}

#[tokio::test]
async fn skip_verify_still_wants_the_server_to_hold_its_key() {
    let ca = Ca::new("CA");
    let stolen = Leaf { chain: ca.server(&[HOST]).chain, ..ca.server(&[HOST]) };
    for version in [&TLS12, &TLS13] {
        let verifier = WebPkiClientVerifier::no_client_auth();
        let server = Server::start(with_versions(&stolen, verifier, &[version]));
        let client = client(&ca.pem(), |options| options.skip_verify = true);
        let explanation = server.refusal(&client, HOST).await;
        let cause = &explanation.cause;
        assert!(cause.contains("does not hold the key"), "{version:?}: {cause}");
    }
}
