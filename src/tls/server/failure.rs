//! Why a client did not get in: a word for a counter, and a sentence for the log.

use std::io;
use std::time::Duration;

use rustls::CertificateError;
use rustls::Error as TlsError;
use rustls::PeerIncompatible;

use crate::tls::notes::Presented;
use crate::tls::server::words;
use crate::tls::server::words::Words;

/// A handshake with a client that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS handshake failed: {cause}{}", hint_part(.hint))]
pub struct AcceptFailure {
    /// The class, for a counter.
    pub reason: AcceptReason,
    /// The deepest known cause, with the term of the TLS world in backticks.
    pub cause: String,
    /// What to do about it, mostly at the client.
    pub hint: Option<String>,
}

/// The classes of failed handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcceptReason {
    /// The client showed no certificate.
    NoCertificate,
    /// Its certificate leads to none of the trusted CAs.
    UnknownCa,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate was revoked.
    Revoked,
    /// No revocation list in force says whether it was revoked.
    RevocationUnknown,
    /// Its certificate is meant for something else.
    WrongUsage,
    /// Its certificate is damaged, too old a version, weak, or that of a CA.
    BadCertificate,
    /// A signature is wrong: of its certificate, or of the handshake.
    BadSignature,
    /// The client refused us, mostly because it does not trust our CA.
    RefusedByClient,
    /// It does not speak TLS.
    NotTls,
    /// No version of TLS in common.
    ProtocolVersion,
    /// No cipher suite, group or signature scheme in common.
    NoCommonCipher,
    /// It speaks neither HTTP/2 nor HTTP/1.1.
    NoApplicationProtocol,
    /// It closed or reset the connection.
    Closed,
    /// It took too long.
    Timeout,
    /// Anything else.
    Other,
}

impl AcceptReason {
    /// All of them, so that a counter can begin at zero for each.
    pub const ALL: [Self; 17] = [
        Self::NoCertificate,
        Self::UnknownCa,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::RevocationUnknown,
        Self::WrongUsage,
        Self::BadCertificate,
        Self::BadSignature,
        Self::RefusedByClient,
        Self::NotTls,
        Self::ProtocolVersion,
        Self::NoCommonCipher,
        Self::NoApplicationProtocol,
        Self::Closed,
        Self::Timeout,
        Self::Other,
    ];

    /// The word, which stays the same for ever.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::UnknownCa => "unknown_ca",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::WrongUsage => "wrong_usage",
            Self::BadCertificate => "bad_certificate",
            Self::BadSignature => "bad_signature",
            Self::RefusedByClient => "refused_by_client",
            Self::NotTls => "not_tls",
            Self::ProtocolVersion => "protocol_version",
            Self::NoCommonCipher => "no_common_cipher",
            Self::NoApplicationProtocol => "no_application_protocol",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

impl AcceptFailure {
    /// The caller waited this long and gave up.
    pub fn timeout(limit: Duration) -> Self {
        Self {
            reason: AcceptReason::Timeout,
            cause: format!("the client did not finish it within {} s", limit.as_secs_f64()),
            hint: None,
        }
    }

    /// Out of the error of the handshake, and the certificate if it got that far.
    pub(super) fn new(error: &io::Error, presented: Option<&Presented>) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        let reason = tls.map_or_else(|| broken(error), |tls| reason(tls, presented));
        let Words { cause, hint } = match tls {
            Some(tls) => words::of(reason, tls, presented),
            None => words::of_broken(error),
        };
        Self { reason, cause, hint }
    }
}

fn hint_part(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default()
}

/// An end that TLS has no part in.
fn broken(error: &io::Error) -> AcceptReason {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset => AcceptReason::Closed,
        _ => AcceptReason::Other,
    }
}

fn reason(error: &TlsError, presented: Option<&Presented>) -> AcceptReason {
    match error {
        TlsError::NoCertificatesPresented => AcceptReason::NoCertificate,
        TlsError::InvalidCertificate(verdict) => of_verdict(verdict),
        TlsError::InvalidCertRevocationList(_) => AcceptReason::RevocationUnknown,
        TlsError::AlertReceived(_) => AcceptReason::RefusedByClient,
        // After it showed a certificate it has spoken TLS.
        TlsError::InvalidMessage(_) if presented.is_none() => AcceptReason::NotTls,
        TlsError::PeerIncompatible(kind) => of_incompatible(kind),
        TlsError::NoApplicationProtocol => AcceptReason::NoApplicationProtocol,
        TlsError::PeerMisbehaved(kind) if format!("{kind:?}").contains("Signature") => {
            AcceptReason::BadSignature
        }
        _ => AcceptReason::Other,
    }
}

fn of_verdict(verdict: &CertificateError) -> AcceptReason {
    use CertificateError as C;
    match verdict {
        C::UnknownIssuer => AcceptReason::UnknownCa,
        C::Expired | C::ExpiredContext { .. } => AcceptReason::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => AcceptReason::NotYetValid,
        C::Revoked => AcceptReason::Revoked,
        C::UnknownRevocationStatus
        | C::ExpiredRevocationList
        | C::ExpiredRevocationListContext { .. } => AcceptReason::RevocationUnknown,
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => AcceptReason::WrongUsage,
        C::BadSignature => AcceptReason::BadSignature,
        _ => AcceptReason::BadCertificate,
    }
}

fn of_incompatible(kind: &PeerIncompatible) -> AcceptReason {
    use PeerIncompatible as P;
    match kind {
        // Versions before 1.2 have no signature algorithms, and rustls misses those first.
        P::SignatureAlgorithmsExtensionRequired
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => AcceptReason::ProtocolVersion,
        _ => AcceptReason::NoCommonCipher,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io;

    use rustls::CertRevocationListError;
    use rustls::CertificateError;
    use rustls::Error as TlsError;

    use super::AcceptFailure;
    use super::AcceptReason;
    use crate::limits;

    fn failure(error: TlsError) -> AcceptFailure {
        AcceptFailure::new(&io::Error::new(io::ErrorKind::InvalidData, error), None)
    }

    #[test]
    fn every_class_has_a_word_of_its_own() {
        let words: HashSet<_> = AcceptReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), AcceptReason::ALL.len());
        let word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(words.iter().all(|text| text.chars().all(word)));
    }

    #[test]
    fn a_list_that_does_not_answer_is_told_from_a_revocation() {
        for verdict in [
            CertificateError::UnknownRevocationStatus.into(),
            CertificateError::ExpiredRevocationList.into(),
            TlsError::InvalidCertRevocationList(CertRevocationListError::BadSignature),
        ] {
            let failure = failure(verdict);
            assert_eq!(failure.reason, AcceptReason::RevocationUnknown, "{failure}");
            assert!(failure.hint.is_some(), "{failure}");
        }
        let revoked = failure(CertificateError::Revoked.into());
        assert_eq!(revoked.reason, AcceptReason::Revoked);
    }

    #[test]
    fn the_sentence_has_the_cause_and_the_hint() {
        let text = failure(TlsError::NoCertificatesPresented).to_string();
        assert!(text.starts_with("TLS handshake failed: the client showed no cert"), "{text}");
        assert!(text.contains("; hint: "), "{text}");
        let text = AcceptFailure::timeout(limits::CONNECT_TIMEOUT).to_string();
        assert_eq!(text, "TLS handshake failed: the client did not finish it within 10 s");
    }

    #[test]
    fn a_failure_of_our_own_is_no_fault_of_the_client() {
        let error = io::Error::other("disk on fire");
        let failure = AcceptFailure::new(&error, None);
        assert_eq!(failure.reason, AcceptReason::Other);
        assert!(failure.cause.contains("disk on fire"), "{failure}");
    }
}
