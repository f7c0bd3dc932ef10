//! What is issued, read back.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;
use tempfile::TempDir;

use super::profile::Profile;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::Authority;
use crate::tls::ClientTls;
use crate::tls::ServerTls;
use crate::tls::certificate;
use crate::tls::pkcs12;
use crate::tls::stream::Alpn;

fn secret() -> Secret {
    Secret::new("correct horse".to_owned())
}

/// The two files of a CA, in a folder that goes away.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(certificate: &str, key: &str) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(files.path("ca.crt"), certificate).unwrap();
        fs::write(files.path("ca.key"), key).unwrap();
        files
    }

    fn of(authority: &Authority) -> Self {
        let key = authority.sealed_key(&secret()).unwrap();
        Self::new(&authority.certificate_pem(), &key)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self, passphrase: &str) -> Result<Authority, Report> {
        let passphrase = Secret::new(passphrase.to_owned());
        Authority::load(&self.path("ca.crt"), &self.path("ca.key"), &passphrase, None)
    }

    /// Why it cannot be loaded: the file, the cause and the hint.
    fn refusal(&self, passphrase: &str) -> (String, String, Option<String>) {
        let report = self.load(passphrase).unwrap_err();
        let file = report.error.strip_prefix("cannot use the CA in `").unwrap();
        let file = Path::new(file.trim_end_matches('`')).file_name().unwrap();
        (file.to_str().unwrap().to_owned(), report.cause.unwrap(), report.hint)
    }
}

#[test]
fn leaves_are_of_version_3_with_one_purpose_and_no_ca() {
    let authority = Authority::new("test CA").unwrap();
    let server = authority.server(&["a.example", "127.0.0.1"]).unwrap();
    let client = authority.client("dev").unwrap();
    for (issued, is_server) in [(&server, true), (&client, false)] {
        let leaf = certificate::parse(issued.certificate_der()).unwrap();
        assert_eq!(certificate::version(&leaf), 3);
        assert!(!leaf.is_ca());
        assert_eq!(certificate::issuer(&leaf), "CN=test CA");
        assert!(leaf.raw_serial().len() >= 16);
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert_eq!((usage.server_auth, usage.client_auth), (is_server, !is_server));
        assert!(issued.key_pem().contains("BEGIN PRIVATE KEY"));
    }
    let leaf = certificate::parse(server.certificate_der()).unwrap();
    assert_eq!(certificate::names(&leaf), ["a.example", "127.0.0.1"]);
    let leaf = certificate::parse(client.certificate_der()).unwrap();
    assert_eq!(certificate::subject(&leaf), "CN=dev");
}

#[test]
fn the_ca_may_have_no_ca_below_it() {
    let authority = Authority::new("test CA").unwrap();
    let ca = certificate::parse(authority.certificate_der()).unwrap();
    assert!(certificate::is_self_issued(&ca));
    let constraints = ca.basic_constraints().unwrap().unwrap().value;
    assert_eq!((constraints.ca, constraints.path_len_constraint), (true, Some(0)));
}

#[test]
fn debug_shows_no_key() {
    let authority = Authority::new("test CA").unwrap();
    let client = authority.client("dev").unwrap();
    assert_eq!(format!("{authority:?} {client:?}"), "Authority(***) Issued(***)");
}

#[test]
fn serial_numbers_are_128_random_bits() {
    let authority = Authority::new("test CA").unwrap();
    let serials: Vec<_> = (0..20)
        .map(|_| {
            let issued = authority.client("dev").unwrap();
            certificate::parse(issued.certificate_der()).unwrap().raw_serial().to_vec()
        })
        .collect();
    for (index, serial) in serials.iter().enumerate() {
        assert_eq!((serial.len(), serial[0]), (17, 1));
        assert!(!serials[..index].contains(serial));
        assert!(!serials[..index].iter().any(|other| other[1..9] == serial[1..9]));
    }
}

#[test]
fn what_is_to_last_lasts_as_many_days_and_says_who_made_it() {
    let authority = Authority::lasting("test CA", 3650).unwrap();
    let server = authority.server(&["a.example"]).unwrap();
    for der in [authority.certificate_der(), server.certificate_der()] {
        let parsed = certificate::parse(der).unwrap();
        let validity = parsed.validity();
        let lifetime = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert_eq!(lifetime, 3650 * 24 * 60 * 60 + 60 * 60);
        assert!(certificate::subject(&parsed).ends_with("O=mcp-secure-remote"));
        assert!(
            certificate::utc(validity.not_after.timestamp()).starts_with(&authority.last_day())
        );
    }
}

#[test]
fn a_name_too_long_for_a_common_name_is_an_alternative_name_alone() {
    let authority = Authority::new("test CA").unwrap();
    let name = format!("{}.example", "a".repeat(60));
    let server = authority.server(&[&name]).unwrap();
    let leaf = certificate::parse(server.certificate_der()).unwrap();
    assert_eq!(certificate::subject(&leaf), "CN=server");
    assert_eq!(certificate::names(&leaf), [name]);
}

#[tokio::test]
async fn a_ca_that_was_kept_goes_on_issuing() {
    let authority = Authority::lasting("test CA", 3650).unwrap();
    let again = Files::of(&authority).load("correct horse").unwrap();
    assert_eq!(again.certificate_der(), authority.certificate_der());
    // What one issued is accepted by whoever trusts the other.
    let server = authority.server(&["localhost"]).unwrap();
    let server = ServerTls::new(&server, &authority, Alpn::H2AndHttp1).unwrap();
    let client = ClientTls::in_memory(Some(&again.client("late").unwrap()), &authority).unwrap();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (accepted, connected) =
        tokio::join!(server.accept(far), client.connect("localhost", near, Alpn::H2AndHttp1));
    assert!(accepted.is_ok() && connected.is_ok());
}

#[test]
fn what_is_issued_later_ends_with_its_ca() {
    let authority = Authority::lasting("test CA", 10).unwrap();
    let again = Files::of(&authority).load("correct horse").unwrap();
    assert_eq!(again.last_day(), authority.last_day());
}

#[test]
fn a_kept_ca_that_cannot_be_used_is_refused_with_its_file() {
    let (ours, other) = (Authority::new("CA").unwrap(), Authority::new("CA").unwrap());
    let files = Files::of(&ours);
    assert_eq!(
        files.refusal("wrong"),
        ("ca.key".into(), "wrong passphrase".into(), Some("check the passphrase".into()))
    );
    fs::write(files.path("ca.crt"), other.certificate_pem()).unwrap();
    let (file, cause, _) = files.refusal("correct horse");
    assert!(file == "ca.key" && cause.starts_with("it does not belong"), "{file}: {cause}");
    fs::write(files.path("ca.crt"), ours.client("dev").unwrap().certificate_pem()).unwrap();
    let (file, cause, _) = files.refusal("correct horse");
    assert_eq!((&*file, &*cause), ("ca.crt", "it is no certificate of a CA"));
    fs::remove_file(files.path("ca.crt")).unwrap();
    assert_eq!(files.refusal("correct horse").1, "no such file");
    fs::write(files.path("ca.crt"), ours.certificate_pem()).unwrap();
    fs::remove_file(files.path("ca.key")).unwrap();
    let (file, _, hint) = files.refusal("correct horse");
    assert!(file == "ca.key" && hint.unwrap().contains("--keep-ca"));
}

#[test]
fn a_kept_ca_that_has_expired_or_has_an_odd_name_is_refused() {
    let made = |change: fn(&mut rcgen::CertificateParams)| {
        let key = KeyPair::generate().unwrap();
        let mut params = Profile::throw_away().authority("CA").unwrap();
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Files::new(&certificate.pem(), &key.serialize_pem()).load("")
    };
    assert!(made(|_| {}).is_ok());
    let expired = made(|params| params.not_after = params.not_before).unwrap_err();
    assert!(expired.cause.unwrap().starts_with("it has expired on 20"));
    let odd = made(|params| {
        let name = rcgen::DnValue::TeletexString("CA".try_into().unwrap());
        params.distinguished_name.push(DnType::CommonName, name);
    });
    assert!(odd.unwrap_err().cause.unwrap().contains("cannot be repeated"));
    let leaf = made(|params| params.is_ca = IsCa::NoCa);
    assert!(leaf.is_err());
}

#[test]
fn a_bundle_opens_with_its_passphrase_alone() {
    let authority = Authority::new("test CA").unwrap();
    let client = authority.client("dev").unwrap();
    let bundle = client.pkcs12("dev", &authority, &secret()).unwrap();
    let opened = pkcs12::open(&bundle, Some(&secret())).unwrap();
    let found: Vec<_> = opened.certificates.iter().map(|der| der.as_ref()).collect();
    assert_eq!(found, [client.certificate_der(), authority.certificate_der()]);
    assert!(!opened.without_mac && opened.keys.len() == 1);
    for wrong in [None, Some(&Secret::new("another".to_owned()))] {
        assert!(pkcs12::open(&bundle, wrong).is_err());
    }
}
