//! Judges the server's certificate.
//!
//! The verdict is webpki's but for one rule: a self-signed certificate that stands in `--tls-ca`
//! is accepted when the server presents that very certificate, also if it is marked as a CA, as
//! `openssl req -x509` does. Pinning is what people mean by it, and the Python tool accepts it.

mod judge;

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use crate::tls::certificate;

pub(super) use crate::tls::verify::judge::Judge;

/// What a peer presented, kept for the explanation of a refusal.
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

/// Runs a handshake and returns beside its result what the peer presented.
pub(super) async fn observe<F: Future>(handshake: F) -> (F::Output, Option<Presented>) {
    let noted = async {
        let result = handshake.await;
        (result, PRESENTED.with(RefCell::take))
    };
    PRESENTED.scope(RefCell::default(), noted).await
}

/// Leaves a note about a certificate that was judged, for [`observe`].
pub(super) fn note(leaf: &CertificateDer<'_>, intermediates: usize, refused: bool) {
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

/// The verifier of all handshakes. The server always has to hold the key of its certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    /// `None` is `--tls-insecure-skip-verify`: any certificate will do.
    pub(super) judge: Option<Judge>,
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
        let Some(judge) = &self.judge else { return Ok(ServerCertVerified::assertion()) };
        let verdict = judge.judge(leaf, intermediates, name, ocsp, now);
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
