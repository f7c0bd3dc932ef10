//! Whom we trust: roots of the system, roots of `--tls-ca`, and revocation lists.

use std::path::Path;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::VerifierBuilderError;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::CertificateRevocationListDer;

use crate::limits;
use crate::report::Report;
use crate::tls::certificate;
use crate::tls::file;
use crate::tls::pem;

/// The certificates of the file of CAs that was given with `flag`.
pub(super) fn load_ca(path: &Path, flag: &str) -> Result<Vec<CertificateDer<'static>>, Report> {
    let failed = |cause: String| {
        Report::new(format!("Unable to load CA bundle at '{}'", path.display())).cause(cause)
    };
    let bytes = file::read(path, limits::MAX_TRUST_BYTES)
        .map_err(|error| failed(file::reason(&error)).hint(file::check(flag, path, &error)))?;
    let certificates = certificate::from_file(&bytes).map_err(|error| {
        failed(error.to_string())
            .hint("pass a PEM file with the certificates of the CAs, and nothing damaged in it")
    })?;
    roots(&certificates).map_err(|error| failed(error.to_string()))?;
    Ok(certificates)
}

/// A revocation list and the file that it came from.
#[derive(Debug)]
pub(super) struct RevocationList {
    pub(super) der: CertificateRevocationListDer<'static>,
    path: PathBuf,
}

impl RevocationList {
    /// The file, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// When the next list is due, in seconds since 1970; some lists do not say.
    pub(super) fn next_update(&self) -> Option<i64> {
        let (_, list) = x509_parser::parse_x509_crl(&self.der).ok()?;
        Some(list.next_update()?.timestamp())
    }

    /// Whether the CA with this certificate has issued and signed the list. A list that is not
    /// signed with the present key covers nobody: a CA made anew under its old name has such.
    pub(super) fn is_of(
        &self,
        ca: &CertificateDer<'_>,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> bool {
        let (Ok((_, list)), Some(ca)) =
            (x509_parser::parse_x509_crl(&self.der), certificate::parse(ca))
        else {
            return false;
        };
        let (content, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
        // Which one it is does not matter: a signature that holds by any of them is one.
        let signed = || {
            let key = certificate::public_key(&ca);
            algorithms.all.iter().any(|it| it.verify_signature(key, content, signature).is_ok())
        };
        list.issuer().as_raw() == ca.subject().as_raw() && signed()
    }
}

/// All revocation lists, each file named in its own error.
pub(super) fn load_crls(paths: &[PathBuf]) -> Result<Vec<RevocationList>, Report> {
    let mut lists = Vec::new();
    for path in paths {
        let found = load_crl(path)?.into_iter();
        lists.extend(found.map(|der| RevocationList { der, path: path.clone() }));
    }
    Ok(lists)
}

/// Why nothing can be verified: a revocation list that is `broken`, or no root at all.
pub(super) fn report(error: &VerifierBuilderError, broken: Option<&RevocationList>) -> Report {
    match error {
        VerifierBuilderError::InvalidCrl(error) => broken
            .map_or_else(|| Report::new("Unable to load CRL"), |list| crl_report(&list.path))
            .cause(format!("the revocation list cannot be used: `{error:?}`"))
            .hint("pass full CRLs of version 2 with a CRL number and an authority key identifier"),
        _ => Report::new("no CA is trusted, so no server can be")
            .cause("no `--tls-ca` was given and the system has no CA certificates")
            .hint("pass the CA of the server with `--tls-ca`"),
    }
}

/// A root store of these certificates alone.
pub(super) fn roots(
    certificates: &[CertificateDer<'static>],
) -> Result<RootCertStore, rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone())?;
    }
    Ok(store)
}

/// Adds the roots of the system. It takes 3 ms of CPU, so it is done only when needed. What the
/// system has that we cannot read is left out, as everybody does.
pub(super) fn add_system_roots(store: &mut RootCertStore) {
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

fn load_crl(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Report> {
    let failed = |cause: String| crl_report(path).cause(cause);
    let bytes = file::read(path, limits::MAX_TRUST_BYTES).map_err(|error| {
        failed(file::reason(&error)).hint(file::check("--tls-crl", path, &error))
    })?;
    let lists = crl_ders(&bytes).map_err(|error| failed(error.to_string()).hint(error.hint()))?;
    let damaged = || {
        failed("it holds no readable revocation list".to_owned())
            .hint("pass a CRL of version 2 in PEM or DER, as `openssl ca -gencrl` writes it")
    };
    if lists.is_empty() || !lists.iter().all(|list| is_crl(list)) {
        return Err(damaged());
    }
    Ok(lists)
}

fn crl_report(path: &Path) -> Report {
    Report::new(format!("Unable to load CRL at '{}'", path.display()))
}

fn crl_ders(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, pem::PemError> {
    if !pem::is_pem(bytes) {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let blocks = pem::blocks(bytes)?;
    let lists = blocks.iter().filter(|block| block.label == "X509 CRL");
    Ok(lists.map(|block| block.der.to_vec().into()).collect())
}

fn is_crl(der: &CertificateRevocationListDer<'_>) -> bool {
    x509_parser::parse_x509_crl(der).is_ok_and(|(rest, _)| rest.is_empty())
}
