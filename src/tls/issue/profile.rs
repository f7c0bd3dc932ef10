//! What all certificates of one authority have in common.

use std::time::Duration;
use std::time::SystemTime;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyUsagePurpose;
use rcgen::SerialNumber;
use rustls::crypto::aws_lc_rs::default_provider;

use crate::limits;
use crate::report::Report;
use crate::tls::certificate;

/// The organisation in the names of certificates that outlive the process, so that people see where
/// they come from.
const ORGANIZATION: &str = "mcp-secure-remote";
const DAY: u64 = 24 * 60 * 60;

/// From when to when certificates are valid, and how their names end.
#[derive(Clone, Copy)]
pub(super) struct Profile {
    organization: Option<&'static str>,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// Whether a CA with this end may issue certificates for so many days. The day on which it was made
/// counts as whole.
///
/// # Errors
/// It ends before that.
pub(super) fn check_days(days: u32, end: SystemTime) -> Result<(), Report> {
    let left = end.duration_since(SystemTime::now()).unwrap_or_default().as_secs();
    if u64::from(days) <= left.div_ceil(DAY) {
        return Ok(());
    }
    let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let end = certificate::utc(i64::try_from(end).unwrap_or(i64::MAX));
    Err(Report::new(format!("no certificate of this CA can be valid for {days} days"))
        .cause(format!("the CA itself ends on {end}"))
        .hint(match left / DAY {
            0 => "leave out `--days`: then the certificate ends with its CA".to_owned(),
            most => format!("pass at most `--days {most}`, or leave it out to end with the CA"),
        }))
}

impl Profile {
    /// For a demonstration or a test: worthless by tomorrow.
    pub(super) fn throw_away() -> Self {
        Self::new(None, limits::THROW_AWAY_LIFETIME)
    }

    /// For use.
    pub(super) fn lasting(days: u32) -> Self {
        Self::new(Some(ORGANIZATION), Duration::from_secs(u64::from(days) * DAY))
    }

    /// The same, but not beyond `end`: nobody accepts a certificate after its CA has expired.
    pub(super) fn until(mut self, end: SystemTime) -> Self {
        self.not_after = self.not_after.min(end);
        self
    }

    /// The end of validity in seconds since 1970.
    pub(super) fn not_after(&self) -> i64 {
        let since = self.not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    /// A CA of this name; it may not have a CA below it.
    pub(super) fn authority(&self, name: &str) -> Result<CertificateParams, Report> {
        let mut params = self.params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(params)
    }

    /// A certificate of this common name for these DNS names and addresses, and for one purpose.
    pub(super) fn leaf(
        &self,
        common_name: &str,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<CertificateParams, Report> {
        let mut params = self.params(common_name, names)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    fn new(organization: Option<&'static str>, lifetime: Duration) -> Self {
        let now = SystemTime::now();
        let not_before = now - limits::CERTIFICATE_HEAD_START;
        Self { organization, not_before, not_after: now + lifetime }
    }

    fn params(&self, common_name: &str, names: &[&str]) -> Result<CertificateParams, Report> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        if let Some(organization) = self.organization {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        params.not_before = self.not_before.into();
        params.not_after = self.not_after.into();
        params.serial_number = Some(serial_number()?);
        Ok(params)
    }
}

/// What rcgen could not do.
pub(super) fn failed(error: &rcgen::Error) -> Report {
    Report::new("cannot make a certificate").cause(error.to_string())
}

/// Bytes from the random source of the TLS library.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Report> {
    let mut bytes = [0; N];
    let random = default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| Report::new("cannot get random numbers"))?;
    Ok(bytes)
}

/// The leading one keeps the number positive and its length the same (RFC 5280, section 4.1.2.2).
fn serial_number() -> Result<SerialNumber, Report> {
    let mut bytes = vec![1];
    bytes.extend(random::<{ limits::SERIAL_BYTES }>()?);
    Ok(bytes.into())
}
