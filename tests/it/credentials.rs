//! Client credentials of every kind (catalogue C03-C06, T17, X05, X07).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use mcp_secure_remote::tls::try_identity;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tempfile::tempdir;

use crate::support::credentials::bundle_entry;
use crate::support::credentials::kinds;
use crate::support::credentials::load;
use crate::support::credentials::load_bundle;
use crate::support::credentials::options;
use crate::support::credentials::passphrase;
use crate::support::credentials::secret;
use crate::support::credentials::source;
use crate::support::credentials::write_bundle;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::fixture;
use crate::support::pki::fixture_certificates;
use crate::support::pki::trusting;
use crate::support::tls_server::AnyClient;
use crate::support::tls_server::Server;
use crate::support::tls_server::demanding;
use crate::support::tls_server::with_versions;

/// The kinds that the issue names. Taking a folder away must not go unseen.
const KINDS: [&str; 47] = [
    "chain-in-reverse-order",
    "chain-with-intermediate",
    "combined-certificate-first",
    "combined-encrypted",
    "combined-key-first",
    "combined-windows-text",
    "combined-with-bag-attributes",
    "encrypted-pkcs8-aes-128-cbc-sha1",
    "encrypted-pkcs8-aes-256-cbc-sha256",
    "encrypted-pkcs8-aes-256-cbc-sha512",
    "encrypted-pkcs8-des-ede3-cbc-sha256",
    "encrypted-pkcs8-ed25519",
    "encrypted-pkcs8-p384",
    "encrypted-pkcs8-p521",
    "encrypted-pkcs8-scrypt",
    "pkcs1-rsa2048",
    "pkcs1-rsa4096",
    "pkcs12-empty-passphrase",
    "pkcs12-empty-passphrase-legacy",
    "pkcs12-java",
    "pkcs12-java-legacy",
    "pkcs12-no-passphrase-given",
    "pkcs12-non-ascii-passphrase",
    "pkcs12-non-ascii-passphrase-legacy",
    "pkcs12-openssl-3des",
    "pkcs12-openssl-legacy-rc2",
    "pkcs12-openssl3-ed25519",
    "pkcs12-openssl3-p521",
    "pkcs12-openssl3-rsa4096",
    "pkcs12-unencrypted-bags",
    "pkcs12-with-chain",
    "pkcs12-without-mac",
    "pkcs8-ed25519",
    "pkcs8-p256",
    "pkcs8-p384",
    "pkcs8-p521",
    "pkcs8-rsa2048",
    "pkcs8-rsa4096",
    "proc-type-ec-aes128",
    "proc-type-ec-des3",
    "proc-type-rsa-aes128",
    "proc-type-rsa-aes192",
    "proc-type-rsa-aes256",
    "proc-type-rsa-des3",
    "sec1-p256",
    "sec1-p521",
    "x509-v1-p256",
];

#[test]
fn every_kind_that_is_promised_is_there() {
    let there: BTreeSet<_> = kinds().into_iter().collect();
    let missing: Vec<_> = KINDS.iter().filter(|&&kind| !there.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn every_kind_of_credential_completes_a_handshake_with_a_server_that_demands_it() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("server CA");
    let leaf = ca.server(&["localhost"]);
    let strict = Server::start(demanding(&leaf, &fixture_certificates("ca.pem")));
    // Only this one can read certificates of X.509 version 1.
    let lenient = Server::start(with_versions(&leaf, AnyClient::new(), &[&rustls::version::TLS13]));
    for kind in kinds() {
        let server = if kind.contains("v1") { &lenient } else { &strict };
        let trust = trusting(&folder, ca.pem());
        let client =
            ClientTls::load(ClientOptions { ca: trust.ca, ca_only: true, ..options(&kind) })
                .unwrap_or_else(|report| panic!("{kind}: {report}"));
        let result = server.call(&client, "localhost").await;
        let handshake = server.handshake();
        assert!(result.is_ok(), "{kind}: {result:?} {handshake:?}");
        assert_eq!(handshake.client_chain, expected_chain(&kind), "{kind}");
    }
}

/// What the server must see: the leaf and the intermediates, without the root.
fn expected_chain(kind: &str) -> Vec<CertificateDer<'static>> {
    let like = match kind {
        "chain-in-reverse-order"
        | "pkcs12-java"
        | "pkcs12-java-legacy"
        | "pkcs12-with-chain"
        | "pkcs12-with-root-first" => "chain-with-intermediate",
        "pkcs12-openssl3-rsa4096" => "pkcs8-rsa4096",
        "pkcs12-openssl3-p384" => "pkcs8-p384",
        "pkcs12-openssl3-p521" => "pkcs8-p521",
        "pkcs12-openssl3-ed25519" => "pkcs8-ed25519",
        _ if kind.starts_with("pkcs12") && kind.contains("legacy") && !kind.contains("p256") => {
            "pkcs8-rsa2048"
        }
        // The plain reader of certificates trips over a byte order mark and an encrypted key.
        "combined-windows-text" => "pkcs8-p256",
        "combined-encrypted" | "pkcs12-openssl-3des" => "pkcs8-rsa2048",
        _ if kind.starts_with("pkcs12") => "pkcs8-p256",
        _ => kind,
    };
    fixture_certificates(&format!("good/{like}/client.pem"))
}

#[test]
fn a_wrong_passphrase_is_said_with_the_path() {
    for kind in kinds().iter().filter(|kind| passphrase(kind).is_some()) {
        let report = load(source(kind), Some(secret("wrong"))).expect_err(kind);
        let text = report.to_string();
        let path = source(kind).paths().last().unwrap().display().to_string();
        assert!(text.contains("wrong passphrase"), "{kind}: {text}");
        assert!(text.contains(&path), "{kind}: {text}");
        assert_eq!(report.hint.as_deref(), Some("check the passphrase"), "{kind}");
    }
}

#[test]
fn a_missing_passphrase_is_asked_for_with_the_path() {
    let sealed = |kind: &&String| passphrase(kind).is_some_and(|it| !it.expose().is_empty());
    for kind in kinds().iter().filter(sealed) {
        let text = load(source(kind), None).expect_err(kind).to_string();
        let path = source(kind).paths().last().unwrap().display().to_string();
        assert!(text.contains("passphrase needed"), "{kind}: {text}");
        assert!(text.contains(&path) && text.contains("--tls-passphrase-file"), "{kind}: {text}");
    }
}

/// Padding looks right once in 256 times by chance; the words must not depend on that.
#[test]
fn no_wrong_passphrase_is_mistaken_for_a_damaged_key() {
    let sealed = fs::read(fixture("good/proc-type-ec-aes256/key.pem")).unwrap();
    let cert = fs::read(fixture("good/proc-type-ec-aes256/client.pem")).unwrap();
    let file = [cert, sealed].concat();
    let mut causes = BTreeSet::new();
    for attempt in 0..3000 {
        let report = try_identity(&file, Some(&secret(&attempt.to_string()))).unwrap_err();
        causes.insert(report.cause.unwrap());
    }
    assert_eq!(causes, BTreeSet::from(["`memory`: wrong passphrase".to_owned()]));
}

#[tokio::test]
async fn a_bundle_with_its_chain_in_any_order_sends_leaf_and_intermediates() {
    let folder = tempdir().unwrap();
    let (server_ca, root) = (Ca::new("server CA"), Ca::new("root"));
    let middle = root.intermediate("middle");
    let leaf = middle.intermediate("lower").client("dev");
    let (root, mut backwards) = (root.der(), leaf.chain.clone());
    backwards.reverse();
    let certificates = [vec![&*root], backwards.iter().map(|der| &**der).collect()].concat();
    let path = write_bundle(&folder, vec![("dev", bundle_entry(&leaf, certificates, "1"))]);

    let server =
        Server::start(demanding(&server_ca.server(&["localhost"]), std::slice::from_ref(&root)));
    let client = ClientTls::load(ClientOptions {
        identity: Some(IdentitySource::Pkcs12(path)),
        passphrase: Some(secret("correct horse")),
        ..trusting(&folder, server_ca.pem())
    })
    .unwrap();
    server.call(&client, "localhost").await.unwrap();
    assert_eq!(server.handshake().client_chain, leaf.chain);
}

#[test]
fn a_bundle_with_two_keys_uses_one_that_has_a_certificate_and_says_so() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let (one, two) = (ca.client("one"), ca.client("two"));
    let entries = vec![
        ("a", bundle_entry(&one, vec![&one.chain[0]], "1")),
        ("b", bundle_entry(&two, vec![&two.chain[0]], "2")),
    ];
    let client = load_bundle(write_bundle(&folder, entries)).unwrap();
    let warnings = client.warnings(SystemTime::now());
    assert!(warnings.iter().any(|it| it.contains("holds 2 private keys")), "{warnings:?}");
}

/// In a process of its own, whose folder for temporary files does not exist: making one would fail.
#[test]
fn loading_creates_no_file() {
    const ALONE: &str = "LOADING_CREATES_NO_FILE_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let folder = tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "credentials::loading_creates_no_file", "--nocapture"])
            .envs([(ALONE, "1".as_ref()), ("TMPDIR", nowhere.as_os_str())])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        return;
    }
    assert!(tempdir().is_err(), "this process must not be able to make temporary files");
    let listing = |folder: &Path| {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<BTreeSet<_>>()
    };
    for kind in kinds() {
        let folder = fixture("good").join(&kind);
        let before = listing(&folder);
        load(source(&kind), passphrase(&kind)).unwrap();
        assert_eq!(listing(&folder), before, "{kind}");
    }
}

#[test]
fn a_bundle_without_mac_draws_a_warning() {
    let warnings =
        |kind: &str| load(source(kind), passphrase(kind)).unwrap().warnings(SystemTime::now());
    assert!(warnings("pkcs12-without-mac").iter().any(|it| it.contains("has no MAC")));
    assert!(!warnings("pkcs12-openssl3-p256").iter().any(|it| it.contains("has no MAC")));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_draws_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let identity = Ca::new("CA").client("dev").identity(&folder);
    let client = load(identity.clone(), None).unwrap();
    assert_eq!(client.warnings(SystemTime::now()), Vec::<String>::new());
    let key = folder.path().join("client.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let warnings = load(identity, None).unwrap().warnings(SystemTime::now());
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("mode 640") && warnings[0].contains("client.key"));
}

#[test]
fn a_certificate_that_ends_within_seven_days_draws_a_warning() {
    let folder = tempdir().unwrap();
    let now = SystemTime::now();
    let leaf = Ca::new("CA").issue(&[], |params| params.not_after = (now + 30 * DAY).into());
    let client = load(leaf.identity(&folder), None).unwrap();
    let warnings = |at: SystemTime| client.warnings(at).join("\n");
    assert_eq!(warnings(now), "");
    assert_eq!(warnings(now + 22 * DAY), "");
    assert!(warnings(now + 24 * DAY).contains("expires on"));
    assert!(warnings(now + 31 * DAY).contains("has expired on"));
    assert!(warnings(now + 31 * DAY).contains("CN=a leaf"));
}

#[test]
fn the_log_line_says_what_is_in_use() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let identity = ca.client("dev").identity(&folder);
    let describe = |identity: Option<&IdentitySource>, name: Option<&str>| {
        let options = ClientOptions {
            identity: identity.cloned(),
            server_name: name.map(str::to_owned),
            ..trusting(&folder, ca.pem())
        };
        ClientTls::load(options).unwrap().describe().unwrap_or_default()
    };
    assert_eq!(describe(Some(&identity), None), "mTLS enabled for outbound requests");
    assert_eq!(
        describe(Some(&identity), Some("a.example")),
        "mTLS enabled; SNI override: a.example"
    );
    assert_eq!(describe(None, None), "");
}

#[test]
fn debug_shows_neither_passphrase_nor_key() {
    let kind = "pkcs12-openssl3-p256";
    let client = load(source(kind), passphrase(kind)).unwrap();
    let shown = format!("{:?} {client:?}", options(kind));
    assert!(!shown.contains("correct horse"), "{shown}");
    let key = fs::read_to_string(fixture("good/pkcs8-p256/key.pem")).unwrap();
    let der = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let bytes = format!("{:?}", &der.secret_der()[40..50]);
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}
