//! Which certificates of a trusted CA are meant.

use std::fmt;

use crate::auth::pattern::Pattern;
use crate::auth::peer::Peer;
use crate::report::Report;
use crate::report::peer_text;
use crate::tls::ClientCertificate;
use crate::tls::Fingerprint;

/// What the user allowed, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `--allow-cn`: the common name.
    pub common_names: Vec<String>,
    /// `--allow-ou`: one of the organizational units.
    pub organizational_units: Vec<String>,
    /// `--allow-dns`: one of the DNS names in the subject alternative name.
    pub dns_names: Vec<String>,
    /// `--allow-uri`: one of the URIs there; a segment may be `*` or `**`.
    pub uris: Vec<String>,
    /// `--allow-fingerprint`: the SHA-256 hash of the certificate.
    pub fingerprints: Vec<String>,
}

/// Who may come in. One rule that fits is enough. Names are compared character by character:
/// nothing is folded, cut or normalised, and a name with a NUL in it fits no rule.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    common_names: Vec<String>,
    organizational_units: Vec<String>,
    dns_names: Vec<String>,
    uris: Vec<Pattern>,
    fingerprints: Vec<Fingerprint>,
}

/// Why a peer may not come in: a sentence for the log. The peer itself is not to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has shown no certificate, and every rule is about one.
    NoCertificate,
    /// No rule fits its certificate, with these names.
    NoRule {
        /// The peer, fit to be shown.
        peer: String,
        /// The subject, fit to be shown.
        subject: String,
        /// Whether it has several common names, of which then none counts.
        ambiguous: bool,
    },
}

impl Rules {
    /// Checks what was typed. A rule that could fit nobody, or is read elsewhere in another way, is
    /// an error that names its flag.
    pub fn parse(allowed: &Allowed) -> Result<Self, Report> {
        Ok(Self {
            common_names: names("--allow-cn", &allowed.common_names)?,
            organizational_units: names("--allow-ou", &allowed.organizational_units)?,
            dns_names: names("--allow-dns", &allowed.dns_names)?,
            uris: uris("--allow-uri", &allowed.uris)?,
            fingerprints: fingerprints("--allow-fingerprint", &allowed.fingerprints)?,
        })
    }

    /// Whether nothing narrows who may come in: any certificate of a trusted CA will do.
    pub fn is_empty(&self) -> bool {
        self.common_names.is_empty()
            && self.organizational_units.is_empty()
            && self.dns_names.is_empty()
            && self.uris.is_empty()
            && self.fingerprints.is_empty()
    }

    /// Whether this peer may come in.
    pub fn admit(&self, peer: &Peer) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let Some(certificate) = &peer.certificate else { return Err(Refusal::NoCertificate) };
        if self.fit(certificate) {
            return Ok(());
        }
        Err(Refusal::NoRule {
            peer: peer.to_string(),
            subject: certificate.subject.clone(),
            ambiguous: certificate.common_names.len() > 1,
        })
    }

    fn fit(&self, certificate: &ClientCertificate) -> bool {
        let ClientCertificate { organizational_units, dns_names, uris, .. } = certificate;
        let uri = |uri: &String| clean(uri) && self.uris.iter().any(|rule| rule.matches(uri));
        self.fingerprints.contains(&certificate.fingerprint)
            || only(&certificate.common_names).is_some_and(|name| listed(&self.common_names, name))
            || organizational_units.iter().any(|unit| listed(&self.organizational_units, unit))
            || dns_names.iter().any(|name| listed(&self.dns_names, name))
            || uris.iter().any(uri)
    }
}

/// Which of several common names is meant is anybody's guess: then none is.
fn only(names: &[String]) -> Option<&String> {
    if let [name] = names { Some(name) } else { None }
}

fn listed(rules: &[String], name: &String) -> bool {
    clean(name) && rules.contains(name)
}

/// A NUL ends a text for programs in C: they would read another name than we do.
fn clean(name: &str) -> bool {
    !name.contains('\0')
}

fn names(flag: &str, texts: &[String]) -> Result<Vec<String>, Report> {
    texts.iter().map(|text| checked(flag, text).map(str::to_owned)).collect()
}

fn uris(flag: &str, texts: &[String]) -> Result<Vec<Pattern>, Report> {
    let parse = |text: &String| {
        Pattern::parse(checked(flag, text)?).map_err(|_| {
            refused(flag, text)
                .cause("an asterisk stands within a segment")
                .hint("`*` covers one whole segment between slashes, `**` one or more")
        })
    };
    texts.iter().map(parse).collect()
}

fn fingerprints(flag: &str, texts: &[String]) -> Result<Vec<Fingerprint>, Report> {
    let parse = |text: &String| {
        checked(flag, text)?.parse().map_err(|error: crate::tls::NotAFingerprint| {
            refused(flag, text)
                .cause(error.to_string())
                .hint("print it with `openssl x509 -noout -fingerprint -sha256 -in FILE`")
        })
    };
    texts.iter().map(parse).collect()
}

fn checked<'a>(flag: &str, text: &'a str) -> Result<&'a str, Report> {
    if text.is_empty() {
        return Err(Report::new(format!("`{flag}` is empty"))
            .cause("an empty rule fits no certificate")
            .hint("leave the flag out to admit every certificate of the client CA"));
    }
    if !clean(text) {
        return Err(refused(flag, text).cause("a name with a NUL in it fits no rule"));
    }
    Ok(text)
}

fn refused(flag: &str, text: &str) -> Report {
    Report::new(format!("`{flag}` cannot be `{}`", peer_text(text)))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no rule admits a client without a certificate"),
            Self::NoRule { peer, subject, ambiguous } => {
                write!(f, "no rule admits {peer}, whose subject is `{subject}`")?;
                if *ambiguous {
                    f.write_str("; it has several common names, so that none of them counts")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
