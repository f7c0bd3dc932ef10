//! Judges the server's certificate.
//!
//! The verdict is webpki's but for one rule: a self-signed certificate that stands in `--tls-ca`
//! is accepted when the server presents that very certificate, also if it is marked as a CA, as
//! `openssl req -x509` does. Pinning is what people mean by it, and the Python tool accepts it.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;

use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::server::ParsedCertificate;
use rustls::server::VerifierBuilderError;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use crate::tls::certificate;
use crate::tls::trust;

/// What a server presented, kept for the explanation of a refusal.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    /// The subject of the leaf.
    pub(super) subject: String,
    /// The issuer of the leaf.
    pub(super) issuer: String,
    /// DNS names and addresses of the leaf.
    pub(super) names: Vec<String>,
    /// Whether the leaf names itself as its issuer.
    pub(super) self_issued: bool,
    /// Whether the leaf is marked as a CA.
    pub(super) ca: bool,
    /// The version as people count: 1 or 3.
    pub(super) version: u32,
    /// Certificates sent beside the leaf.
    pub(super) intermediates: usize,
    /// Whether the certificate itself was refused, and not the handshake that it was used for.
    pub(super) refused: bool,
}

tokio::task_local! {
    /// Where the verifier, which many handshakes share, leaves a note for the one that runs.
    static PRESENTED: RefCell<Option<Presented>>;
}

/// Runs a handshake and returns beside its result what the server presented.
pub(super) async fn observe<F: Future>(handshake: F) -> (F::Output, Option<Presented>) {
    let noted = async {
        let result = handshake.await;
        (result, PRESENTED.with(RefCell::take))
    };
    PRESENTED.scope(RefCell::default(), noted).await
}

fn note(leaf: &CertificateDer<'_>, intermediates: usize, refused: bool) {
    let presented = certificate::parse(leaf).map(|leaf| Presented {
        subject: certificate::subject(&leaf),
        issuer: certificate::issuer(&leaf),
        names: certificate::names(&leaf),
        self_issued: certificate::is_self_issued(&leaf),
        ca: leaf.is_ca(),
        version: certificate::version(&leaf),
        intermediates,
        refused,
    });
    // Outside of `observe` nobody asks.
    let _ = PRESENTED.try_with(|slot| slot.replace(presented));
}

/// The verifier for normal use.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// The certificates of `--tls-ca`.
    ca: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    /// With the roots of `--tls-ca` alone.
    narrow: Option<Arc<WebPkiServerVerifier>>,
    /// With the system's roots as well, read when the narrow one says no: most who pass a CA need
    /// nothing else, and the system's store costs more than a whole handshake.
    wide: Option<OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>>,
}

impl Verifier {
    /// `ca_only` trusts `ca` and nothing else. Fails without any root and for a broken CRL.
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        ca: Vec<CertificateDer<'static>>,
        ca_only: bool,
        crls: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut verifier = Self { provider, ca, crls, narrow: None, wide: None };
        let roots = verifier.ca_roots();
        if ca_only || !roots.is_empty() {
            verifier.narrow = Some(verifier.webpki(roots)?);
        }
        if !ca_only {
            let wide = OnceLock::new();
            if verifier.narrow.is_none() {
                let _ = wide.set(Ok(verifier.with_system_roots()?));
            }
            verifier.wide = Some(wide);
        }
        Ok(verifier)
    }

    fn ca_roots(&self) -> RootCertStore {
        trust::roots(&self.ca).unwrap_or_else(|_| RootCertStore::empty())
    }

    fn with_system_roots(&self) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
        let mut roots = self.ca_roots();
        trust::add_system_roots(&mut roots);
        self.webpki(roots)
    }

    /// With a CRL: every certificate below the root is looked up, no answer is a no, and so is a
    /// list that is out of date.
    fn webpki(
        &self,
        roots: RootCertStore,
    ) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .with_crls(self.crls.iter().cloned())
            .enforce_revocation_expiration()
            .build()
    }

    fn wide(&self) -> Result<&WebPkiServerVerifier, Error> {
        let wide = self.wide.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        let loaded = wide.get_or_init(|| {
            self.with_system_roots().map_err(|error| Error::General(error.to_string()))
        });
        loaded.as_deref().map_err(Error::clone)
    }

    fn judge(
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

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.judge(leaf, intermediates, name, ocsp, now);
        note(leaf, intermediates.len(), verdict.is_err());
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
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
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

/// The verifier of `--tls-insecure-skip-verify`: any certificate will do, yet the server must hold
/// its key, so that signatures are checked.
#[derive(Debug)]
pub(super) struct AnyCertificate(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
