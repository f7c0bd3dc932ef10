//! Servers that refuse our certificate, or miss one (catalogue C06, C07, C16, C19; fact F4).

use std::sync::Arc;
use std::time::SystemTime;

use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::Explanation;
use mcp_secure_remote::tls::IdentitySource;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS12;
use rustls::version::TLS13;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use tempfile::tempdir;

use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::fixture;
use crate::support::pki::fixture_certificates;
use crate::support::pki::trusting;
use crate::support::tls_server::Server;
use crate::support::tls_server::asking;
use crate::support::tls_server::client_verifier;
use crate::support::tls_server::demanding;
use crate::support::tls_server::open;
use crate::support::tls_server::store;
use crate::support::tls_server::with_verifier;
use crate::support::tls_server::with_versions;

const HOST: &str = "localhost";

/// A client that trusts `ca` and shows `leaf`, if there is one.
fn client(ca: &Ca, leaf: Option<&Leaf>) -> ClientTls {
    let folder = tempdir().unwrap();
    let identity = leaf.map(|leaf| leaf.identity(&folder));
    ClientTls::load(ClientOptions { identity, ..trusting(&folder, ca.pem()) }).unwrap()
}

fn says(explanation: &Explanation, cause: &str, hint: &str) {
    assert!(explanation.cause.contains(cause), "{explanation:?}");
    assert!(explanation.hint.as_deref().unwrap_or_default().contains(hint), "{explanation:?}");
}

#[tokio::test]
async fn a_refused_certificate_is_explained_in_both_versions_of_tls() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other"));
    let now = SystemTime::now();
    let for_clients = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let expired = ca.issue(&[], |params| {
        params.extended_key_usages.clone_from(&for_clients);
        params.not_after = (now - DAY / 2).into();
    });
    let early = ca.issue(&[], |params| {
        params.extended_key_usages.clone_from(&for_clients);
        params.not_before = (now + DAY).into();
    });
    let cases = [
        (other.client("dev"), "`unknown_ca`", "a CA that the server trusts"),
        (expired, "`certificate_expired`", "renew"),
        (early, "`certificate_expired`", "clock"),
        (ca.server(&[HOST]), "`unsupported_certificate`", "clientAuth"),
    ];
    for version in [&TLS12, &TLS13] {
        let verifier = client_verifier(&[ca.der()]);
        let server = Server::start(with_versions(&ca.server(&[HOST]), verifier, &[version]));
        for (leaf, term, hint) in &cases {
            let explanation = server.refusal(&client(&ca, Some(leaf)), HOST).await;
            says(&explanation, term, hint);
            assert!(explanation.cause.contains("client.pem"), "{explanation:?}");
            assert!(server.handshake().error.is_some());
        }
        let explanation = server.refusal(&client(&ca, None), HOST).await;
        says(&explanation, "demands a client certificate", "--tls-cert");
        let error = server.handshake().error;
        assert_eq!(error, Some(rustls::Error::NoCertificatesPresented));
        server.call(&client(&ca, Some(&ca.client("dev"))), HOST).await.unwrap();
        server.handshake();
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_is_sent_and_a_server_that_refuses_it_is_explained() {
    let ca = Ca::new("CA");
    let roots = fixture_certificates("ca.pem");
    let server = Server::start(demanding(&ca.server(&[HOST]), &roots));
    let folder = tempdir().unwrap();
    let identity = Some(IdentitySource::Pem {
        cert: fixture("good/x509-v1-p256/client.pem"),
        key: fixture("good/x509-v1-p256/key.pem"),
    });
    let client =
        ClientTls::load(ClientOptions { identity, ..trusting(&folder, ca.pem()) }).unwrap();
    let explanation = server.refusal(&client, HOST).await;
    says(&explanation, "which is of X.509 version 1", "X.509 v3");
    let error = server.handshake().error.unwrap().to_string();
    assert!(error.contains("UnsupportedCertVersion"), "{error}");
}

#[tokio::test]
async fn a_revoked_client_certificate_is_explained() {
    let ca = Ca::new("CA");
    let leaf = ca.client("dev");
    let crl = ca.crl(&[&leaf], SystemTime::now() + DAY);
    let crl = CertificateRevocationListDer::from_pem_slice(crl.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(store(&[ca.der()]), provider)
        .with_crls([crl])
        .build()
        .unwrap();
    let server = Server::start(with_verifier(&ca.server(&[HOST]), verifier));
    let explanation = server.refusal(&client(&ca, Some(&leaf)), HOST).await;
    says(&explanation, "`certificate_revoked`", "new certificate");
    server.handshake();
    server.call(&client(&ca, Some(&ca.client("other"))), HOST).await.unwrap();
}

/// In TLS 1.3 we finish first; a server that then hangs up gives no reason.
#[tokio::test]
async fn an_end_right_after_the_handshake_is_called_a_probable_refusal() {
    let ca = Ca::new("CA");
    let server = Server::start_mute(asking(&ca.server(&[HOST]), &[ca.der()]));
    let explanation = server.refusal(&client(&ca, Some(&ca.client("dev"))), HOST).await;
    says(&explanation, "probably rejected the client certificate", "log of the server");
    assert!(explanation.cause.contains("`") && explanation.cause.contains("client.pem"));
    let explanation = server.refusal(&client(&ca, None), HOST).await;
    says(&explanation, "probably demands a client certificate", "--tls-cert");
    assert!(explanation.of_handshake);
}

/// As a front does whose own server is away.
#[tokio::test]
async fn an_end_right_after_the_handshake_says_nothing_of_a_certificate_that_nobody_asked_for() {
    let ca = Ca::new("CA");
    let server = Server::start_mute(open(&ca.server(&[HOST])));
    for leaf in [None, Some(&ca.client("dev"))] {
        let explanation = server.refusal(&client(&ca, leaf), HOST).await;
        says(&explanation, "right after the TLS handshake", "its own server runs");
        assert!(!explanation.cause.contains("certificate") && !explanation.of_handshake);
    }
}

/// 3 MB of request while the server refuses and hangs up: the client sees an alert, a broken pipe or
/// a reset, by chance, and says the same each time.
#[tokio::test]
async fn a_refusal_during_a_large_request_is_explained_whatever_surfaces() {
    use mcp_secure_remote::tls::Alpn;
    use mcp_secure_remote::tls::Peer;
    use mcp_secure_remote::tls::explain;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    let ca = Ca::new("CA");
    let server = Server::start_mute(demanding(&ca.server(&[HOST]), &[ca.der()]));
    let client = client(&ca, None);
    for _ in 0..20 {
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let mut stream = client.connect(HOST, socket, Alpn::Http1).await.unwrap();
        let body = vec![0; 3 * 1024 * 1024];
        let error = match stream.write_all(&body).await {
            Ok(()) => stream.read_u8().await.unwrap_err(),
            Err(error) => error,
        };
        let about = Peer { host: HOST, port: 1, identity: None };
        let explanation = explain(&error, &about).unwrap();
        assert!(explanation.cause.contains("demands a client certificate"), "{explanation:?}");
    }
}
