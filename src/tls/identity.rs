//! Who we are: a certificate chain and the key that signs for it.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::sign::SigningKey;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::limits;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::certificate;
use crate::tls::certificate::CertificateFileError;
use crate::tls::facts::CertificateFacts;
use crate::tls::facts::IdentityFacts;
use crate::tls::file;
use crate::tls::key;
use crate::tls::key::KeyError;
use crate::tls::notes;
use crate::tls::options::IdentitySource;
use crate::tls::pem;
use crate::tls::pem::Block;
use crate::tls::pkcs12;

/// A chain with its key, checked to belong together.
#[derive(Debug)]
pub(super) struct Identity {
    /// What rustls sends and signs with. [`CertifiedKey::new`] takes certificates of version 1,
    /// which `openssl x509 -req` writes by default; rustls' own constructor refuses them.
    certified: Arc<CertifiedKey>,
    /// The subject and the file, for messages: ``CN=dev from `client.crt` ``.
    pub(super) description: String,
    /// The file, in backticks.
    origin: String,
    /// The end of validity in seconds since 1970.
    pub(super) not_after: i64,
    /// How the file has the chain.
    written: Written,
    /// Who may do what with the file of the key.
    key_mode: Option<u32>,
    /// What is odd about the files, said once.
    pub(super) warnings: Vec<String>,
}

/// How the file has the chain that is sent.
#[derive(Clone, Copy, Debug)]
struct Written {
    reordered: bool,
    left_out: usize,
}

impl Written {
    fn of(chain: &[CertificateDer<'_>], certificates: &[CertificateDer<'_>]) -> Self {
        let place = |sent| certificates.iter().position(|it| it == sent);
        Self {
            reordered: !chain.iter().map(place).is_sorted(),
            left_out: certificates.len().saturating_sub(chain.len()),
        }
    }
}

impl Identity {
    /// Reads the files. Errors name the file and say what to do.
    pub(super) fn load(
        source: &IdentitySource,
        passphrase: Option<&Secret>,
    ) -> Result<Self, Report> {
        let mut identity = match source {
            IdentitySource::Pem { cert, key } => load_pem(cert, key, passphrase)?,
            IdentitySource::Pkcs12(path) => load_pkcs12(path, passphrase)?,
        };
        let key = source.paths().pop();
        identity.key_mode = key.and_then(mode);
        identity.warnings.extend(key.and_then(|key| exposed(key, identity.key_mode?)));
        Ok(identity)
    }

    /// Puts the certificate that belongs to the key first. `None` if none does.
    pub(super) fn assemble(
        key: Arc<dyn SigningKey>,
        certificates: &[CertificateDer<'static>],
        origin: &str,
    ) -> Option<Self> {
        let public = certificate::public_key_of_spki(&key.public_key()?)?;
        let leaf = certificates.iter().find(|der| {
            certificate::parse(der).is_some_and(|it| certificate::public_key(&it) == public)
        })?;
        let parsed = certificate::parse(leaf)?;
        let description = describe(&parsed, origin);
        let not_after = parsed.validity().not_after.timestamp();
        let chain = certificate::ordered_chain(leaf.clone(), certificates);
        let written = Written::of(&chain, certificates);
        let certified = Arc::new(CertifiedKey::new(chain, key));
        Some(Self {
            certified,
            description,
            origin: origin.to_owned(),
            not_after,
            written,
            key_mode: None,
            warnings: Vec::new(),
        })
    }

    /// The same for a server: only its errors have other words.
    pub(super) fn load_for_server(
        source: &IdentitySource,
        passphrase: Option<&Secret>,
    ) -> Result<Self, Report> {
        Self::load(source, passphrase).map_err(|report| match report.error.as_str() {
            UNUSABLE_CLIENT => {
                Report { error: "Unable to load server cert/key".to_owned(), ..report }
            }
            _ => report,
        })
    }

    /// What is to be known of it.
    pub(super) fn facts(&self) -> IdentityFacts {
        IdentityFacts {
            chain: CertificateFacts::of_chain(&self.certified.cert),
            origin: self.origin.clone(),
            reordered: self.written.reordered,
            left_out: self.written.left_out,
            key_mode: self.key_mode,
            warnings: self.warnings.clone(),
        }
    }

    /// The certificate itself, without its chain.
    pub(super) fn leaf(&self) -> Option<X509Certificate<'_>> {
        certificate::parse(self.certified.cert.first()?)
    }

    /// The warning about the end of validity, if it is near or past; `whose` is client or server.
    pub(super) fn expiry_warning(&self, whose: &str, now: SystemTime) -> Option<String> {
        let what = format!("the {whose} certificate {}", self.description);
        certificate::expiry_warning(&what, self.not_after, now, limits::EXPIRY_WARNING)
    }
}

impl ResolvesClientCert for Identity {
    /// Whatever CAs the server names: a server that lists them wrongly is more common than one
    /// that accepts a second certificate, and we have one only.
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        notes::asked(hints);
        Some(Arc::clone(&self.certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A client without a certificate, who notes that it was asked for one.
#[derive(Debug)]
pub(super) struct Nobody;

impl ResolvesClientCert for Nobody {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        notes::asked(hints);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified))
    }
}

/// Loads an identity out of bytes, PEM or PKCS#12, and forgets it: for fuzzing, and to say whether
/// a file is usable. The error is what the user would be told.
pub fn try_identity(bytes: &[u8], passphrase: Option<&Secret>) -> Result<(), Report> {
    let path = Path::new("memory");
    if pem::is_pem(bytes) {
        from_pem(path, bytes, path, bytes, passphrase).map(|_| ())
    } else {
        from_pkcs12(path, bytes, passphrase).map(|_| ())
    }
}

/// The version is named where it is an old one: many servers refuse it without saying why.
fn describe(certificate: &X509Certificate<'_>, origin: &str) -> String {
    let subject = certificate::subject(certificate);
    match certificate::version(certificate) {
        3 => format!("{subject} from {origin}"),
        old => format!("{subject} (X.509 version {old}) from {origin}"),
    }
}

fn load_pem(cert: &Path, key: &Path, passphrase: Option<&Secret>) -> Result<Identity, Report> {
    let cert_bytes = read_pem("--tls-cert", cert)?;
    if cert == key {
        // Read once: a pipe gives its bytes a single time.
        return from_pem(cert, &cert_bytes, key, &cert_bytes, passphrase);
    }
    from_pem(cert, &cert_bytes, key, &read_pem("--tls-key", key)?, passphrase)
}

fn read_pem(flag: &str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Report> {
    file::read(path, limits::MAX_IDENTITY_BYTES).map_err(|error| {
        pem_report(path, file::reason(&error)).hint(file::check(flag, path, &error))
    })
}

fn from_pem(
    cert_path: &Path,
    cert_bytes: &[u8],
    key_path: &Path,
    key_bytes: &[u8],
    passphrase: Option<&Secret>,
) -> Result<Identity, Report> {
    let certificates = certificate::from_file(cert_bytes)
        .map_err(|error| certificate_report(cert_path, cert_bytes, &error))?;
    let blocks = key_blocks(key_path, key_bytes)?;
    let key = key::from_blocks(&blocks, passphrase).map_err(|error| key_report(key_path, error))?;
    let origin = format!("`{}`", cert_path.display());
    Identity::assemble(key, &certificates, &origin)
        .ok_or_else(|| mismatch_report(cert_path, key_path))
}

fn key_blocks(path: &Path, bytes: &[u8]) -> Result<Vec<Block>, Report> {
    if !pem::is_pem(bytes) {
        return Err(pem_report(path, "it is not PEM").hint(
            "convert the key: `openssl pkey -inform DER -in OLD -out NEW`; a PKCS#12 file is \
             passed with `--tls-pfx`",
        ));
    }
    pem::blocks(bytes).map_err(|error| pem_report(path, &error).hint(error.hint()))
}

fn load_pkcs12(path: &Path, passphrase: Option<&Secret>) -> Result<Identity, Report> {
    let bytes = file::read(path, limits::MAX_IDENTITY_BYTES).map_err(|error| {
        Report::new(format!("Unable to load PKCS#12 bundle at '{}'", path.display()))
            .cause(file::reason(&error))
            .hint(file::check("--tls-pfx", path, &error))
    })?;
    from_pkcs12(path, &bytes, passphrase)
}

fn from_pkcs12(path: &Path, bytes: &[u8], passphrase: Option<&Secret>) -> Result<Identity, Report> {
    let undecodable =
        || Report::new(format!("Unable to decode PKCS#12 bundle at '{}'", path.display()));
    let bundle = pkcs12::open(bytes, passphrase)
        .map_err(|error| undecodable().cause(error.to_string()).hint(error.hint()))?;
    if bundle.keys.is_empty() || bundle.certificates.is_empty() {
        let missing = if bundle.keys.is_empty() { "private key" } else { "certificate" };
        return Err(Report::new(format!(
            "PKCS#12 bundle at '{}' contains no certificate or private key.",
            path.display()
        ))
        .cause(format!("it holds no {missing}"))
        .hint("export the certificate together with its private key"));
    }
    let origin = format!("`{}`", path.display());
    let mut unusable = None;
    for bag in &bundle.keys {
        match key::from_pkcs8(bag.key.as_der()) {
            Ok(key) => {
                if let Some(mut identity) = Identity::assemble(key, &bundle.certificates, &origin) {
                    identity.warnings = bundle_warnings(&bundle, path);
                    return Ok(identity);
                }
            }
            Err(error) => unusable = Some(error),
        }
    }
    Err(match unusable {
        Some(error) => undecodable().cause(error.to_string()).hint(error.hint()),
        None => undecodable()
            .cause("its private key does not belong to any of its certificates")
            .hint("export the certificate together with its own private key"),
    })
}

fn bundle_warnings(bundle: &pkcs12::Bundle, path: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    if bundle.without_mac {
        warnings
            .push(format!("`{}` has no MAC: nothing shows whether it was altered", path.display()));
    }
    if bundle.keys.len() > 1 {
        warnings.push(format!(
            "`{}` holds {} private keys: the first one with a certificate is used",
            path.display(),
            bundle.keys.len()
        ));
    }
    warnings
}

/// The words that the users of the original know.
const UNUSABLE_CLIENT: &str = "Unable to load client cert/key";

fn pem_report(path: &Path, cause: impl std::fmt::Display) -> Report {
    Report::new(UNUSABLE_CLIENT).cause(format!("`{}`: {cause}", path.display()))
}

fn certificate_report(path: &Path, bytes: &[u8], error: &CertificateFileError) -> Report {
    // 0x30 opens every PKCS#12 file; a DER certificate was tried before.
    let is_der = bytes.first() == Some(&0x30);
    pem_report(path, error).hint(match error {
        CertificateFileError::Missing if is_der => {
            "if it is a PKCS#12 file, pass it with `--tls-pfx`"
        }
        other => other.hint(),
    })
}

fn key_report(path: &Path, error: KeyError) -> Report {
    pem_report(path, error).hint(error.hint())
}

fn mismatch_report(cert: &Path, key: &Path) -> Report {
    Report::new(UNUSABLE_CLIENT)
        .cause(format!(
            "the private key in `{}` does not belong to the certificate in `{}` (`KeyMismatch`)",
            key.display(),
            cert.display()
        ))
        .hint("pass the key that the certificate was requested with")
}

/// A private key that other users of the machine can read is hardly private.
fn exposed(path: &Path, mode: u32) -> Option<String> {
    const OTHERS_READ: u32 = 0o044;
    (mode & OTHERS_READ != 0).then(|| {
        format!(
            "the private key file `{}` can be read by other users (mode {mode:03o}): `chmod 600` \
             it",
            path.display(),
        )
    })
}

/// Who may read, write and run a file, as `chmod` has it.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

/// Windows keeps access lists; its default for a user's own folder is private.
#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}
