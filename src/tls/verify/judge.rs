//! Whether the server's certificate is trusted.

use std::slice;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use rustls::CertificateError;
use rustls::Error;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::server::VerifierBuilderError;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use crate::report::Report;
use crate::tls::certificate;
use crate::tls::trust;
use crate::tls::trust::RevocationList;

/// Judges certificates by the roots and the revocation lists that the user trusts.
#[derive(Debug)]
pub(in crate::tls) struct Judge {
    provider: Arc<CryptoProvider>,
    /// The certificates of `--tls-ca`.
    ca: Arc<[CertificateDer<'static>]>,
    crls: Vec<RevocationList>,
    /// With the roots of `--tls-ca` alone.
    narrow: Option<Arc<WebPkiServerVerifier>>,
    /// With the system's roots as well, read when the narrow one says no: most who pass a CA need
    /// nothing else, and the system's store costs more than a whole handshake.
    wide: Option<OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>>,
}

impl Judge {
    /// `ca_only` trusts `ca` and nothing else. Fails without any root and for a broken CRL.
    pub(in crate::tls) fn new(
        provider: Arc<CryptoProvider>,
        ca: Arc<[CertificateDer<'static>]>,
        ca_only: bool,
        crls: Vec<RevocationList>,
    ) -> Result<Self, Report> {
        let mut judge = Self { provider, ca, crls, narrow: None, wide: None };
        let roots = judge.ca_roots();
        if ca_only || !roots.is_empty() {
            judge.narrow = Some(judge.webpki(roots)?);
        }
        if !ca_only {
            let wide = OnceLock::new();
            if judge.narrow.is_none() {
                let _ = wide.set(Ok(judge.with_system_roots()?));
            }
            judge.wide = Some(wide);
        }
        Ok(judge)
    }

    fn ca_roots(&self) -> RootCertStore {
        trust::roots(&self.ca).unwrap_or_else(|_| RootCertStore::empty())
    }

    fn with_system_roots(&self) -> Result<Arc<WebPkiServerVerifier>, Report> {
        let mut roots = self.ca_roots();
        trust::add_system_roots(&mut roots);
        self.webpki(roots)
    }

    fn webpki(&self, roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, Report> {
        let roots = Arc::new(roots);
        self.build(&roots, &self.crls).map_err(|error| {
            let broken = |crl: &&RevocationList| self.build(&roots, slice::from_ref(*crl)).is_err();
            trust::report(&error, self.crls.iter().find(broken))
        })
    }

    /// With a CRL: every certificate below the root is looked up, no answer is a no, and so is a
    /// list that is out of date.
    fn build(
        &self,
        roots: &Arc<RootCertStore>,
        crls: &[RevocationList],
    ) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
        WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&self.provider))
            .with_crls(crls.iter().map(|crl| crl.der.clone()))
            .enforce_revocation_expiration()
            .build()
    }

    fn wide(&self) -> Result<&WebPkiServerVerifier, Error> {
        let wide = self.wide.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        let loaded = wide.get_or_init(|| {
            self.with_system_roots().map_err(|report| Error::General(report.line()))
        });
        loaded.as_deref().map_err(Error::clone)
    }

    /// The verdict on the certificate of a server.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.is_pinned(leaf) {
            return verify_pinned(leaf, name, now);
        }
        let ask = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(leaf, intermediates, name, ocsp, now)
        };
        match self.narrow.as_deref().map(ask) {
            Some(verdict) if verdict.is_ok() || self.wide.is_none() => verdict,
            // The wide roots contain the narrow ones, so that this verdict is the whole one.
            _ => ask(self.wide()?),
        }
    }

    fn is_pinned(&self, leaf: &CertificateDer<'_>) -> bool {
        self.ca.iter().any(|known| known == leaf)
            && certificate::parse(leaf).is_some_and(|leaf| certificate::is_self_issued(&leaf))
    }
}

/// The certificate is trusted by itself, as a root is; dates, purpose and name must hold. It has
/// no issuer whose CRL could revoke it: to revoke it, take it out of `--tls-ca`.
fn verify_pinned(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let parsed = certificate::parse(leaf).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) =
        (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    if since_1970(not_after) < now {
        let not_after = since_1970(not_after);
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    if now < since_1970(not_before) {
        let not_before = since_1970(not_before);
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if let Ok(Some(usage)) = parsed.extended_key_usage()
        && !usage.value.server_auth
        && !usage.value.any
    {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    Ok(ServerCertVerified::assertion())
}

fn since_1970(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}
