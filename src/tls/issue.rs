//! A throw-away PKI, made in memory: for the demonstration and for tests.
//!
//! P-256, X.509 version 3, CA:FALSE and one purpose on leaves; serial numbers come from the random
//! key, so that two certificates of one name differ.

use std::time::SystemTime;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::limits;
use crate::report::Report;
use crate::tls::identity::Identity;
use crate::tls::key;

/// A CA whose key never leaves the memory.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Issued {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: Zeroizing<Vec<u8>>,
    key_pem: Zeroizing<String>,
}

impl Authority {
    /// Makes a CA of this name; it may not have a CA below it.
    pub fn new(name: &str) -> Result<Self, Report> {
        let mut params = params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(|error| report(&error))?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(|error| report(&error))?;
        Ok(Self { issuer })
    }

    /// A server certificate for these DNS names and IP addresses.
    pub fn server(&self, names: &[&str]) -> Result<Issued, Report> {
        let common_name = names.first().copied().unwrap_or("server");
        self.issue(common_name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate for this common name.
    pub fn client(&self, common_name: &str) -> Result<Issued, Report> {
        self.issue(common_name, &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// The CA certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The CA certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        self.issuer.der()
    }

    fn issue(
        &self,
        common_name: &str,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Issued, Report> {
        let mut params = params(common_name, names)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(|error| report(&error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| report(&error))?;
        Ok(Issued {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
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
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key as PKCS#8 PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Ready for a handshake.
    pub(super) fn identity(&self) -> Result<Identity, Report> {
        let failed = || Report::new("cannot use a certificate made in memory");
        let key = key::from_pkcs8(&self.key).map_err(|error| failed().cause(error.to_string()))?;
        Identity::assemble(key, std::slice::from_ref(&self.certificate), "memory")
            .ok_or_else(failed)
    }
}

fn params(common_name: &str, names: &[&str]) -> Result<CertificateParams, Report> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(|error| report(&error))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    params.not_before = (now - limits::THROW_AWAY_HEAD_START).into();
    params.not_after = (now + limits::THROW_AWAY_LIFETIME).into();
    Ok(params)
}

fn report(error: &rcgen::Error) -> Report {
    Report::new("cannot make a certificate").cause(error.to_string())
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

#[cfg(test)]
mod tests {
    use super::Authority;
    use crate::tls::certificate;

    #[test]
    fn leaves_are_of_version_3_with_one_purpose_and_no_ca() {
        let authority = Authority::new("test CA").unwrap();
        let server = authority.server(&["a.example", "127.0.0.1"]).unwrap();
        let client = authority.client("dev").unwrap();
        for (issued, is_server) in [(&server, true), (&client, false)] {
            let leaf = certificate::parse(issued.certificate_der()).unwrap();
            assert_eq!(certificate::version(&leaf), 3);
            assert!(!leaf.is_ca());
            assert_eq!(certificate::issuer(&leaf), "CN=test CA");
            assert!(leaf.raw_serial().len() >= 16);
            let usage = leaf.extended_key_usage().unwrap().unwrap().value;
            assert_eq!((usage.server_auth, usage.client_auth), (is_server, !is_server));
            assert!(issued.key_pem().contains("BEGIN PRIVATE KEY"));
        }
        let leaf = certificate::parse(server.certificate_der()).unwrap();
        assert_eq!(certificate::names(&leaf), ["a.example", "127.0.0.1"]);
        let leaf = certificate::parse(client.certificate_der()).unwrap();
        assert_eq!(certificate::subject(&leaf), "CN=dev");
    }

    #[test]
    fn the_ca_may_have_no_ca_below_it() {
        let authority = Authority::new("test CA").unwrap();
        let ca = certificate::parse(authority.certificate_der()).unwrap();
        assert!(certificate::is_self_issued(&ca));
        let constraints = ca.basic_constraints().unwrap().unwrap().value;
        assert_eq!((constraints.ca, constraints.path_len_constraint), (true, Some(0)));
    }

    #[test]
    fn debug_shows_no_key() {
        let authority = Authority::new("test CA").unwrap();
        let client = authority.client("dev").unwrap();
        assert_eq!(format!("{authority:?} {client:?}"), "Authority(***) Issued(***)");
    }
}
