//! A closed PKI, made fresh for each remote.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertificateRevocationListParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyIdMethod;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::RevokedCertParams;
use rcgen::SerialNumber;
use tempfile::TempDir;

/// Certificate and key, as PEM files.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// The files of a PKI; they go away with it.
pub(crate) struct Pki {
    /// The authority that signed `server` and `client`.
    pub(crate) ca: PathBuf,
    /// For `localhost` and `127.0.0.1`.
    pub(crate) server: Identity,
    pub(crate) client: Identity,
    /// A client certificate of another authority.
    pub(crate) stranger: Identity,
    /// A client certificate that its authority has taken back.
    pub(crate) revoked: Identity,
    /// The list that says so.
    pub(crate) crl: PathBuf,
    pub(crate) folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (authority("test ca"), authority("another ca"));
        let write = |name: &str, text: String| {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap(); // as a key should be
            file
        };
        let identity = |name: &str, issuer: &Authority, purpose| {
            let (certificate, key) = leaf(name, issuer, purpose);
            Identity {
                certificate: write(&format!("{name}.crt"), certificate),
                key: write(&format!("{name}.key"), key),
            }
        };
        Self {
            ca: write("ca.crt", ours.pem()),
            server: identity("server", &ours, ExtendedKeyUsagePurpose::ServerAuth),
            client: identity("client", &ours, ExtendedKeyUsagePurpose::ClientAuth),
            stranger: identity("stranger", &theirs, ExtendedKeyUsagePurpose::ClientAuth),
            revoked: identity("revoked", &ours, ExtendedKeyUsagePurpose::ClientAuth),
            crl: write("ca.crl", revocations(&ours, "revoked")),
            folder,
        }
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The list of this authority, with the certificate of this name.
fn revocations(issuer: &Authority, name: &str) -> String {
    let revoked = RevokedCertParams {
        serial_number: serial(name),
        revocation_time: rcgen::date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2024, 1, 1),
        next_update: rcgen::date_time_ymd(2124, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}

/// The name itself, which no other certificate of the authority has.
fn serial(name: &str) -> SerialNumber {
    SerialNumber::from_slice(name.as_bytes())
}

/// The certificate and its key, both in PEM.
fn leaf(name: &str, issuer: &Authority, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(serial(name));
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}
