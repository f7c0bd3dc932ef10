//! Files of a server that cannot be used, and what is odd about those that can (catalogue C09).

use std::path::PathBuf;
use std::time::SystemTime;

use mcp_secure_remote::report::Report;
use mcp_secure_remote::secret::Secret;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::IdentitySource;
use mcp_secure_remote::tls::ServerOptions;
use mcp_secure_remote::tls::ServerTls;
use rcgen::ExtendedKeyUsagePurpose;
use tempfile::TempDir;
use tempfile::tempdir;

use crate::support::credentials;
use crate::support::listener::HOST;
use crate::support::listener::options;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::write;

fn load(change: impl FnOnce(&mut ServerOptions, &Ca, &TempDir)) -> Result<ServerTls, Report> {
    let (ca, folder) = (Ca::new("CA"), tempdir().unwrap());
    let options = options(&folder, &ca, |options, ca| change(options, ca, &folder));
    ServerTls::load(options, Alpn::H2AndHttp1)
}

fn refused(change: impl FnOnce(&mut ServerOptions, &Ca, &TempDir)) -> String {
    load(change).map(|_| ()).expect_err("these files are of no use").to_string()
}

fn later() -> SystemTime {
    SystemTime::now() + DAY
}

#[test]
fn a_file_that_is_missing_is_named_with_its_flag() {
    let missing = || PathBuf::from("missing.pem");
    let text = refused(|options, _, _| options.client_ca = Some(missing()));
    assert!(text.contains("missing.pem") && text.contains("--tls-client-ca"), "{text}");
    let text = refused(|options, _, _| options.crls = vec![missing()]);
    assert!(text.contains("missing.pem") && text.contains("--tls-crl"), "{text}");
    let text = refused(|options, _, _| options.identity = IdentitySource::Pkcs12(missing()));
    assert!(text.contains("missing.pem") && text.contains("--tls-pfx"), "{text}");
    for flag in ["--tls-cert", "--tls-key"] {
        let text = refused(|options, _, _| {
            let IdentitySource::Pem { cert, key } = &mut options.identity else { return };
            *(if flag == "--tls-cert" { cert } else { key }) = missing();
        });
        assert!(text.contains("missing.pem") && text.contains(flag), "{text}");
        assert!(text.contains("Unable to load server cert/key"), "{text}");
    }
}

#[test]
fn a_client_ca_without_a_certificate_is_refused() {
    let text = refused(|options, _, folder| {
        options.client_ca = Some(write(folder, "empty.pem", ""));
    });
    assert!(text.contains("empty.pem") && text.contains("holds no certificate"), "{text}");
}

#[test]
fn a_certificate_of_somebody_as_client_ca_is_refused() {
    for with_ca in [false, true] {
        let text = refused(|options, ca, folder| {
            let leaf = ca.client("alice").chain_pem();
            let text = if with_ca { [ca.pem(), leaf].concat() } else { leaf };
            options.client_ca = Some(write(folder, "alice.pem", text));
        });
        assert!(text.contains("alice.pem") && text.contains("CN=alice"), "{text}");
        assert!(text.contains("is no CA") && text.contains("of its CA CN=CA with"), "{text}");
    }
}

#[test]
fn a_list_that_is_damaged_is_refused_by_its_file() {
    let text = refused(|options, ca, folder| {
        let good = write(folder, "good.crl", ca.crl(&[], later()));
        let damaged = write(
            folder,
            "damaged.crl",
            "-----BEGIN X509 CRL-----\nAAEC\n-----END X509 CRL-----\n",
        );
        options.crls = vec![good, damaged];
    });
    assert!(text.contains("damaged.crl"), "{text}");
}

/// Also one of a CA made anew under its old name: its signature is of another key.
#[test]
fn a_list_of_another_ca_alone_is_refused_since_nobody_could_get_in() {
    for name in ["other", "CA"] {
        let text = refused(|options, _, folder| {
            options.crls = vec![write(folder, "other.crl", Ca::new(name).crl(&[], later()))];
        });
        assert!(text.contains("other.crl") && text.contains("nobody could get in"), "{text}");
    }
}

#[test]
fn a_client_ca_without_a_list_beside_one_that_has_one_is_warned_about() {
    let tls = load(|options, ca, folder| {
        let both = [ca.pem(), Ca::new("bare").pem()].concat();
        options.client_ca = Some(write(folder, "both.pem", both));
        options.crls = vec![write(folder, "ca.crl", ca.crl(&[], later()))];
    });
    let warnings = tls.unwrap().warnings(SystemTime::now()).join("\n");
    assert!(warnings.contains("CN=bare: nobody of it gets in"), "{warnings}");
}

#[test]
fn a_list_without_a_client_ca_is_refused() {
    let text = refused(|options, ca, folder| {
        options.client_ca = None;
        options.crls = vec![write(folder, "ca.crl", ca.crl(&[], later()))];
    });
    assert!(text.contains("ca.crl") && text.contains("--tls-client-ca"), "{text}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let text = refused(|options, ca, folder| {
        let IdentitySource::Pem { key, .. } = &mut options.identity else { return };
        *key = write(folder, "other.key", ca.server(&[HOST]).key.serialize_pem());
    });
    assert!(text.contains("Unable to load server cert/key"), "{text}");
    assert!(text.contains("KeyMismatch"), "{text}");
}

/// What a client may show as its identity, a server may show too.
#[test]
fn every_kind_of_credential_can_be_that_of_a_server() {
    for kind in credentials::kinds() {
        let mut options = ServerOptions::new(credentials::source(&kind));
        options.passphrase = credentials::passphrase(&kind);
        let tls = ServerTls::load(options, Alpn::H2AndHttp1);
        assert!(tls.is_ok(), "{kind}: {}", tls.unwrap_err());
    }
}

fn warnings_of(leaf: impl FnOnce(&Ca) -> Leaf) -> String {
    let tls = load(|options, ca, folder| options.identity = leaf(ca).identity(folder));
    tls.unwrap().warnings(SystemTime::now()).join("\n")
}

#[test]
fn a_certificate_that_clients_refuse_is_warned_about() {
    assert_eq!(warnings_of(|ca| ca.server(&[HOST])), "");
    let text = warnings_of(|ca| ca.server(&[]));
    assert!(text.contains("no subjectAltName"), "{text}");
    let text = warnings_of(|ca| {
        ca.issue(&[HOST], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    });
    assert!(text.contains("not meant for servers"), "{text}");
    let text = warnings_of(|ca| {
        ca.issue(&[HOST], |params| params.not_after = (SystemTime::now() + DAY).into())
    });
    assert!(text.contains("the server certificate") && text.contains("expires on"), "{text}");
}

#[test]
fn the_days_that_are_left_are_whole_days_and_negative_after_the_end() {
    let tls = load(|options, ca, folder| {
        let leaf = ca.issue(&[HOST], |params| {
            params.not_after = (SystemTime::now() + 10 * DAY + DAY / 2).into();
        });
        options.identity = leaf.identity(folder);
    })
    .unwrap();
    let now = SystemTime::now();
    assert_eq!(tls.days_left(now), 10);
    assert_eq!(tls.days_left(now + 10 * DAY), 0);
    assert_eq!(tls.days_left(now + 11 * DAY), -1);
    assert!(tls.describe().contains("CN=a leaf"), "{}", tls.describe());
}

#[test]
fn debug_shows_neither_key_nor_passphrase() {
    let mut kept = None;
    let tls = load(|options, _, _| {
        options.passphrase = Some(Secret::new("hunter2".to_owned()));
        kept = Some(format!("{options:?}"));
    });
    let shown = format!("{:?} {}", tls.unwrap(), kept.unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("BEGIN"), "{shown}");
}
