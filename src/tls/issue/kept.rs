//! A CA that was kept in two files.

use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::DnValue;
use rcgen::Issuer;
use rcgen::KeyIdMethod;
use rcgen::KeyPair;
use rcgen::PublicKeyData as _;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::ParsedExtension;
use x509_parser::x509::X509Name;

use crate::limits;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::certificate;
use crate::tls::file;
use crate::tls::key;
use crate::tls::key::KeyError;
use crate::tls::pem;

/// A CA as it is needed to issue more.
pub(super) struct Kept {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) issuer: Issuer<'static, KeyPair>,
    /// The end of the CA's validity.
    pub(super) not_after: SystemTime,
}

/// Reads the certificate and the key, and checks that they are a CA and belong together.
pub(super) fn load(certificate: &Path, key: &Path, passphrase: &Secret) -> Result<Kept, Report> {
    let der = read_certificate(certificate)?;
    let parsed = certificate::parse(&der).ok_or_else(|| failed(certificate, "it is damaged"))?;
    let not_after = check(&parsed).map_err(|cause| failed(certificate, cause))?;
    let pair = read_key(key, passphrase)?;
    if pair.der_bytes() != certificate::public_key(&parsed) {
        let cause = format!("it does not belong to the certificate in `{}`", certificate.display());
        return Err(failed(key, cause).hint("use the two files that were made together"));
    }
    let issuer = issuer(&parsed, pair).ok_or_else(|| {
        failed(certificate, "its name is written in a way that cannot be repeated")
            .hint("make a new set with `certs --keep-ca`")
    })?;
    Ok(Kept { certificate: der.clone(), issuer, not_after })
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, Report> {
    let bytes = file::read(path, limits::MAX_IDENTITY_BYTES).map_err(|error| {
        failed(path, file::reason(&error))
            .hint("pass the folder that `certs --keep-ca` wrote to with `--output`")
    })?;
    let found = certificate::from_file(&bytes)
        .map_err(|error| failed(path, &error).hint(error.hint()))?
        .into_iter();
    found.into_iter().next().ok_or_else(|| failed(path, "it holds no certificate"))
}

/// Whether it may issue certificates now, and until when.
fn check(ca: &X509Certificate<'_>) -> Result<SystemTime, String> {
    let signs = |usage: Option<bool>| usage.unwrap_or(true);
    let usage = ca.key_usage().ok().flatten().map(|usage| usage.value.key_cert_sign());
    if !ca.is_ca() || !signs(usage) {
        return Err("it is no certificate of a CA".to_owned());
    }
    let end = ca.validity().not_after.timestamp();
    let since = Duration::from_secs(u64::try_from(end).unwrap_or_default());
    let not_after = SystemTime::UNIX_EPOCH + since;
    if not_after <= SystemTime::now() {
        return Err(format!("it has expired on {}", certificate::utc(end)));
    }
    Ok(not_after)
}

fn read_key(path: &Path, passphrase: &Secret) -> Result<KeyPair, Report> {
    let bytes = file::read(path, limits::MAX_IDENTITY_BYTES).map_err(|error| {
        failed(path, file::reason(&error)).hint(
            "a CA issues more certificates only if its key was kept: make a new set with \
             `certs --keep-ca`",
        )
    })?;
    let blocks = pem::blocks(&bytes).map_err(|error| failed(path, &error).hint(error.hint()))?;
    key::opened(&blocks, Some(passphrase), pair).map_err(|error| {
        let report = failed(path, error);
        // The hints of the others name flags of the bridge.
        match error {
            KeyError::WrongPassphrase => report.hint(error.hint()),
            _ => report,
        }
    })
}

fn pair(key: &PrivateKeyDer<'_>) -> Result<KeyPair, KeyError> {
    KeyPair::try_from(key).map_err(|_| KeyError::Unusable)
}

/// The issuer that signs under exactly the name and the key identifier of the certificate.
fn issuer(ca: &X509Certificate<'_>, pair: KeyPair) -> Option<Issuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(ca.subject())?;
    if let Some(id) = key_identifier(ca) {
        params.key_identifier_method = KeyIdMethod::PreSpecified(id);
    }
    // A name that comes out different would make certificates that nobody can verify.
    let again = params.self_signed(&pair).ok()?;
    let same = certificate::parse(again.der())?.subject().as_raw() == ca.subject().as_raw();
    same.then(|| Issuer::new(params, pair))
}

fn name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let mut copy = DistinguishedName::new();
    for attribute in name.iter_attributes() {
        let kind = DnType::from_oid(&attribute.attr_type().iter()?.collect::<Vec<_>>());
        let text = attribute.as_str().ok()?;
        let value = match attribute.attr_value().header.tag() {
            Tag::PrintableString => DnValue::PrintableString(text.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into().ok()?),
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            _ => return None,
        };
        copy.push(kind, value);
    }
    Some(copy)
}

fn key_identifier(ca: &X509Certificate<'_>) -> Option<Vec<u8>> {
    ca.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

fn failed(path: &Path, cause: impl std::fmt::Display) -> Report {
    Report::new(format!("cannot use the CA in `{}`", path.display())).cause(cause.to_string())
}
