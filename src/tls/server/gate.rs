//! Judges the certificates of clients.

use std::slice;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::VerifierBuilderError;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;

use crate::report::Report;
use crate::tls::certificate;
use crate::tls::client_certificate::ClientCertificate;
use crate::tls::notes;
use crate::tls::trust;
use crate::tls::trust::RevocationList;

/// Demands a certificate of a trusted CA from every client. The verdict is webpki's: a chain to
/// one of the roots, dates, the purpose clientAuth or none, and no revocation.
#[derive(Debug)]
pub(super) struct Gate(Arc<dyn ClientCertVerifier>);

impl Gate {
    /// With a revocation list, each certificate below the root is looked up and no answer is a no;
    /// a list that is out of date refuses everybody, unless `allow_expired`.
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        roots: RootCertStore,
        crls: &[RevocationList],
        allow_expired: bool,
    ) -> Result<Self, Report> {
        let roots = Arc::new(roots);
        let build = |crls: &[RevocationList]| build(provider, &roots, crls, allow_expired);
        build(crls).map(Self).map_err(|error| {
            let broken = |crl: &&RevocationList| build(slice::from_ref(*crl)).is_err();
            trust::report(&error, crls.iter().find(broken))
        })
    }

    /// The verdict on a certificate that was admitted before.
    pub(super) fn still_admits(&self, certificate: &ClientCertificate) -> bool {
        let Some((leaf, intermediates)) = certificate.chain().split_first() else { return false };
        self.0.verify_client_cert(leaf, intermediates, UnixTime::now()).is_ok()
    }
}

fn build(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    crls: &[RevocationList],
    allow_expired: bool,
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
            .with_crls(crls.iter().map(|crl| crl.der.clone()));
    if allow_expired { builder } else { builder.enforce_revocation_expiration() }.build()
}

impl ClientCertVerifier for Gate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.0.verify_client_cert(leaf, intermediates, now).and_then(|admitted| {
            // Somebody whose names we cannot read must not come in as nobody.
            let readable = certificate::parse(leaf).is_some();
            if readable { Ok(admitted) } else { Err(CertificateError::BadEncoding.into()) }
        });
        notes::shown(leaf, intermediates, verdict.is_err());
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
