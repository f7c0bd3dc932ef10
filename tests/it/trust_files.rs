//! Files that say whom we trust: CA bundles and revocation lists (catalogue C07-C09).

use std::time::SystemTime;

use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use rustls::AlertDescription;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use tempfile::tempdir;

use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::trusting;
use crate::support::pki::write;
use crate::support::tls_server::Server;
use crate::support::tls_server::demanding;
use crate::support::tls_server::open;

const HOST: &str = "localhost";

/// A client with revocation lists; `crls` are PEM texts.
fn checking(ca: &Ca, crls: &[String]) -> ClientTls {
    let folder = tempdir().unwrap();
    let crls = crls.iter().enumerate().map(|(n, crl)| write(&folder, &format!("{n}.crl"), crl));
    let options = ClientOptions { crls: crls.collect(), ..trusting(&folder, ca.pem()) };
    ClientTls::load(options).unwrap()
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_others_of_its_ca_are_not() {
    let ca = Ca::new("CA");
    let (good, bad) = (ca.server(&[HOST]), ca.server(&[HOST]));
    let client = checking(&ca, &[ca.crl(&[&bad], SystemTime::now() + DAY)]);
    Server::start(open(&good)).call(&client, HOST).await.unwrap();
    let server = Server::start(open(&bad));
    let explanation = server.refusal(&client, HOST).await;
    assert!(explanation.cause.contains("`Revoked`"), "{explanation:?}");
    assert!(matches!(
        server.handshake().error,
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRevoked))
    ));
}

#[tokio::test]
async fn a_revocation_list_that_is_out_of_date_refuses_everybody() {
    let ca = Ca::new("CA");
    let client = checking(&ca, &[ca.crl(&[], SystemTime::now() - DAY)]);
    let explanation = Server::start(open(&ca.server(&[HOST]))).refusal(&client, HOST).await;
    assert!(explanation.cause.contains("`ExpiredRevocationList`"), "{explanation:?}");
    assert_eq!(explanation.cause.matches(" UTC").count(), 2, "{explanation:?}");
}

#[tokio::test]
async fn a_certificate_that_no_revocation_list_covers_is_refused() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other"));
    let later = SystemTime::now() + DAY;
    let client = checking(&ca, &[other.crl(&[], later)]);
    let explanation = Server::start(open(&ca.server(&[HOST]))).refusal(&client, HOST).await;
    assert!(explanation.cause.contains("`UnknownRevocationStatus`"), "{explanation:?}");
    assert!(explanation.hint.unwrap().contains("--tls-crl"));
    // With an intermediate, a list of each CA is needed, and several files may be given.
    let middle = ca.intermediate("middle");
    let leaf = middle.server(&[HOST]);
    let half = checking(&ca, &[middle.crl(&[], later)]);
    let explanation = Server::start(open(&leaf)).refusal(&half, HOST).await;
    assert!(explanation.cause.contains("`UnknownRevocationStatus`"), "{explanation:?}");
    let whole = checking(&ca, &[middle.crl(&[], later), ca.crl(&[], later)]);
    Server::start(open(&leaf)).call(&whole, HOST).await.unwrap();
}

#[test]
fn a_file_of_trust_that_cannot_be_read_is_refused_at_start() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let damaged = write(
        &folder,
        "damaged.pem",
        "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n",
    );
    let none = folder.path().join("none.pem");
    for (path, cause) in
        [(damaged.clone(), "number 1 in it is damaged"), (none.clone(), "no such file")]
    {
        let options = ClientOptions { ca: Some(path.clone()), ..ClientOptions::default() };
        let report = ClientTls::load(options).unwrap_err();
        assert_eq!(report.error, format!("Unable to load CA bundle at '{}'", path.display()));
        assert!(report.cause.unwrap().contains(cause));
    }
    for (path, cause) in [(damaged, "no readable revocation list"), (none, "no such file")] {
        let options = ClientOptions { crls: vec![path.clone()], ..trusting(&folder, ca.pem()) };
        let report = ClientTls::load(options).unwrap_err();
        assert_eq!(report.error, format!("Unable to load CRL at '{}'", path.display()));
        assert!(report.cause.unwrap().contains(cause));
    }
}

/// Well formed, and of a kind that is not supported: only the file's name leads to it.
#[test]
fn a_revocation_list_that_cannot_be_used_is_named_by_its_file() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let pem = ca.crl(&[], SystemTime::now() + DAY);
    let good = write(&folder, "good.crl", &pem);
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
    // RFC 5280 section 5.2: the number of the list becomes the mark of a delta list.
    let (number, delta) = ([0x55, 0x1d, 20], [0x55, 0x1d, 27]);
    let at = der.windows(3).position(|window| window == number).unwrap();
    let broken = [&der[..at], &delta, &der[at + 3..]].concat();
    let broken = write(&folder, "broken.crl", broken);
    let options = ClientOptions { crls: vec![good, broken.clone()], ..trusting(&folder, ca.pem()) };
    let report = ClientTls::load(options).unwrap_err();
    assert_eq!(report.error, format!("Unable to load CRL at '{}'", broken.display()));
    assert!(report.cause.unwrap().contains("Delta"), "the term of the TLS library");
}

#[tokio::test]
async fn a_ca_file_may_hold_several_and_a_crl_may_be_der() {
    let (one, two) = (Ca::new("one"), Ca::new("two"));
    let folder = tempdir().unwrap();
    let pem = two.crl(&[], SystemTime::now() + DAY);
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
    let crls = vec![write(&folder, "two.crl", &*der)];
    let options = ClientOptions { crls, ..trusting(&folder, one.pem() + &two.pem()) };
    let client = ClientTls::load(options).unwrap();
    Server::start(open(&two.server(&[HOST]))).call(&client, HOST).await.unwrap();
}

#[tokio::test]
async fn a_ca_and_a_client_certificate_may_be_der() {
    let ca = Ca::new("CA");
    let folder = tempdir().unwrap();
    let me = ca.client("me");
    let cert = write(&folder, "me.der", &*me.chain[0]);
    let key = write(&folder, "me.key", me.key.serialize_pem());
    let options = ClientOptions {
        identity: Some(IdentitySource::Pem { cert, key }),
        ca: Some(write(&folder, "ca.der", ca.der())),
        ca_only: true,
        ..ClientOptions::default()
    };
    let client = ClientTls::load(options).unwrap();
    let server = Server::start(demanding(&ca.server(&[HOST]), &[ca.der()]));
    server.call(&client, HOST).await.unwrap();
}

#[test]
fn ca_only_without_a_ca_trusts_nobody_and_says_so() {
    let options = ClientOptions { ca_only: true, ..ClientOptions::default() };
    let report = ClientTls::load(options).unwrap_err();
    assert!(report.hint.unwrap().contains("--tls-ca"));
}
