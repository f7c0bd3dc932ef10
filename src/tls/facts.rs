//! What a handshake and its certificates tell, as plain data fit to be shown.

use std::time::Duration;
use std::time::SystemTime;

use rustls::ProtocolVersion;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use crate::limits;
use crate::report::peer_text;
use crate::tls::certificate;
use crate::tls::fingerprint::Fingerprint;

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// DNS names and addresses of the subject alternative name.
    pub names: Vec<String>,
    /// The beginning of validity in seconds since 1970.
    pub not_before: i64,
    /// The end of validity in seconds since 1970.
    pub not_after: i64,
    /// Kind and size of the key, as in `RSA 2048` or `P-256`.
    pub key: String,
    /// The version of X.509 as people count: 1 or 3.
    pub version: u32,
    /// Whether it is marked as that of a CA.
    pub is_ca: bool,
    /// The purposes of the extended key usage; `None` where it is not limited.
    pub purposes: Option<Vec<String>>,
    /// The SHA-256 hash.
    pub fingerprint: String,
}

impl CertificateFacts {
    /// Out of DER; `None` if it cannot be read.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let parsed = certificate::parse(der)?;
        Some(Self {
            subject: certificate::subject(&parsed),
            issuer: certificate::issuer(&parsed),
            names: certificate::names(&parsed),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            key: key(&parsed),
            version: certificate::version(&parsed),
            is_ca: parsed.is_ca(),
            purposes: purposes(&parsed),
            fingerprint: Fingerprint::of(der).map(|it| it.to_string()).unwrap_or_default(),
        })
    }

    /// Those that can be read of a chain.
    pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Vec<Self> {
        chain.iter().filter_map(|der| Self::read(der)).collect()
    }

    /// Whole days from `now` to the end of validity; negative after it.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        certificate::days_left(self.not_after, now)
    }

    /// The warning about the end of validity of `what` this is, if that is past, or nearer than `soon`.
    pub fn expiry_warning(&self, what: &str, now: SystemTime, soon: Duration) -> Option<String> {
        certificate::expiry_warning(what, self.not_after, now, soon)
    }

    /// Whether it is not valid yet.
    pub fn is_too_early(&self, now: SystemTime) -> bool {
        self.not_before > certificate::since_1970(now)
    }

    /// Whether it is not valid any more.
    pub fn has_ended(&self, now: SystemTime) -> bool {
        self.not_after < certificate::since_1970(now)
    }

    /// Whether this purpose, such as `clientAuth`, is not ruled out.
    pub fn is_for(&self, purpose: &str) -> bool {
        let fits = |it: &String| it == purpose || it == "any";
        self.purposes.as_ref().is_none_or(|purposes| purposes.iter().any(fits))
    }

    /// Whether the key is of RSA and smaller than [`limits::RSA_KEY_BITS`].
    pub fn has_weak_key(&self) -> bool {
        let bits = self.key.strip_prefix("RSA ").and_then(|bits| bits.parse::<usize>().ok());
        bits.is_some_and(|bits| bits < limits::RSA_KEY_BITS)
    }
}

/// Who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityFacts {
    /// The certificate and what is sent with it.
    pub chain: Vec<CertificateFacts>,
    /// The file, in backticks.
    pub origin: String,
    /// Whether the file has the chain in another order than that in which it is sent.
    pub reordered: bool,
    /// How many certificates of the file are not sent, being none of the chain, or its root.
    pub left_out: usize,
    /// Who may do what with the file of the key, as `chmod` has it; `None` on Windows.
    pub key_mode: Option<u32>,
    /// What is odd about the files.
    pub warnings: Vec<String>,
}

impl IdentityFacts {
    /// The subject and the file: ``CN=dev from `client.crt` ``.
    pub fn shown(&self) -> String {
        let subject = self.chain.first().map_or("a certificate", |leaf| &leaf.subject);
        format!("{subject} from {}", self.origin)
    }
}

/// A handshake that succeeded, as far as this side can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Option<&'static str>,
    /// The cipher suite, by its name in the RFCs.
    pub cipher: Option<String>,
    /// The group of the key exchange.
    pub group: Option<String>,
    /// The application protocol that both agreed on (RFC 7301).
    pub alpn: Option<String>,
    /// What the server presented, its own certificate first.
    pub chain: Vec<CertificateFacts>,
    /// Whether the server asked for a client certificate.
    pub asked: Option<Asked>,
    /// The name that was sent to the server (RFC 6066 section 3); none where it is an address.
    pub sni: Option<String>,
    /// Why the server is trusted or not, as far as that was judged.
    pub trust: Option<Trust>,
}

/// Why a server is trusted, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its certificate was refused.
    Refused,
    /// Its own certificate stands in `--tls-ca`.
    Pinned,
    /// By this CA, which stands in `--tls-ca`.
    Given(String),
    /// By this CA, which the system trusts.
    System(String),
    /// It is not: nothing was verified.
    Unverified,
}

/// The server asked for a client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    // As they came: there may be hundreds, and mostly nobody reads them.
    issuers: Vec<Box<[u8]>>,
}

impl Asked {
    pub(super) fn of(hints: &[&[u8]]) -> Self {
        Self { issuers: hints.iter().map(|der| Box::from(*der)).collect() }
    }

    /// The CAs that it accepts; none where it does not say.
    pub fn issuers(&self) -> Vec<String> {
        self.issuers.iter().filter_map(|der| name(der)).collect()
    }
}

impl HandshakeFacts {
    pub(super) fn of(connection: &rustls::CommonState, asked: Option<Asked>) -> Self {
        let text = |bytes: &[u8]| peer_text(&String::from_utf8_lossy(bytes));
        Self {
            version: connection.protocol_version().and_then(version),
            cipher: connection
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name())),
            alpn: connection.alpn_protocol().map(text),
            chain: connection
                .peer_certificates()
                .map(CertificateFacts::of_chain)
                .unwrap_or_default(),
            asked,
            sni: None,
            trust: None,
        }
    }
}

fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

fn name(der: &[u8]) -> Option<String> {
    let (_, name) = X509Name::from_der(der).ok()?;
    Some(peer_text(&name.to_string()))
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => match point.key_size() {
            // The point is stored in whole bytes.
            256 => "P-256".to_owned(),
            384 => "P-384".to_owned(),
            521 | 528 => "P-521".to_owned(),
            bits => format!("EC {bits}"),
        },
        Ok(PublicKey::DSA(_)) => "DSA".to_owned(),
        _ => {
            let algorithm = certificate.public_key().algorithm.algorithm.to_id_string();
            // RFC 8410 section 3.
            if algorithm == "1.3.101.112" { "Ed25519".to_owned() } else { algorithm }
        }
    }
}

fn purposes(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let usage = certificate.extended_key_usage().ok()??.value;
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let known = known.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned());
    Some(known.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect())
}
