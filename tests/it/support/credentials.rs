//! The fixtures of `testdata/credentials`, and how tests load an identity.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use mcp_secure_remote::report::Report;
use mcp_secure_remote::secret::Secret;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use p12_keystore::Certificate;
use p12_keystore::KeyStore;
use p12_keystore::KeyStoreEntry;
use p12_keystore::PrivateKey;
use p12_keystore::PrivateKeyChain;
use tempfile::TempDir;

use crate::support::pki::Leaf;
use crate::support::pki::fixture;
use crate::support::pki::write;

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// The folders of `good/`, by name.
pub(crate) fn kinds() -> Vec<String> {
    let mut kinds: Vec<_> = fs::read_dir(fixture("good"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kinds.sort();
    kinds
}

pub(crate) fn source(kind: &str) -> IdentitySource {
    let folder = fixture("good").join(kind);
    if folder.join("client.p12").exists() {
        return IdentitySource::Pkcs12(folder.join("client.p12"));
    }
    let cert = folder.join("client.pem");
    let key = folder.join("key.pem");
    IdentitySource::Pem { key: if key.exists() { key } else { cert.clone() }, cert }
}

pub(crate) fn passphrase(kind: &str) -> Option<Secret> {
    fs::read_to_string(fixture("good").join(kind).join("passphrase.txt")).ok().map(Secret::new)
}

pub(crate) fn options(kind: &str) -> ClientOptions {
    ClientOptions {
        identity: Some(source(kind)),
        passphrase: passphrase(kind),
        ..ClientOptions::default()
    }
}

/// Loading without any trust but the fixtures' own CA: nothing connects in these tests.
pub(crate) fn load(
    identity: IdentitySource,
    passphrase: Option<Secret>,
) -> Result<ClientTls, Report> {
    ClientTls::load(ClientOptions {
        identity: Some(identity),
        passphrase,
        ca: Some(fixture("ca.pem")),
        ca_only: true,
        ..ClientOptions::default()
    })
}

pub(crate) fn load_pem(cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<ClientTls, Report> {
    let (cert, key) = (cert.as_ref().to_owned(), key.as_ref().to_owned());
    load(IdentitySource::Pem { cert, key }, Some(secret("correct horse")))
}

pub(crate) fn load_bundle(path: PathBuf) -> Result<ClientTls, Report> {
    load(IdentitySource::Pkcs12(path), Some(secret("correct horse")))
}

pub(crate) fn bundle_entry(leaf: &Leaf, certificates: Vec<&[u8]>, id: &str) -> KeyStoreEntry {
    let key = PrivateKey::from_der(&leaf.key.serialize_der()).unwrap();
    let certificates = certificates.into_iter().map(|der| Certificate::from_der(der).unwrap());
    KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(id, key, certificates))
}

pub(crate) fn write_bundle(folder: &TempDir, entries: Vec<(&str, KeyStoreEntry)>) -> PathBuf {
    let mut store = KeyStore::new();
    for (alias, entry) in entries {
        store.add_entry(alias, entry);
    }
    write(folder, "made.p12", store.writer("correct horse").write().unwrap())
}
