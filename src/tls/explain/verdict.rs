//! Why we refused the server's certificate.

use rustls::CertificateError;
use rustls_pki_types::UnixTime;

use crate::limits;
use crate::report::peer_text;
use crate::tls::certificate::utc;
use crate::tls::explain::Explanation;
use crate::tls::explain::Peer;
use crate::tls::facts::CertificateFacts;
use crate::tls::notes::Presented;

/// Names of a certificate that are listed at most.
const NAMES_SHOWN: usize = 10;

/// Explains a verdict of our own.
pub(super) fn explain(
    verdict: &CertificateError,
    presented: Option<&Presented>,
    about: &Peer<'_>,
) -> Explanation {
    use CertificateError as C;
    match verdict {
        C::ExpiredContext { .. } | C::NotValidYetContext { .. } | C::Expired | C::NotValidYet => {
            outside_its_dates(verdict, presented)
        }
        C::NotValidForName => wrong_name(presented, &[], about),
        C::NotValidForNameContext { presented: names, .. } => wrong_name(presented, names, about),
        C::UnknownIssuer => unknown_issuer(presented),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => Explanation::new(
            "the server's certificate is not meant for servers (`InvalidPurpose`)",
            "the server needs a certificate with the purpose serverAuth, or without any purpose",
        ),
        C::Revoked => Explanation::new(
            "the server's certificate was revoked (`Revoked`)",
            "do not connect; the server needs a new certificate",
        ),
        C::UnknownRevocationStatus => Explanation::new(
            "no revocation list covers the server's certificate (`UnknownRevocationStatus`)",
            "pass the CRL of every CA below the root with `--tls-crl`",
        ),
        C::ExpiredRevocationList | C::ExpiredRevocationListContext { .. } => expired_list(verdict),
        C::BadEncoding => Explanation::new(
            "the server's certificate is damaged (`BadEncoding`)",
            "the server needs a new certificate",
        ),
        C::BadSignature => bad_signature(presented),
        C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => of_another_key(presented),
        _ => other(verdict, presented),
    }
}

fn outside_its_dates(verdict: &CertificateError, presented: Option<&Presented>) -> Explanation {
    let (ca, cause) = match verdict {
        CertificateError::ExpiredContext { time, not_after } => {
            let ca = sent_ca(presented, |it| it.not_after == seconds(*not_after));
            let (end, now) = (shown(*not_after), shown(*time));
            (ca, format!("has expired on {end}, now it is {now} (`Expired`)"))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let ca = sent_ca(presented, |it| it.not_before == seconds(*not_before));
            let (begin, now) = (shown(*not_before), shown(*time));
            (ca, format!("is valid from {begin}, now it is {now} (`NotValidYet`)"))
        }
        other => (None, format!("is not valid now (`{other:?}`)")),
    };
    const CLOCK: &str = "check the clock of this machine; if it is right, the server";
    match ca {
        None => Explanation::new(
            format!("the server's certificate {cause}"),
            format!("{CLOCK} needs a new certificate"),
        ),
        Some(ca) => Explanation::new(
            format!("the certificate of the CA {ca}, which the server sends along, {cause}"),
            format!("{CLOCK} has to send the present certificate of that CA"),
        ),
    }
}

/// The CA whose certificate has such a date, if the server's own has not.
fn sent_ca(
    presented: Option<&Presented>,
    fits: impl Fn(&CertificateFacts) -> bool,
) -> Option<&str> {
    let presented = presented.filter(|it| !fits(&it.leaf))?;
    presented.others.iter().find(|it| fits(it)).map(|ca| &*ca.subject)
}

fn expired_list(verdict: &CertificateError) -> Explanation {
    let when = match verdict {
        CertificateError::ExpiredRevocationListContext { time, next_update } => {
            format!(": it was due on {}, now it is {}", shown(*next_update), shown(*time))
        }
        _ => String::new(),
    };
    Explanation::new(
        format!("the revocation list is out of date (`ExpiredRevocationList`){when}"),
        "fetch the current CRL and pass it with `--tls-crl`",
    )
}

fn wrong_name(presented: Option<&Presented>, fallback: &[String], about: &Peer<'_>) -> Explanation {
    let names = presented.map_or(fallback, |presented| &presented.leaf.names);
    if names.is_empty() {
        return Explanation::new(
            "the server's certificate has no subject alternative name (`NotValidForName`)",
            format!(
                "the server needs a certificate with `{}` in its subjectAltName: the common name \
                 does not count any more",
                about.host
            ),
        );
    }
    let shown: Vec<_> =
        names.iter().take(NAMES_SHOWN).map(|name| format!("`{}`", peer_text(name))).collect();
    let more = if names.len() > NAMES_SHOWN { ", ..." } else { "" };
    let cause = format!(
        "the server's certificate is not for this name, it is for {}{more} (`NotValidForName`)",
        shown.join(", ")
    );
    // A wildcard is no name that could be passed.
    let usable = names.iter().find(|name| !name.contains('*') && presented.is_some());
    Explanation::new(
        cause,
        match usable {
            Some(name) => format!(
                "use a name of the certificate in the URL, or pass `--tls-servername {}` if that \
                 is the server you mean",
                peer_text(name)
            ),
            None => "use a name of the certificate in the URL, or pass it with `--tls-servername`"
                .to_owned(),
        },
    )
}

fn unknown_issuer(presented: Option<&Presented>) -> Explanation {
    const TERM: &str = "(`UnknownIssuer`)";
    let Some(presented) = presented else {
        return Explanation::new(
            format!("the server's certificate comes from a CA that is not trusted {TERM}"),
            "pass the CA of the server with `--tls-ca`",
        );
    };
    if presented.self_issued {
        return self_signed(presented, TERM);
    }
    let missing = presented.missing_issuer();
    let cause = if presented.others.is_empty() {
        format!(
            "the server's certificate was issued by {missing}, which is not trusted, and the server \
             sends no certificate above its own {TERM}"
        )
    } else {
        format!("the server's certificate leads to {missing}, which is not trusted {TERM}")
    };
    Explanation::new(
        cause,
        format!(
            "if {missing} is the root of the server you mean, pass its certificate with `--tls-ca`; \
             if it is an intermediate CA, the server has to send it"
        ),
    )
}

fn bad_signature(presented: Option<&Presented>) -> Explanation {
    match presented {
        // A CA made anew under its old name is the common case.
        Some(presented) if presented.refused => {
            let issuer = presented.missing_issuer();
            let cause = "the server's certificate was not signed with the key of the trusted \
                         certificate";
            let hint = "pass the present certificate of the server's CA with `--tls-ca`";
            if presented.signed_by_rsa {
                return Explanation::new(
                    format!("{cause} {issuer}, or that key is too small (`BadSignature`)"),
                    format!("{hint}; an RSA key needs {} bits or more", limits::RSA_KEY_BITS),
                );
            }
            Explanation::new(
                format!("{cause} {issuer}: another CA of that name signed it (`BadSignature`)"),
                hint,
            )
        }
        // The crypto library verifies nothing with such a key.
        Some(presented) if presented.leaf.has_weak_key() => Explanation::new(
            format!("the key of the server is too small: {} (`BadSignature`)", presented.leaf.key),
            "the server needs a new certificate, with a key of RSA-2048, P-256 or more",
        ),
        _ => Explanation::new(
            "the server does not hold the key of the certificate that it shows (`BadSignature`)",
            "the server is set up wrongly, or someone else answers in its place",
        ),
    }
}

/// The trusted certificate of that name has a key of another kind than the one that signed.
fn of_another_key(presented: Option<&Presented>) -> Explanation {
    const TERM: &str = "(`UnsupportedSignatureAlgorithmForPublicKey`)";
    match presented {
        Some(presented) if presented.self_issued => self_signed(presented, TERM),
        Some(presented) if presented.refused => {
            let issuer = presented.missing_issuer();
            Explanation::new(
                format!(
                    "the key of the trusted certificate {issuer} is of another kind than the one that \
                     signed the server's certificate: another CA of that name did {TERM}"
                ),
                "pass the present certificate of the server's CA with `--tls-ca`",
            )
        }
        _ => Explanation::new(
            format!("the server signs with another kind of key than its certificate has {TERM}"),
            "the server is set up wrongly, or someone else answers in its place",
        ),
    }
}

fn self_signed(presented: &Presented, term: &str) -> Explanation {
    Explanation::new(
        format!(
            "the server's certificate {} is self-signed, and not one that is trusted {term}",
            presented.leaf.subject
        ),
        "if it is the right one, save it as PEM and pass exactly this one with `--tls-ca`",
    )
}

/// webpki names the rest by errors that rustls does not tell apart; the certificate does.
fn other(verdict: &CertificateError, presented: Option<&Presented>) -> Explanation {
    match presented {
        Some(presented) if presented.leaf.version < 3 => Explanation::new(
            format!(
                "the server's certificate is of X.509 version {} (`UnsupportedCertVersion`)",
                presented.leaf.version
            ),
            "reissue the server's certificate as X.509 v3, with a subjectAltName",
        ),
        Some(presented) if presented.leaf.is_ca && presented.self_issued => {
            self_signed(presented, "(`CaUsedAsEndEntity`)")
        }
        Some(presented) if presented.leaf.is_ca => Explanation::new(
            "the server shows the certificate of a CA as its own (`CaUsedAsEndEntity`)",
            "the server needs a certificate of its own, with CA:FALSE",
        ),
        _ if is_weak(verdict) => Explanation::new(
            "the server's certificate uses a weak or unknown algorithm \
             (`UnsupportedSignatureAlgorithm`)",
            "reissue it with SHA-256 and a key of RSA-2048, P-256 or more",
        ),
        _ => Explanation::without_hint(format!(
            "the server's certificate is not acceptable: {verdict}"
        )),
    }
}

fn is_weak(verdict: &CertificateError) -> bool {
    matches!(verdict, CertificateError::UnsupportedSignatureAlgorithmContext { .. })
}

fn shown(time: UnixTime) -> String {
    utc(seconds(time))
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
