//! The sentences about a client that did not get in.

use std::io;

use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::Error as TlsError;
use rustls_pki_types::UnixTime;

use crate::tls::certificate::utc;
use crate::tls::notes::Presented;
use crate::tls::server::failure::AcceptReason;

/// A cause and a hint.
pub(super) struct Words {
    pub(super) cause: String,
    pub(super) hint: Option<String>,
}

fn words(cause: impl Into<String>, hint: &str) -> Words {
    Words { cause: cause.into(), hint: Some(hint.to_owned()) }
}

fn without_hint(cause: String) -> Words {
    Words { cause, hint: None }
}

/// About an end of the connection, or an error of the system.
pub(super) fn of_broken(error: &io::Error) -> Words {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => without_hint("the client closed the connection".to_owned()),
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset => {
            without_hint("the client reset the connection".to_owned())
        }
        _ => without_hint(error.to_string()),
    }
}

/// About an error of TLS.
pub(super) fn of(reason: AcceptReason, error: &TlsError, presented: Option<&Presented>) -> Words {
    let certificate = Certificate(presented);
    match (reason, error) {
        (AcceptReason::NoCertificate, _) => words(
            "the client showed no certificate (`NoCertificatesPresented`)",
            "the client needs a certificate of a CA in `--tls-client-ca` and its key",
        ),
        (_, TlsError::InvalidCertificate(verdict)) => certificate.words(reason, verdict),
        (AcceptReason::RevocationUnknown, _) => certificate.unknown_revocation(&error.to_string()),
        (_, TlsError::AlertReceived(alert)) => of_alert(*alert),
        (AcceptReason::NotTls, TlsError::InvalidMessage(kind)) => words(
            format!("the client does not speak TLS (`{kind:?}`)"),
            "a client of HTTP needs an `https://` URL",
        ),
        (AcceptReason::ProtocolVersion, _) => words(
            format!("the client speaks no version of TLS that is accepted: {error}"),
            "the client must offer TLS 1.2 or 1.3, as the least version here demands",
        ),
        (AcceptReason::NoCommonCipher, _) => words(
            format!("the client and we have no TLS parameters in common: {error}"),
            "the client must offer ECDHE with AES-GCM or ChaCha20-Poly1305, or TLS 1.3",
        ),
        (AcceptReason::NoApplicationProtocol, _) => words(
            "the client speaks neither HTTP/2 nor HTTP/1.1",
            "it has to offer `h2` or `http/1.1` by ALPN, or nothing",
        ),
        (AcceptReason::BadSignature, _) => certificate.not_the_holder(),
        _ => without_hint(format!("the client broke the TLS protocol: {error}")),
    }
}

/// The client has judged our certificate.
fn of_alert(alert: AlertDescription) -> Words {
    use AlertDescription as A;
    let cause = format!("the client refused us (TLS alert {alert:?})");
    match alert {
        A::UnknownCA | A::BadCertificate | A::CertificateUnknown => words(
            cause,
            "the client must trust the CA of the server's certificate (`--tls-ca` there) and reach \
             the server by a name that stands in it",
        ),
        A::CertificateExpired => {
            words(cause, "renew the server's certificate; check the clocks of both machines")
        }
        _ => without_hint(cause),
    }
}

/// The certificate that a client showed, as far as it is known.
struct Certificate<'a>(Option<&'a Presented>);

impl Certificate<'_> {
    /// `the client certificate CN=dev`.
    fn name(&self) -> String {
        let subject = self.0.map(|presented| format!(" {}", presented.leaf.subject));
        format!("the client certificate{}", subject.unwrap_or_default())
    }

    fn words(&self, reason: AcceptReason, verdict: &CertificateError) -> Words {
        match reason {
            AcceptReason::UnknownCa => self.unknown_issuer(),
            AcceptReason::Expired | AcceptReason::NotYetValid => self.outside_its_dates(verdict),
            AcceptReason::Revoked => words(
                format!("{} was revoked (`Revoked`)", self.name()),
                "its owner needs a new certificate",
            ),
            AcceptReason::RevocationUnknown => self.no_list(verdict),
            AcceptReason::WrongUsage => words(
                format!("{} is not meant for clients (`InvalidPurpose`)", self.name()),
                "reissue it with the purpose clientAuth, or without any purpose",
            ),
            AcceptReason::BadSignature => self.not_the_holder(),
            _ => self.unusable(verdict),
        }
    }

    fn unknown_issuer(&self) -> Words {
        const TERM: &str = "(`UnknownIssuer`)";
        let name = self.name();
        match self.0 {
            Some(presented) if presented.self_issued => words(
                format!("{name} is self-signed, and not a CA that is trusted {TERM}"),
                "issue the client a certificate by a CA in `--tls-client-ca`",
            ),
            Some(presented) => words(
                format!(
                    "{name} was issued by {}, which leads to no CA in `--tls-client-ca` {TERM}",
                    presented.leaf.issuer
                ),
                "the client needs a certificate of a trusted CA, and must send its intermediates \
                 along",
            ),
            None => words(
                format!("{name} leads to no CA in `--tls-client-ca` {TERM}"),
                "the client needs a certificate of a trusted CA",
            ),
        }
    }

    fn outside_its_dates(&self, verdict: &CertificateError) -> Words {
        let name = self.name();
        let cause = match verdict {
            CertificateError::ExpiredContext { time, not_after } => {
                let (end, now) = (shown(*not_after), shown(*time));
                format!("{name} has expired on {end}, now it is {now} (`Expired`)")
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                let (start, now) = (shown(*not_before), shown(*time));
                format!("{name} is valid from {start}, now it is {now} (`NotValidYet`)")
            }
            other => format!("{name} is not valid now (`{other:?}`)"),
        };
        words(cause, "check the clock of this machine; if it is right, renew the certificate")
    }

    fn no_list(&self, verdict: &CertificateError) -> Words {
        match verdict {
            CertificateError::ExpiredRevocationListContext { time, next_update } => words(
                format!(
                    "a revocation list is out of date (`ExpiredRevocationList`): its successor was \
                     due on {}, now it is {}",
                    shown(*next_update),
                    shown(*time)
                ),
                "fetch the current CRL to the file of `--tls-crl`: nobody of this CA gets in until \
                 then",
            ),
            other => self.unknown_revocation(&format!("`{other:?}`")),
        }
    }

    fn unknown_revocation(&self, term: &str) -> Words {
        words(
            format!("no revocation list says whether {} is revoked: {term}", self.name()),
            "pass the CRL of every CA above it with `--tls-crl`, signed with the present key",
        )
    }

    fn not_the_holder(&self) -> Words {
        match self.0 {
            // A CA made anew under its old name is the common case.
            Some(presented) if presented.refused => words(
                format!(
                    "{} was not signed with the key of the trusted CA {} (`BadSignature`)",
                    self.name(),
                    presented.leaf.issuer
                ),
                "reissue it by the present CA, or add the CA that issued it to `--tls-client-ca`",
            ),
            _ => words(
                "the client does not hold the key of the certificate that it shows \
                 (`BadSignature`)",
                "the client is set up wrongly, or someone shows a certificate that is not theirs",
            ),
        }
    }

    fn unusable(&self, verdict: &CertificateError) -> Words {
        let name = self.name();
        match self.0 {
            Some(presented) if presented.leaf.version < 3 => words(
                format!(
                    "{name} is of X.509 version {} (`UnsupportedCertVersion`)",
                    presented.leaf.version
                ),
                "reissue it as X.509 v3: OpenSSL writes version 1 where it is given no extensions",
            ),
            Some(presented) if presented.leaf.is_ca => words(
                format!("{name} is that of a CA (`CaUsedAsEndEntity`)"),
                "issue the client a certificate of its own, with CA:FALSE",
            ),
            _ => words(
                format!("{name} is not acceptable: {verdict}"),
                "reissue it as X.509 v3 with SHA-256 and a key of RSA-2048, P-256 or more",
            ),
        }
    }
}

fn shown(time: UnixTime) -> String {
    utc(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
