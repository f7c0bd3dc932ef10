//! Who a client is, read out of its certificate once for each connection.

use std::fmt;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::AttributeTypeAndValue;

use crate::tls::certificate;
use crate::tls::fingerprint::Fingerprint;

/// A certificate that a client has proved to hold, as plain data. What the names mean is for
/// others to decide: they are as the CA wrote them, control characters and all.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The SHA-256 hash of the certificate.
    pub fingerprint: Fingerprint,
    /// The whole subject, fit to be shown.
    pub subject: String,
    /// The common names of the subject: mostly one.
    pub common_names: Vec<String>,
    /// The organizational units of the subject.
    pub organizational_units: Vec<String>,
    /// The DNS names of the subject alternative name.
    pub dns_names: Vec<String>,
    /// The URIs of the subject alternative name, such as a SPIFFE id.
    pub uris: Vec<String>,
    /// The serial number as hexadecimal digits.
    pub serial: String,
    /// The end of validity in seconds since 1970.
    pub not_after: i64,
    /// What the client sent, the certificate itself first, to be judged again after a reload.
    chain: Vec<CertificateDer<'static>>,
}

impl ClientCertificate {
    /// Out of what a client sent, the leaf first. `None` if it cannot be read.
    pub(super) fn from_chain(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let leaf = certificate::parse(chain.first()?)?;
        let names = alternative_names(&leaf);
        let subject = leaf.subject();
        Some(Self {
            fingerprint: Fingerprint::of(chain.first()?)?,
            subject: certificate::subject(&leaf),
            common_names: subject.iter_common_name().map(text).collect(),
            organizational_units: subject.iter_organizational_unit().map(text).collect(),
            dns_names: names.iter().filter_map(dns_name).collect(),
            uris: names.iter().filter_map(uri).collect(),
            serial: hex(leaf.raw_serial()),
            not_after: leaf.validity().not_after.timestamp(),
            chain: chain.iter().map(|der| der.clone().into_owned()).collect(),
        })
    }

    /// Out of a certificate alone, as DER; any version of X.509.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::from_chain(&[CertificateDer::from(der)])
    }

    /// The certificate and what came with it.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }
}

/// Without the chain, which nobody can read.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("fingerprint", &self.fingerprint)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The value of an attribute by its characters, whichever type of string holds them. What is no
/// string becomes `#` and its bytes (RFC 4514 section 2.4): it must count as a value all the same,
/// or a second common name could hide in it.
fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let bytes = attribute.as_slice();
    let text = match attribute.attr_value().tag() {
        Tag::BmpString => bmp_string(bytes),
        _ => attribute.as_str().ok().map(str::to_owned),
    };
    text.unwrap_or_else(|| format!("#{}", hex(bytes)))
}

/// Two bytes a character, the higher one first.
fn bmp_string(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

fn alternative_names<'a>(certificate: &'a X509Certificate<'_>) -> &'a [GeneralName<'a>] {
    // Two such extensions are an error, and so nobody's names.
    match certificate.subject_alternative_name() {
        Ok(Some(extension)) => &extension.value.general_names,
        _ => &[],
    }
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }
}

fn uri(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::URI(uri) = name { Some((*uri).to_owned()) } else { None }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;
    use rcgen::DistinguishedName;
    use rcgen::DnType;
    use rcgen::DnValue;
    use rcgen::KeyPair;
    use rcgen::SanType;
    use rcgen::SerialNumber;

    use super::ClientCertificate;
    use super::bmp_string;

    fn issue(change: impl FnOnce(&mut CertificateParams)) -> ClientCertificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        ClientCertificate::from_der(certificate.der()).unwrap()
    }

    #[test]
    fn every_name_is_read_as_it_was_written() {
        let certificate = issue(|params| {
            params.distinguished_name.push(DnType::CommonName, "dev\n1");
            params.distinguished_name.push(DnType::OrganizationalUnitName, "pilots");
            params.subject_alt_names = vec![
                SanType::DnsName("a.example".try_into().unwrap()),
                SanType::URI("spiffe://prod/web".try_into().unwrap()),
                SanType::IpAddress([127, 0, 0, 1].into()),
            ];
            params.serial_number = Some(SerialNumber::from(vec![1, 0xfe]));
        });
        assert_eq!(certificate.common_names, ["dev\n1"]);
        assert_eq!(certificate.organizational_units, ["pilots"]);
        assert_eq!(certificate.dns_names, ["a.example"]);
        assert_eq!(certificate.uris, ["spiffe://prod/web"]);
        assert_eq!(certificate.serial, "01fe");
        assert!(!certificate.subject.contains('\n'), "{}", certificate.subject);
        assert_eq!(certificate.fingerprint.to_string().len(), 64);
    }

    #[test]
    fn a_name_is_the_same_in_every_type_of_string() {
        let values = [
            DnValue::Utf8String("dev".to_owned()),
            DnValue::PrintableString("dev".try_into().unwrap()),
            DnValue::BmpString("dev".try_into().unwrap()),
        ];
        for value in values {
            let certificate = issue(|params| {
                params.distinguished_name.push(DnType::CommonName, value);
            });
            assert_eq!(certificate.common_names, ["dev"]);
        }
    }

    #[test]
    fn a_value_that_is_no_text_counts_as_a_value() {
        let certificate = issue(|params| {
            let value = DnValue::TeletexString("dev".try_into().unwrap());
            params.distinguished_name.push(DnType::CommonName, value);
        });
        assert_eq!(certificate.common_names, ["#646576"]);
        assert_eq!(bmp_string(&[0, b'a', 0]), None);
        assert_eq!(bmp_string(&[0xd8, 0]), None);
    }

    #[test]
    fn what_is_no_certificate_is_nobody() {
        assert_eq!(ClientCertificate::from_der(b"dev"), None);
        assert_eq!(ClientCertificate::from_chain(&[]), None);
    }
}
