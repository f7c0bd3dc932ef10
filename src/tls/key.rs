//! Private keys out of PEM blocks: PKCS#1, SEC1, PKCS#8, and the two ways to encrypt them.

use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::PrivatePkcs1KeyDer;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::PrivateSec1KeyDer;
use zeroize::Zeroizing;

use crate::limits;
use crate::secret::Secret;
use crate::tls::legacy;
use crate::tls::pem::Block;

/// Why there is no usable private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// More work to open it than we are willing to do.
    #[error("its encryption asks for too much work to derive the key")]
    TooMuchWork,
    /// No block with a private key.
    #[error("it holds no private key")]
    Missing,
    /// An encrypted key and no passphrase.
    #[error("the private key is encrypted: passphrase needed")]
    PassphraseNeeded,
    /// A way to encrypt that is not supported, for example PBES1.
    #[error("the way in which the private key is encrypted is not supported")]
    UnknownEncryption,
    /// Another algorithm, or damaged.
    #[error("the private key cannot be used: only RSA, P-256, P-384, P-521 and Ed25519 keys can")]
    Unusable,
    /// An RSA key that everybody can break soon.
    #[error("the private key is too small: RSA with {0} bits")]
    Small(usize),
    /// An RSA key that is bound to PSS signatures.
    #[error("the private key is of the kind `id-RSASSA-PSS`, which is not supported")]
    UnusablePss,
    /// The passphrase does not open it.
    #[error("wrong passphrase")]
    WrongPassphrase,
}

impl KeyError {
    /// What to do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Missing => "pass the file that holds the private key with `--tls-key`",
            Self::PassphraseNeeded => {
                "pass the passphrase with `--tls-passphrase-file` or `MCP_REMOTE_TLS_PASSPHRASE`"
            }
            Self::WrongPassphrase => "check the passphrase",
            Self::TooMuchWork | Self::UnknownEncryption => {
                "encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`"
            }
            Self::Unusable => "if it is of such a kind, export it anew; else use another key",
            Self::Small(_) => {
                "make a key of RSA-2048, P-256 or more, and have a certificate issued for it"
            }
            Self::UnusablePss => "use a plain RSA key, or P-256",
        }
    }
}

/// Whether the label names a private key of any kind.
pub(super) fn is_key(block: &Block) -> bool {
    block.label.ends_with("PRIVATE KEY")
}

/// The first private key among the blocks, opened with the passphrase where it is encrypted.
pub(super) fn from_blocks(
    blocks: &[Block],
    passphrase: Option<&Secret>,
) -> Result<Arc<dyn SigningKey>, KeyError> {
    opened(blocks, passphrase, signing_key)
}

/// The same, as `make` understands it.
pub(super) fn opened<K>(
    blocks: &[Block],
    passphrase: Option<&Secret>,
    make: impl Fn(&PrivateKeyDer<'_>) -> Result<K, KeyError>,
) -> Result<K, KeyError> {
    let load = |label: &str, der: &[u8]| make(&in_form(label, der)?);
    let block = blocks.iter().find(|block| is_key(block)).ok_or(KeyError::Missing)?;
    if block.label == "ENCRYPTED PRIVATE KEY" {
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
        let der = decrypt_pkcs8(&block.der, passphrase)?;
        return load("PRIVATE KEY", &der).map_err(|error| after_decryption(error, &der));
    }
    let Some(dek_info) = &block.dek_info else {
        return load(&block.label, &block.der);
    };
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    let der = legacy::decrypt(dek_info, &block.der, passphrase)?;
    load(&block.label, &der).map_err(|error| after_decryption(error, &der))
}

/// A key in the form of RFC 5208, not encrypted.
pub(super) fn from_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, KeyError> {
    signing_key(&in_form("PRIVATE KEY", der)?)
}

fn in_form<'a>(label: &str, der: &'a [u8]) -> Result<PrivateKeyDer<'a>, KeyError> {
    match label {
        "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        _ => Err(KeyError::Unusable),
    }
}

fn signing_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, KeyError> {
    any_supported_type(key).map_err(|_| match rsa_bits(key) {
        _ if is_pss(key.secret_der()) => KeyError::UnusablePss,
        Some(bits) if bits < limits::RSA_KEY_BITS => KeyError::Small(bits),
        _ => KeyError::Unusable,
    })
}

/// The size of an RSA key, to a whole byte.
fn rsa_bits(key: &PrivateKeyDer<'_>) -> Option<usize> {
    let pkcs1 = match key {
        PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der(),
        PrivateKeyDer::Pkcs8(key) => {
            // Algorithm and parameters do not matter: no other key looks like the one of RFC 8017.
            PrivateKeyInfoRef::try_from(key.secret_pkcs8_der()).ok()?.private_key.as_bytes()
        }
        _ => return None,
    };
    let (_, key) = x509_parser::der_parser::parse_der(pkcs1).ok()?;
    let [_version, modulus, _exponent, _private, ..] = &key.as_sequence().ok()?[..] else {
        return None;
    };
    let digits = modulus.as_slice().ok()?;
    Some(digits.iter().skip_while(|byte| **byte == 0).count() * 8)
}

/// A wrong passphrase passes the padding check once in 256 times and leaves junk, which is not
/// even a DER sequence. What is one was opened rightly.
fn after_decryption(error: KeyError, der: &[u8]) -> KeyError {
    let sequence = x509_parser::der_parser::parse_der(der).is_ok_and(|(rest, _)| rest.is_empty());
    if sequence { error } else { KeyError::WrongPassphrase }
}

fn decrypt_pkcs8(der: &[u8], passphrase: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let sealed =
        EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::UnknownEncryption)?;
    check_work(&sealed.encryption_algorithm)?;
    match sealed.decrypt(passphrase.expose().as_bytes()) {
        Ok(document) => Ok(document.to_bytes()),
        Err(
            pkcs8::Error::Asn1(_)
            | pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed),
        ) => Err(KeyError::WrongPassphrase),
        Err(_) => Err(KeyError::UnknownEncryption),
    }
}

/// A file must not keep us busy for hours or take all memory.
fn check_work(scheme: &EncryptionScheme) -> Result<(), KeyError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(KeyError::UnknownEncryption);
    };
    let fits = match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => kdf.iteration_count <= limits::MAX_KDF_ROUNDS,
        Kdf::Scrypt(kdf) => {
            let lanes = u64::from(kdf.block_size) * u64::from(kdf.parallelization);
            let bytes = kdf.cost_parameter.checked_mul(128).and_then(|n| n.checked_mul(lanes));
            bytes.is_some_and(|bytes| bytes <= limits::MAX_SCRYPT_BYTES)
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(KeyError::TooMuchWork) }
}

fn is_pss(der: &[u8]) -> bool {
    // 1.2.840.113549.1.1.10 of RFC 4055, as it stands in the key.
    const OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
    memchr::memmem::find(der.get(..64).unwrap_or(der), OID).is_some()
}
