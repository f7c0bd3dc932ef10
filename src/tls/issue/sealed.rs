//! A private key under a passphrase: encrypted PKCS#8 (RFC 5958, RFC 8018) as PEM.

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::LineEnding;
use pkcs8::SecretDocument;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::pkcs5::scrypt::Params;
use zeroize::Zeroizing;

use crate::limits;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::issue::profile::random;

/// Encrypts a key with AES-256 under a key that scrypt derives: what OpenSSL opens as it is.
pub(super) fn seal(der: &[u8], passphrase: &Secret) -> Result<Zeroizing<String>, Report> {
    let (salt, iv) = (random::<16>()?, random()?);
    let pem = || {
        let work =
            Params::new(limits::SCRYPT_LOG_BLOCKS, limits::SCRYPT_BLOCK, limits::SCRYPT_PASSES)
                .ok()?;
        let scheme = Parameters::generate_scrypt_aes256cbc(work, &salt, iv).ok()?;
        let sealed = scheme.encrypt(passphrase.expose(), der).ok()?;
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: EncryptionScheme::Pbes2(scheme),
            encrypted_data: OctetStringRef::new(&sealed).ok()?,
        };
        let document = SecretDocument::try_from(info).ok()?;
        document.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).ok()
    };
    pem().ok_or_else(|| Report::new("cannot encrypt the key of the CA"))
}
