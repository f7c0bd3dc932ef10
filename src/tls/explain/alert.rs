//! What a server says by a TLS alert (RFC 8446 section 6), mostly about our certificate.

use std::time::SystemTime;

use rustls::AlertDescription;

use crate::tls::certificate::utc;
use crate::tls::explain::Explanation;
use crate::tls::explain::Peer;
use crate::tls::explain::flaw::clock;

const PASS_ONE: &str = "pass one with `--tls-cert` and `--tls-key`, or with `--tls-pfx`";
const OF_A_KNOWN_CA: &str = "ask for a certificate of a CA that the server trusts, then pass it with \
                             `--tls-cert`, with any intermediate CA behind it in the file";
const LOG_OF_THE_SERVER: &str = "the log of the server says why";

/// Explains a fatal alert of the server. `asked`: the server has asked for a client certificate by
/// then, so that it may be about that.
pub(super) fn explain(alert: AlertDescription, asked: bool, about: &Peer<'_>) -> Explanation {
    use AlertDescription as A;
    match alert {
        A::HandshakeFailure | A::InsufficientSecurity if !asked => Explanation::new(
            format!(
                "the server and we have no TLS parameters in common (TLS alert {})",
                term(alert)
            ),
            "the server must offer TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305",
        ),
        _ => about_certificate(alert, about).unwrap_or_else(|| about_handshake(alert, about)),
    }
}

/// Whether the error is an alert that only a handshake ends with. What was sent over a connection
/// that ends so was never read.
pub(super) fn refuses_handshake(error: &rustls::Error) -> bool {
    use AlertDescription as A;
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        A::AccessDenied
            | A::BadCertificate
            | A::CertificateExpired
            | A::CertificateRequired
            | A::CertificateRevoked
            | A::CertificateUnknown
            // In TLS 1.3 of the handshake alone (RFC 8446 section 6.2).
            | A::DecryptError
            | A::HandshakeFailure
            | A::NoApplicationProtocol
            | A::NoCertificate
            | A::ProtocolVersion
            | A::UnknownCA
            | A::UnrecognisedName
            | A::UnsupportedCertificate
    )
}

/// The alerts with which a server judges a client certificate.
fn about_certificate(alert: AlertDescription, about: &Peer<'_>) -> Option<Explanation> {
    use AlertDescription as A;
    let term = term(alert);
    if about.identity.is_none() {
        return matches!(
            alert,
            A::CertificateRequired
                | A::HandshakeFailure
                | A::BadCertificate
                | A::NoCertificate
                | A::CertificateUnknown
                | A::AccessDenied
        )
        .then(|| {
            let sure = if alert == A::CertificateRequired { "" } else { "probably " };
            Explanation::new(
                format!("the server {sure}demands a client certificate (TLS alert {term})"),
                PASS_ONE,
            )
        });
    }
    let (what, hint) = match alert {
        A::UnknownCA => ("does not trust the CA of our client certificate", OF_A_KNOWN_CA),
        A::BadCertificate | A::CertificateUnknown => (
            "rejected our client certificate",
            "the log of the server says why; it needs a trusted CA, valid dates, the purpose \
             clientAuth, and X.509 v3",
        ),
        A::CertificateRequired | A::NoCertificate => (
            "demands a client certificate, and ours fits none of the kinds that it asks for",
            "ask for a certificate with a key that the server supports, such as RSA or P-256",
        ),
        A::CertificateExpired => (
            "says that our client certificate has expired",
            "renew it and pass the new one with `--tls-cert`; check the clocks of both machines",
        ),
        A::CertificateRevoked => (
            "says that our client certificate was revoked",
            "ask for a new certificate, then pass it with `--tls-cert`",
        ),
        A::UnsupportedCertificate => (
            "does not support our client certificate",
            "ask for an X.509 v3 certificate with the purpose clientAuth",
        ),
        A::AccessDenied => (
            "accepted our client certificate and denies its owner access",
            "ask whoever runs the server to allow this certificate",
        ),
        A::DecryptError => (
            "could not verify a signature of ours: it trusts another CA of the same name, or the key is not \
             that of the certificate",
            "ask for a certificate of the very CA that the server trusts, then pass it with `--tls-cert`",
        ),
        _ => return None,
    };
    let cause = format!("the server {what} (TLS alert {term})");
    Some(with_what_we_know(alert, cause, hint, about))
}

/// What this side knows of its certificate says more than most alerts.
fn with_what_we_know(
    alert: AlertDescription,
    cause: String,
    hint: &str,
    about: &Peer<'_>,
) -> Explanation {
    use AlertDescription as A;
    let clear = matches!(alert, A::AccessDenied | A::CertificateRequired | A::CertificateRevoked);
    match about.flaw() {
        Some(flaw) if !clear => Explanation::new(cause + &about.sent(), flaw.hint),
        None if alert == A::CertificateExpired => {
            Explanation::new(cause + &about.sent() + &dates(about), hint)
        }
        _ => Explanation::new(cause + &about.sent(), hint),
    }
}

/// The server has another opinion of the time than this machine.
fn dates(about: &Peer<'_>) -> String {
    let Some(leaf) = about.identity.and_then(|it| it.chain.first()) else { return String::new() };
    let (from, to) = (utc(leaf.not_before), utc(leaf.not_after));
    format!(", which is valid from {from} to {to}, and here it is {}", clock(SystemTime::now()))
}

/// The alerts about the rest of the handshake.
fn about_handshake(alert: AlertDescription, about: &Peer<'_>) -> Explanation {
    use AlertDescription as A;
    let term = term(alert);
    let with =
        |what: &str, hint: &str| Explanation::new(format!("{what} (TLS alert {term})"), hint);
    match alert {
        A::HandshakeFailure | A::InsufficientSecurity => {
            const WHAT: &str = "the server and we have no TLS parameters in common, or it rejected \
                                our certificate";
            const HINT: &str = "the log of the server says which; it must offer TLS 1.2 with ECDHE, \
                                or TLS 1.3";
            with_what_we_know(alert, format!("{WHAT} (TLS alert {term})"), HINT, about)
        }
        A::InternalError => {
            with("the server failed inside while it made the connection", LOG_OF_THE_SERVER)
        }
        A::NoApplicationProtocol => with(
            "the server speaks neither HTTP/2 nor HTTP/1.1 on this port",
            "check the port of the URL",
        ),
        A::ProtocolVersion => with(
            "the server does not speak the TLS versions that we accept",
            "it must offer TLS 1.2 or 1.3; `--tls-min-version TLSv1.2` allows both",
        ),
        A::UnrecognisedName => with(
            &format!("the server knows no host by the name we gave it for `{}`", about.host),
            "pass the name that the server goes by with `--tls-servername`",
        ),
        _ => with("the server ended the connection", LOG_OF_THE_SERVER),
    }
}

/// The name of the alert in the RFCs.
fn term(alert: AlertDescription) -> String {
    let mut name = String::from("`");
    match alert {
        AlertDescription::UnknownCA => name.push_str("unknown_ca"),
        AlertDescription::UnknownPSKIdentity => name.push_str("unknown_psk_identity"),
        AlertDescription::UnrecognisedName => name.push_str("unrecognized_name"),
        AlertDescription::Unknown(number) => name.push_str(&number.to_string()),
        other => {
            for (index, c) in format!("{other:?}").char_indices() {
                if index > 0 && c.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(c.to_ascii_lowercase());
            }
        }
    }
    name.push('`');
    name
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription as A;
    use rustls_pki_types::CertificateDer;

    use super::explain;
    use super::term;
    use crate::tls::Authority;
    use crate::tls::CertificateFacts;
    use crate::tls::IdentityFacts;
    use crate::tls::Peer;

    const NAMED: [(A, &str); 16] = [
        (A::UnknownCA, "`unknown_ca`"),
        (A::BadCertificate, "`bad_certificate`"),
        (A::CertificateUnknown, "`certificate_unknown`"),
        (A::CertificateRequired, "`certificate_required`"),
        (A::CertificateExpired, "`certificate_expired`"),
        (A::CertificateRevoked, "`certificate_revoked`"),
        (A::UnsupportedCertificate, "`unsupported_certificate`"),
        (A::AccessDenied, "`access_denied`"),
        (A::HandshakeFailure, "`handshake_failure`"),
        (A::ProtocolVersion, "`protocol_version`"),
        (A::UnrecognisedName, "`unrecognized_name`"),
        (A::NoApplicationProtocol, "`no_application_protocol`"),
        (A::DecryptError, "`decrypt_error`"),
        (A::InternalError, "`internal_error`"),
        // Those that nothing more is known about.
        (A::DecodeError, "`decode_error`"),
        (A::Unknown(200), "`200`"),
    ];

    fn peer(identity: Option<&IdentityFacts>) -> Peer<'_> {
        Peer { host: "a.example", port: 443, identity }
    }

    fn identity() -> IdentityFacts {
        let authority = Authority::new("CA").unwrap();
        let ca = authority.certificate_der();
        let chain = CertificateFacts::of_chain(&[CertificateDer::from(ca)]);
        IdentityFacts { chain, origin: "`c.pem`".to_owned(), ..IdentityFacts::default() }
    }

    #[test]
    fn every_alert_is_named_as_in_the_rfc_and_has_a_hint() {
        for (alert, name) in NAMED {
            assert_eq!(term(alert), name);
            for identity in [None, Some(&identity())] {
                let explanation = explain(alert, true, &peer(identity));
                assert!(explanation.cause.contains(name), "{}", explanation.cause);
                assert!(explanation.hint.is_some(), "{explanation:?}");
            }
        }
    }

    #[test]
    fn the_certificate_that_was_refused_is_named() {
        let explanation = explain(A::UnknownCA, true, &peer(Some(&identity())));
        let told = "; we sent CN=CA from `c.pem`, which is that of a CA";
        assert!(explanation.cause.ends_with(told), "{explanation:?}");
        assert!(explanation.hint.unwrap().contains("CA:FALSE"));
        // What the server says is clear enough.
        let explanation = explain(A::CertificateRevoked, true, &peer(Some(&identity())));
        assert!(explanation.hint.unwrap().contains("new certificate"));
    }

    #[test]
    fn a_missing_certificate_is_asked_for() {
        let hint = explain(A::CertificateRequired, true, &peer(None)).hint.unwrap();
        assert!(hint.contains("--tls-cert"), "{hint}");
    }
}
