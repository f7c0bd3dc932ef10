//! One configuration of a server, out of its files.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::report::Report;
use crate::tls::certificate;
use crate::tls::identity::Identity;
use crate::tls::options::MinVersion;
use crate::tls::options::ServerOptions;
use crate::tls::server::gate::Gate;
use crate::tls::stream::Alpn;
use crate::tls::trust;
use crate::tls::trust::RevocationList;

/// What new handshakes are made with.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) identity: Arc<Identity>,
    /// `None` asks no client for a certificate.
    pub(super) gate: Option<Arc<Gate>>,
    crls: Vec<RevocationList>,
    allow_expired_crl: bool,
    /// What is odd about the files, said once.
    warnings: Vec<String>,
}

impl Loaded {
    pub(super) fn from_files(options: &ServerOptions, alpn: Alpn) -> Result<Self, Report> {
        let identity = Identity::load_for_server(&options.identity, options.passphrase.as_ref())?;
        let ca = options.client_ca.as_deref().map(load_authorities).transpose()?;
        let crls = trust::load_crls(&options.crls)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = &provider.signature_verification_algorithms;
        let uncovered = check_cover(ca.as_deref(), &crls, algorithms)?;
        let gate = match &ca {
            Some(ca) => Some(Gate::new(&provider, roots(ca)?, &crls, options.allow_expired_crl)?),
            None => None,
        };
        let mut loaded = Self::new(provider, identity, gate, options.min_version, alpn)?;
        loaded.warnings.extend(uncovered);
        Ok(Self { crls, allow_expired_crl: options.allow_expired_crl, ..loaded })
    }

    /// With a client CA made in this process.
    pub(super) fn in_memory(
        identity: Identity,
        ca: CertificateDer<'static>,
        alpn: Alpn,
    ) -> Result<Self, Report> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let gate = Gate::new(&provider, roots(&[ca])?, &[], false)?;
        Self::new(provider, identity, Some(gate), MinVersion::default(), alpn)
    }

    fn new(
        provider: Arc<CryptoProvider>,
        identity: Identity,
        gate: Option<Gate>,
        min_version: MinVersion,
        alpn: Alpn,
    ) -> Result<Self, Report> {
        let (identity, gate) = (Arc::new(identity), gate.map(Arc::new));
        let config = config(provider, &identity, gate.as_ref(), min_version, alpn)?;
        let mut warnings = identity.warnings.clone();
        warnings.extend(identity.leaf().iter().flat_map(|leaf| useless(leaf, &identity)));
        let config = Arc::new(config);
        Ok(Self { config, identity, gate, crls: Vec::new(), allow_expired_crl: false, warnings })
    }

    /// What the user should know at start and once a day.
    pub(super) fn warnings(&self, now: SystemTime) -> Vec<String> {
        let expiry = self.identity.expiry_warning("server", now);
        let now = certificate::since_1970(now);
        let overdue = self.crls.iter().filter_map(|crl| {
            let due = crl.next_update().filter(|due| *due < now)?;
            let then = if self.allow_expired_crl {
                "it is used all the same"
            } else {
                "all clients of its CA are refused"
            };
            Some(format!(
                "the successor of the revocation list `{}` was due on {}: {then}",
                crl.path().display(),
                certificate::utc(due)
            ))
        });
        expiry.into_iter().chain(overdue).chain(self.warnings.iter().cloned()).collect()
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    identity: &Arc<Identity>,
    gate: Option<&Arc<Gate>>,
    min_version: MinVersion,
    alpn: Alpn,
) -> Result<ServerConfig, Report> {
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(min_version.versions())
        .map_err(|error| failed(&error))?;
    let builder = match gate {
        Some(gate) => builder.with_client_cert_verifier(Arc::<Gate>::clone(gate)),
        None => builder.with_client_cert_verifier(WebPkiClientVerifier::no_client_auth()),
    };
    let mut config = builder.with_cert_resolver(Arc::<Identity>::clone(identity));
    config.alpn_protocols = alpn.names();
    // No session is resumed, by ticket or by memory: each connection shows its certificate anew,
    // so that a revocation and a new CA hold for all of them. What a replay could bring is refused.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}

fn roots(ca: &[CertificateDer<'static>]) -> Result<RootCertStore, Report> {
    trust::roots(ca).map_err(|error| failed(&error))
}

fn failed(error: &rustls::Error) -> Report {
    Report::new("cannot set up a TLS server").cause(error.to_string())
}

/// The CAs of the clients. webpki asks of a root no more than a name and a key, so a certificate that
/// a CA has issued to somebody would do: it would let in nobody, not even whom it is for, but for
/// whatever its own key signs. One that was signed with its own key stands for itself.
fn load_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Report> {
    let found = trust::load_ca(path, "--tls-client-ca")?;
    let is_leaf = |it: &X509Certificate<'_>| !it.is_ca() && !certificate::is_self_issued(it);
    if let Some(leaf) = found.iter().filter_map(|ca| certificate::parse(ca)).find(is_leaf) {
        let (subject, issuer) = (certificate::subject(&leaf), certificate::issuer(&leaf));
        return Err(Report::new(format!("Unable to use CA bundle at '{}'", path.display()))
            .cause(format!("{subject} is no CA, so no client could be of it"))
            .hint(format!("pass the certificate of its CA {issuer} with `--tls-client-ca`")));
    }
    Ok(found)
}

/// With revocation lists, a CA without a list of its own lets nobody in. That is a mistake where it
/// concerns all CAs, and worth a warning where it concerns some.
fn check_cover(
    ca: Option<&[CertificateDer<'static>]>,
    crls: &[RevocationList],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<Vec<String>, Report> {
    let Some(first) = crls.first() else { return Ok(Vec::new()) };
    let unusable = || Report::new(format!("Unable to use CRL at '{}'", first.path().display()));
    let Some(ca) = ca else {
        return Err(unusable()
            .cause("no client is asked for a certificate, so none can be revoked")
            .hint("pass the CA of the clients with `--tls-client-ca`"));
    };
    let without: Vec<_> =
        ca.iter().filter(|ca| !crls.iter().any(|crl| crl.is_of(ca, algorithms))).collect();
    if without.len() == ca.len() {
        return Err(unusable()
            .cause("no revocation list is of a CA in `--tls-client-ca`, so nobody could get in")
            .hint("pass the CRL that this CA has signed with its present key with `--tls-crl`"));
    }
    let subjects = without.into_iter().filter_map(|ca| certificate::parse(ca));
    Ok(subjects
        .map(|ca| {
            let subject = certificate::subject(&ca);
            format!("no revocation list is of the client CA {subject}: nobody of it gets in")
        })
        .collect())
}

/// A certificate that no client of today accepts.
fn useless(leaf: &X509Certificate<'_>, identity: &Identity) -> Vec<String> {
    let who = &identity.description;
    let mut warnings = Vec::new();
    if certificate::version(leaf) < 3 {
        warnings
            .push(format!("the server certificate {who} is no X.509 v3: most clients refuse it"));
    } else if certificate::names(leaf).is_empty() {
        warnings.push(format!(
            "the server certificate {who} has no subjectAltName: most clients refuse it"
        ));
    }
    if let Ok(Some(usage)) = leaf.extended_key_usage()
        && !usage.value.server_auth
        && !usage.value.any
    {
        warnings
            .push(format!("the server certificate {who} is not meant for servers (serverAuth)"));
    }
    warnings
}
