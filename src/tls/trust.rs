//! Whom we trust: roots of the system, roots of `--tls-ca`, and revocation lists.

use std::path::Path;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::CertificateRevocationListDer;

use crate::limits;
use crate::report::Report;
use crate::tls::certificate;
use crate::tls::file;
use crate::tls::pem;

/// The certificates of a `--tls-ca` file.
pub(super) fn load_ca(path: &Path) -> Result<Vec<CertificateDer<'static>>, Report> {
    let failed = |cause: String| {
        Report::new(format!("Unable to load CA bundle at '{}'", path.display())).cause(cause)
    };
    let bytes = file::read(path, limits::MAX_TRUST_BYTES).map_err(|error| {
        failed(file::reason(&error)).hint("check the path given with `--tls-ca`")
    })?;
    let certificates = certificate::from_file(&bytes).map_err(|error| {
        failed(error.to_string())
            .hint("pass a PEM file with the certificates of the CAs, and nothing damaged in it")
    })?;
    roots(&certificates).map_err(|error| failed(error.to_string()))?;
    Ok(certificates)
}

/// All revocation lists, each file named in its own error.
pub(super) fn load_crls(
    paths: &[PathBuf],
) -> Result<Vec<CertificateRevocationListDer<'static>>, Report> {
    let mut lists = Vec::new();
    for path in paths {
        lists.extend(load_crl(path)?);
    }
    Ok(lists)
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
    let failed = |cause: String| {
        Report::new(format!("Unable to load CRL at '{}'", path.display())).cause(cause)
    };
    let bytes = file::read(path, limits::MAX_TRUST_BYTES).map_err(|error| {
        failed(file::reason(&error)).hint("check the path given with `--tls-crl`")
    })?;
    let lists = crl_ders(&bytes).map_err(|error| failed(error.to_string()))?;
    let damaged = || {
        failed("it holds no readable revocation list".to_owned())
            .hint("pass a CRL of version 2 in PEM or DER, as `openssl ca -gencrl` writes it")
    };
    if lists.is_empty() || !lists.iter().all(|list| is_crl(list)) {
        return Err(damaged());
    }
    Ok(lists)
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
