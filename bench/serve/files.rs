//! Certificates: made once a run, read by all servers and clients.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mcp_secure_remote::report::Report;
use mcp_secure_remote::tls::Authority;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;

use crate::run::Fault;

/// Makes a folder with `ca.pem`, and PEM files of `server` and `client`.
pub(crate) fn make() -> Result<TempDir, Fault> {
    let fault = |report: Report| report.to_string();
    let folder = tempfile::tempdir()?;
    let authority = Authority::new("bench CA").map_err(fault)?;
    let server = authority.server(&["127.0.0.1"]).map_err(fault)?;
    let client = authority.client("bench").map_err(fault)?;
    fs::write(folder.path().join("ca.pem"), authority.certificate_pem())?;
    for (name, issued) in [("server", server), ("client", client)] {
        fs::write(folder.path().join(name).with_extension("pem"), issued.certificate_pem())?;
        fs::write(folder.path().join(name).with_extension("key"), issued.key_pem())?;
    }
    Ok(folder)
}

/// The server side of mutual TLS, as bare as it gets.
pub(crate) fn acceptor(folder: &Path) -> Result<TlsAcceptor, Fault> {
    use_aws_lc_rs();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots(folder)?)).build()?;
    let (chain, key) = identity(folder, "server")?;
    let mut config =
        ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // As the program does: tickets would be work that it does not have.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The client side: each handshake is a full one.
pub(crate) fn connector(folder: &Path, protocol: &[u8]) -> Result<TlsConnector, Fault> {
    use_aws_lc_rs();
    let (chain, key) = identity(folder, "client")?;
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots(folder)?)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn use_aws_lc_rs() {
    // Fails only where there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn roots(folder: &Path) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem"))?)?;
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(folder: &Path, name: &str) -> Result<Identity, Fault> {
    let file = |kind| folder.join(name).with_extension(kind);
    let leaf = CertificateDer::from_pem_file(file("pem"))?;
    Ok((vec![leaf], PrivateKeyDer::from_pem_file(file("key"))?))
}
