//! PKCS#12 bundles (RFC 7292), opened and made in memory.

use p12_keystore::Certificate;
use p12_keystore::KeyStore;
use p12_keystore::KeyStoreEntry;
use p12_keystore::Pkcs12Archive;
use p12_keystore::PrivateKey;
use p12_keystore::PrivateKeyChain;
use p12_keystore::error::Error;
use rustls_pki_types::CertificateDer;
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::der_parser::asn1_rs::FromDer;
use zeroize::Zeroizing;

use crate::limits;
use crate::secret::Secret;

/// The certificates and private keys of a bundle, in the order in which they stand.
pub(super) struct Bundle {
    /// The certificates as DER.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// The decoded bags with the keys; p12-keystore overwrites no memory, so they live briefly.
    pub(super) keys: Vec<p12_keystore::PrivateKeyBag>,
    /// Whether nothing proves that the file is whole and was made with this passphrase.
    pub(super) without_mac: bool,
}

/// Why a bundle cannot be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Pkcs12Error {
    /// A Java key store of the older kind.
    #[error("it is a Java key store (JKS), not PKCS#12")]
    Jks,
    /// Another format, or damaged.
    #[error("it is not a PKCS#12 file, or it is damaged")]
    Malformed,
    /// The passphrase is not empty and none was given.
    #[error("it is protected: passphrase needed")]
    PassphraseNeeded,
    /// Text where DER was due.
    #[error("it is a PEM file, not PKCS#12")]
    Pem,
    /// An algorithm that is not supported; p12-keystore cannot tell that from damage inside.
    #[error("the way in which it is encrypted is not supported, or it is damaged")]
    UnknownEncryption,
    /// The passphrase does not open it.
    #[error("wrong passphrase")]
    WrongPassphrase,
}

impl Pkcs12Error {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Jks => {
                "convert it: `keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 \
                 -deststoretype pkcs12`"
            }
            Self::Malformed => "export it anew, and copy it as it is: it is no text",
            Self::PassphraseNeeded => {
                "pass the passphrase with `--tls-passphrase-file` or `MCP_REMOTE_TLS_PASSPHRASE`"
            }
            Self::Pem => "pass it with `--tls-cert` and `--tls-key`",
            Self::UnknownEncryption => {
                "write it anew: `openssl pkcs12 -legacy -in OLD -out NEW.pem` and pass NEW.pem with \
                 `--tls-cert` and `--tls-key`"
            }
            Self::WrongPassphrase => "check the passphrase",
        }
    }
}

/// Opens a bundle. Without a passphrase the empty one is tried, which many tools write.
pub(super) fn open(bytes: &[u8], passphrase: Option<&Secret>) -> Result<Bundle, Pkcs12Error> {
    if let Some(error) = other_format(bytes) {
        return Err(error);
    }
    let without_mac = is_without_mac(bytes).ok_or(Pkcs12Error::Malformed)?;
    let text = passphrase.map_or("", Secret::expose);
    let archive = Pkcs12Archive::from_pkcs12(bytes, text)
        .map_err(|error| classify(&error, passphrase.is_some(), without_mac))?;
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec().into()).collect();
    Ok(Bundle { certificates, keys: archive.keys, without_mac })
}

/// Makes a bundle of a PKCS#8 key and its certificates, the key's own first: AES-256 and SHA-256, which
/// OpenSSL from 1.1.1 and Java from 8u301 on open. Whoever guesses at the passphrase does so where it
/// is cheapest, so that the MAC takes as many rounds as the rest.
pub(super) fn write(
    name: &str,
    key: &[u8],
    certificates: &[&[u8]],
    passphrase: &Secret,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let chain: Vec<_> =
        certificates.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
    let entry = PrivateKeyChain::new(name, PrivateKey::from_der(key)?, chain);
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(entry));
    let writer = store
        .writer(passphrase.expose())
        .encryption_iterations(limits::PKCS12_ROUNDS)
        .mac_iterations(limits::PKCS12_ROUNDS);
    writer.write().map(Zeroizing::new)
}

/// Formats that people take for PKCS#12.
fn other_format(bytes: &[u8]) -> Option<Pkcs12Error> {
    // The magic numbers of JKS and JCEKS.
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) || bytes.starts_with(&[0xce; 4]) {
        return Some(Pkcs12Error::Jks);
    }
    crate::tls::pem::is_pem(bytes).then_some(Pkcs12Error::Pem)
}

/// PFX ::= SEQUENCE { version, authSafe, macData OPTIONAL }, RFC 7292 section 4.
fn is_without_mac(bytes: &[u8]) -> Option<bool> {
    let (_, pfx) = Any::from_der(bytes).ok()?;
    let (rest, _version) = Any::from_der(pfx.data).ok()?;
    let (rest, _auth_safe) = Any::from_der(rest).ok()?;
    Some(rest.is_empty())
}

fn classify(error: &Error, with_passphrase: bool, without_mac: bool) -> Pkcs12Error {
    let not_opened =
        if with_passphrase { Pkcs12Error::WrongPassphrase } else { Pkcs12Error::PassphraseNeeded };
    match error {
        Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError => not_opened,
        Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm
        | Error::InvalidParameters
        | Error::UnsupportedContentType => Pkcs12Error::UnknownEncryption,
        // Without a MAC a wrong passphrase shows only as junk inside.
        _ if without_mac => not_opened,
        _ => Pkcs12Error::UnknownEncryption,
    }
}

#[cfg(test)]
mod tests {
    use super::Pkcs12Error;
    use super::open;

    #[test]
    fn files_of_another_kind_are_named() {
        let cases: [(&[u8], Pkcs12Error); 5] = [
            (&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], Pkcs12Error::Jks),
            (&[0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2], Pkcs12Error::Jks),
            (b"-----BEGIN CERTIFICATE-----", Pkcs12Error::Pem),
            (b"", Pkcs12Error::Malformed),
            (&[0x30, 0x03, 0x02, 0x01, 0x03], Pkcs12Error::Malformed),
        ];
        for (bytes, expected) in cases {
            assert_eq!(open(bytes, None).err(), Some(expected));
        }
    }
}
