//! A closed PKI: a CA, and the certificates that it issues.
//!
//! In memory for the demonstration and for tests; `certs` writes one out. P-256, X.509 version 3,
//! CA:FALSE and one purpose on leaves; serial numbers are random, so that two certificates of one
//! name differ.

mod kept;
mod profile;
mod sealed;
#[cfg(test)]
mod tests;

use std::path::Path;

use rcgen::ExtendedKeyUsagePurpose;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::limits;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::certificate;
use crate::tls::identity::Identity;
use crate::tls::issue::profile::Profile;
use crate::tls::issue::profile::failed;
use crate::tls::key;
use crate::tls::pem;
use crate::tls::pkcs12;

/// A CA. Its key leaves the memory by [`Authority::sealed_key`] alone.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// Of what it issues.
    profile: Profile,
}

/// A certificate and its key.
pub struct Issued {
    certificate: CertificateDer<'static>,
    key: Zeroizing<Vec<u8>>,
    key_pem: Zeroizing<String>,
}

impl Authority {
    /// Makes a CA of this name that lives for a day, as do its certificates.
    pub fn new(name: &str) -> Result<Self, Report> {
        Self::make(name, Profile::throw_away())
    }

    /// Makes a CA of this name that is valid for so many days, as are its certificates.
    pub fn lasting(name: &str, days: u32) -> Result<Self, Report> {
        Self::make(name, Profile::lasting(days))
    }

    /// Opens a CA that was kept: PEM files of its certificate and of its key. What it issues from
    /// now on is valid for so many days, or else for the usual time but not longer than the CA.
    ///
    /// # Errors
    ///
    /// The file that cannot be used and why: unreadable, damaged, another passphrase, expired, no
    /// CA, or a key that does not belong to the certificate. Or the CA ends before so many days.
    pub fn load(
        certificate: &Path,
        key: &Path,
        passphrase: &Secret,
        days: Option<u32>,
    ) -> Result<Self, Report> {
        let kept = kept::load(certificate, key, passphrase)?;
        if let Some(days) = days {
            profile::check_days(days, kept.not_after)?;
        }
        let profile = Profile::lasting(days.unwrap_or(limits::CERTIFICATE_DAYS));
        let profile = profile.until(kept.not_after);
        Ok(Self { certificate: kept.certificate, issuer: kept.issuer, profile })
    }

    /// A server certificate for these DNS names and IP addresses; the first one, if it is not too
    /// long for that, is the common name too.
    pub fn server(&self, names: &[&str]) -> Result<Issued, Report> {
        let first = names.first().filter(|name| name.len() <= limits::MAX_COMMON_NAME);
        let common_name = first.copied().unwrap_or("server");
        self.issue(common_name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate for this common name.
    pub fn client(&self, common_name: &str) -> Result<Issued, Report> {
        self.issue(common_name, &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// The CA certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem::text("CERTIFICATE", &self.certificate)
    }

    /// The CA certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The key of the CA as encrypted PKCS#8 in PEM, for [`Authority::load`].
    pub fn sealed_key(&self, passphrase: &Secret) -> Result<Zeroizing<String>, Report> {
        sealed::seal(self.issuer.key().serialized_der(), passphrase)
    }

    /// The last day of what it issues from now on, as in `2035-11-19`.
    pub fn last_day(&self) -> String {
        let end = certificate::utc(self.profile.not_after());
        end.split(' ').next().unwrap_or_default().to_owned()
    }

    fn make(name: &str, profile: Profile) -> Result<Self, Report> {
        let params = profile.authority(name)?;
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed(&error))?.der().clone();
        Ok(Self { certificate, issuer: Issuer::new(params, key), profile })
    }

    fn issue(
        &self,
        common_name: &str,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Issued, Report> {
        let params = self.profile.leaf(common_name, names, purpose)?;
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| failed(&error))?;
        Ok(Issued {
            certificate: certificate.der().clone(),
            key: Zeroizing::new(key.serialize_der()),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }
}

impl Issued {
    /// The certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem::text("CERTIFICATE", &self.certificate)
    }

    /// The private key as PKCS#8 PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Certificate, key and CA as one PKCS#12 file, under this name in the lists of key stores.
    pub fn pkcs12(
        &self,
        name: &str,
        authority: &Authority,
        passphrase: &Secret,
    ) -> Result<Zeroizing<Vec<u8>>, Report> {
        let chain = [&*self.certificate, &*authority.certificate];
        pkcs12::write(name, &self.key, &chain, passphrase)
            .map_err(|error| Report::new("cannot make a PKCS#12 file").cause(error.to_string()))
    }

    /// Ready for a handshake.
    pub(super) fn identity(&self) -> Result<Identity, Report> {
        let failed = || Report::new("cannot use a certificate made in memory");
        let key = key::from_pkcs8(&self.key).map_err(|error| failed().cause(error.to_string()))?;
        Identity::assemble(key, std::slice::from_ref(&self.certificate), "memory")
            .ok_or_else(failed)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(***)")
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issued(***)")
    }
}
