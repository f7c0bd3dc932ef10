//! What is read out of certificates: names, dates, public keys, and the order of a chain.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::report::peer_text;
use crate::tls::pem;
use crate::tls::pem::PemError;

/// Why a file gives no certificates.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateFileError {
    /// A block that does not parse.
    #[error("certificate number {0} in it is damaged")]
    Damaged(usize),
    /// Nothing of the kind in the file.
    #[error("it holds no certificate")]
    Missing,
    /// Not even PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
}

impl CertificateFileError {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "export the certificate anew",
            Self::Missing => "pass the file that begins with `-----BEGIN CERTIFICATE-----`",
            Self::Pem(error) => error.hint(),
        }
    }
}

/// The certificates of a PEM file, or the one of a DER file.
pub(super) fn from_file(
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, CertificateFileError> {
    if !pem::is_pem(bytes) {
        let der = parse(bytes).map(|_| CertificateDer::from(bytes.to_vec()));
        return der.map(|der| vec![der]).ok_or(CertificateFileError::Missing);
    }
    from_blocks(&pem::blocks(bytes)?)
}

/// The certificates among PEM blocks, in their order.
pub(super) fn from_blocks(
    blocks: &[pem::Block],
) -> Result<Vec<CertificateDer<'static>>, CertificateFileError> {
    let mut found = Vec::new();
    for block in blocks.iter().filter(|block| block.label.ends_with("CERTIFICATE")) {
        if parse(&block.der).is_none() {
            return Err(CertificateFileError::Damaged(found.len() + 1));
        }
        found.push(CertificateDer::from(block.der.to_vec()));
    }
    if found.is_empty() { Err(CertificateFileError::Missing) } else { Ok(found) }
}

/// Any version of X.509, also version 1. Bytes after it are refused.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// The bits of the public key. The rest of the structure may be written in several ways.
pub(super) fn public_key<'a>(certificate: &'a X509Certificate<'_>) -> &'a [u8] {
    &certificate.public_key().subject_public_key.data
}

/// The same bits out of a `SubjectPublicKeyInfo`.
pub(super) fn public_key_of_spki(der: &[u8]) -> Option<Vec<u8>> {
    let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
    Some(spki.subject_public_key.data.to_vec())
}

/// The version as people count: 1 or 3, where the encoding says 0 or 2.
pub(super) fn version(certificate: &X509Certificate<'_>) -> u32 {
    certificate.version().0.saturating_add(1)
}

/// Whether the certificate names itself as its issuer.
pub(super) fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == certificate.subject().as_raw()
}

/// Whether its signature is one of RSA: PKCS #1 is the arc of all of them (RFC 8017 appendix C).
pub(super) fn is_signed_by_rsa(certificate: &X509Certificate<'_>) -> bool {
    const PKCS1: &str = "1.2.840.113549.1.1.";
    certificate.signature_algorithm.algorithm.to_id_string().starts_with(PKCS1)
}

/// The subject, fit to be shown.
pub(super) fn subject(certificate: &X509Certificate<'_>) -> String {
    peer_text(&certificate.subject().to_string())
}

/// The issuer, fit to be shown.
pub(super) fn issuer(certificate: &X509Certificate<'_>) -> String {
    peer_text(&certificate.issuer().to_string())
}

/// The DNS names and IP addresses that the certificate is valid for, fit to be shown.
pub(super) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(shown_name).collect()
}

fn shown_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(peer_text(name)),
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                return Some(std::net::Ipv4Addr::from(v4).to_string());
            }
            let v6 = <[u8; 16]>::try_from(*bytes).ok()?;
            Some(std::net::Ipv6Addr::from(v6).to_string())
        }
        _ => None,
    }
}

/// The leaf and then each issuer that is among `pool`, whatever order they came in. A root is left
/// out: the peer has it or does not trust it.
pub(super) fn ordered_chain(
    leaf: CertificateDer<'static>,
    pool: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![leaf];
    while let Some(next) = chain.last().and_then(|last| issuer_in(last, pool)) {
        if chain.contains(next) {
            break; // two CAs that certify each other
        }
        chain.push(next.clone());
    }
    chain
}

fn issuer_in<'a>(
    child: &CertificateDer<'_>,
    pool: &'a [CertificateDer<'static>],
) -> Option<&'a CertificateDer<'static>> {
    let child = parse(child)?;
    pool.iter().find(|candidate| {
        parse(candidate).is_some_and(|candidate| {
            candidate.subject().as_raw() == child.issuer().as_raw() && !is_self_issued(&candidate)
        })
    })
}

/// A moment in seconds since 1970, as certificates count.
pub(super) fn since_1970(now: SystemTime) -> i64 {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Whole days from `now` to the end of validity; negative after it.
pub(super) fn days_left(not_after: i64, now: SystemTime) -> i64 {
    const SECONDS_A_DAY: i64 = 24 * 60 * 60;
    not_after.saturating_sub(since_1970(now)).div_euclid(SECONDS_A_DAY)
}

/// The warning about the end of validity of `what`, if that is past, or nearer than `soon`.
pub(super) fn expiry_warning(
    what: &str,
    not_after: i64,
    now: SystemTime,
    soon: Duration,
) -> Option<String> {
    let left = not_after - since_1970(now);
    let end = utc(not_after);
    if left < 0 {
        return Some(format!("{what} has expired on {end}"));
    }
    let soon = i64::try_from(soon.as_secs()).unwrap_or(i64::MAX);
    (left <= soon).then(|| format!("{what} expires on {end}"))
}

/// Seconds since 1970 as `2026-11-20 23:54:07 UTC`.
pub fn utc(seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(seconds) else {
        return format!("{seconds} seconds after 1970");
    };
    let time = time.to_datetime();
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::CertificateFileError;
    use super::from_file;
    use super::utc;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(1_795_219_199), "2026-11-20 23:59:59 UTC");
        assert_eq!(utc(i64::MAX), "9223372036854775807 seconds after 1970");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        for empty in [&b""[..], b"hello", b"-----BEGIN A-----\nAAEC\n-----END A-----\n"] {
            assert_eq!(from_file(empty).err(), Some(CertificateFileError::Missing));
        }
        let junk = b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
        assert_eq!(from_file(junk).err(), Some(CertificateFileError::Damaged(1)));
    }
}
