//! Client credentials that must be refused, in plain words and before any connection (catalogue
//! C01, C03, C04).

use std::fs;

use tempfile::tempdir;

use crate::support::credentials::bundle_entry;
use crate::support::credentials::load_bundle;
use crate::support::credentials::load_pem;
use crate::support::credentials::write_bundle;
use crate::support::pki::Ca;
use crate::support::pki::fixture;
use crate::support::pki::write;

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_refused_before_any_connection() {
    let cert = fixture("good/pkcs8-p256/client.pem");
    let others =
        ["good/pkcs8-p384/key.pem", "good/x509-v1-p256/key.pem", "good/pkcs8-rsa2048/key.pem"];
    for other in others {
        let key = fixture(other);
        let report = load_pem(&cert, &key).unwrap_err();
        assert_eq!(report.error, "Unable to load client cert/key");
        let cause = report.cause.unwrap();
        assert!(cause.contains("does not belong") && cause.contains("KeyMismatch"), "{cause}");
        assert!(cause.contains(&*cert.to_string_lossy()), "{cause}");
        assert!(cause.contains(&*key.to_string_lossy()), "{cause}");
    }
    // The same for a certificate that rustls' own check cannot read.
    let v1 = fixture("good/x509-v1-p256/client.pem");
    assert!(load_pem(v1, fixture("good/pkcs8-p256/key.pem")).is_err());
}

#[test]
fn what_cannot_be_used_is_refused_in_plain_words() {
    let cert = fixture("good/pkcs8-p256/client.pem");
    let folder = tempdir().unwrap();
    let cut = fs::read_to_string(fixture("good/pkcs8-p256/key.pem")).unwrap();
    let cut = write(&folder, "cut.pem", &cut[..cut.len() - 30]);
    let der = write(&folder, "key.der", [0x30, 0x03, 0x02, 0x01, 0x00]);
    let keys = [
        (fixture("bad/pbes1-sha1-3des.key.pem"), "is encrypted is not supported", "openssl pkcs8"),
        (fixture("bad/pbes1-md5-des.key.pem"), "is encrypted is not supported", "openssl pkcs8"),
        (fixture("bad/too-many-rounds.key.pem"), "too much work", "openssl pkcs8"),
        (fixture("bad/rsa-pss.key.pem"), "id-RSASSA-PSS", "P-256"),
        (fixture("bad/secp256k1.key.pem"), "only RSA, P-256", "export it anew"),
        (cert.clone(), "holds no private key", "--tls-key"),
        (cut, "cut off", "down to the end"),
        (der, "not PEM", "openssl pkey"),
        (folder.path().join("none.pem"), "no such file", "`--tls-key` or `MCP_REMOTE_TLS_KEY`"),
        (folder.path().to_owned(), "directory", "check the path"),
    ];
    for (key, cause, hint) in keys {
        let report = load_pem(&cert, &key).unwrap_err();
        assert_eq!(report.error, "Unable to load client cert/key");
        let text = report.to_string();
        assert!(text.contains(cause) && text.contains(hint), "{text}");
        assert!(text.contains(&*key.to_string_lossy()), "{text}");
    }
}

#[test]
fn a_file_that_holds_no_certificate_is_refused_in_plain_words() {
    let key = fixture("good/pkcs8-p256/key.pem");
    let report = load_pem(&key, &key).unwrap_err().to_string();
    assert!(report.contains("holds no certificate"), "{report}");
    let report = load_pem("none.pem", &key).unwrap_err().to_string();
    assert!(report.contains("`--tls-cert` or `MCP_REMOTE_TLS_CERT`"), "{report}");
    let folder = tempdir().unwrap();
    let whole = fs::read_to_string(fixture("good/pkcs8-p256/client.pem")).unwrap();
    let text = whole.replacen("MII", "!", 1);
    for (text, hint) in [(&whole[..200], "down to the end"), (&text, "as it was issued")] {
        let report = load_pem(write(&folder, "client.pem", text), &key).unwrap_err();
        assert!(report.hint.as_ref().is_some_and(|it| it.contains(hint)), "{report}");
    }
    let report = load_pem(fixture("good/pkcs12-java/client.p12"), &key).unwrap_err().to_string();
    assert!(report.contains("--tls-pfx"), "{report}");
}

#[test]
fn a_bundle_that_cannot_be_used_is_refused_in_plain_words() {
    let decode = "Unable to decode PKCS#12 bundle at '";
    let cases = [
        ("bad/store.jks", decode, "Java key store", "keytool -importkeystore"),
        ("bad/pbe-md5-des.p12", decode, "encrypted is not supported", "openssl pkcs12 -legacy"),
        ("bad/camellia.p12", decode, "encrypted is not supported", "openssl pkcs12 -legacy"),
        (
            "bad/without-key.p12",
            "contains no certificate or private key",
            "no private key",
            "export",
        ),
        ("bad/without-certificate.p12", "contains no certificate or", "no certificate", "export"),
        ("good/pkcs8-p256/client.pem", decode, "PEM file", "--tls-cert"),
        ("make.sh", decode, "not a PKCS#12 file", "export it anew"),
        ("none.p12", "Unable to load PKCS#12 bundle at '", "no such file", "--tls-pfx"),
    ];
    for (name, error, cause, hint) in cases {
        let report = load_bundle(fixture(name)).unwrap_err();
        let text = report.to_string();
        assert!(report.error.contains(error), "{name}: {text}");
        assert!(report.error.contains(&*fixture(name).to_string_lossy()), "{name}: {text}");
        assert!(report.cause.unwrap().contains(cause), "{name}: {text}");
        assert!(text.contains(hint), "{name}: {text}");
    }
}

#[test]
fn a_bundle_that_was_cut_off_is_to_be_exported_anew() {
    let folder = tempdir().unwrap();
    let whole = fs::read(fixture("good/pkcs12-java/client.p12")).unwrap();
    let path = write(&folder, "cut.p12", &whole[..whole.len() - 100]);
    let report = load_bundle(path).unwrap_err();
    assert!(report.hint.as_ref().is_some_and(|it| it.contains("export it anew")), "{report}");
}

#[test]
fn a_bundle_whose_key_fits_no_certificate_is_refused() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let (one, two) = (ca.client("one"), ca.client("two"));
    let path = write_bundle(&folder, vec![("a", bundle_entry(&one, vec![&two.chain[0]], "1"))]);
    let text = load_bundle(path).unwrap_err().to_string();
    assert!(text.contains("does not belong to any of its certificates"), "{text}");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempdir().unwrap();
    let path = write(&folder, "large.pem", vec![b'x'; 1024 * 1024 + 1]);
    let text = load_pem(&path, &path).unwrap_err().to_string();
    assert!(text.contains("larger than 1048576 bytes"), "{text}");
}
