//! What this side knows to be wrong with its own certificate: an alert seldom says why, the dates do.

use std::time::SystemTime;

use crate::tls::certificate::since_1970;
use crate::tls::certificate::utc;
use crate::tls::facts::CertificateFacts;
use crate::tls::facts::IdentityFacts;

/// A reason for which servers refuse our certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Follows the name of the certificate: `which has expired on ...`.
    pub what: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl Flaw {
    /// The worst of `identity`, if there is any.
    pub fn of(identity: &IdentityFacts, now: SystemTime) -> Option<Self> {
        let (leaf, above) = identity.chain.split_first()?;
        outside_its_dates(leaf, "which", now)
            .or_else(|| unfit(leaf))
            .or_else(|| above.iter().find_map(|ca| of_an_issuer(ca, now)))
    }
}

fn outside_its_dates(it: &CertificateFacts, who: &str, now: SystemTime) -> Option<Flaw> {
    if it.is_too_early(now) {
        let what = format!("{who} is valid from {}, now it is {}", utc(it.not_before), clock(now));
        return Some(Flaw {
            what,
            hint: "check the clock of this machine; if it is right, ask for a certificate that is \
                   valid now, of a CA that the server trusts",
        });
    }
    it.has_ended(now).then(|| Flaw {
        what: format!("{who} has expired on {}, now it is {}", utc(it.not_after), clock(now)),
        hint: "check the clock of this machine; if it is right, renew the certificate at a CA that \
               the server trusts, and pass the new one with `--tls-cert`",
    })
}

/// Such certificates are refused whatever day it is.
fn unfit(leaf: &CertificateFacts) -> Option<Flaw> {
    let (what, hint) = if leaf.version < 3 {
        (
            format!("which is of X.509 version {}", leaf.version),
            "have it reissued as X.509 v3 with the purpose clientAuth, by a CA that the server trusts",
        )
    } else if let Some(others) = leaf.purposes.as_ref().filter(|_| !leaf.is_for("clientAuth")) {
        (
            format!("which is meant for {} and not for clientAuth", others.join(", ")),
            "have it reissued with the purpose clientAuth, by a CA that the server trusts",
        )
    } else if leaf.is_ca {
        (
            "which is that of a CA".to_owned(),
            "have the CA issue a certificate of your own (CA:FALSE, clientAuth), and pass that with \
             `--tls-cert`",
        )
    } else {
        return None;
    };
    Some(Flaw { what, hint })
}

fn of_an_issuer(ca: &CertificateFacts, now: SystemTime) -> Option<Flaw> {
    let flaw = outside_its_dates(ca, &format!("whose issuer {}", ca.subject), now)?;
    Some(Flaw {
        hint: "check the clock of this machine; if it is right, put the present certificate of that \
               CA into the file, or have yours renewed",
        ..flaw
    })
}

/// A moment as certificates write it.
pub(super) fn clock(now: SystemTime) -> String {
    utc(since_1970(now))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::UNIX_EPOCH;

    use super::Flaw;
    use crate::tls::facts::CertificateFacts;
    use crate::tls::facts::IdentityFacts;

    fn sound() -> CertificateFacts {
        CertificateFacts {
            subject: "CN=dev".to_owned(),
            issuer: "CN=CA".to_owned(),
            names: Vec::new(),
            not_before: 100,
            not_after: 200,
            key: "P-256".to_owned(),
            version: 3,
            is_ca: false,
            purposes: Some(vec!["clientAuth".to_owned()]),
            fingerprint: String::new(),
        }
    }

    fn told(at: u64, chain: Vec<CertificateFacts>) -> Option<String> {
        let identity = IdentityFacts { chain, ..IdentityFacts::default() };
        Flaw::of(&identity, UNIX_EPOCH + Duration::from_secs(at)).map(|flaw| flaw.what)
    }

    #[test]
    fn a_sound_certificate_has_none_and_the_worst_is_told_first() {
        assert_eq!(told(150, vec![sound()]), None);
        assert_eq!(told(150, Vec::new()), None);
        let old = CertificateFacts { version: 1, ..sound() };
        let what = told(201, vec![old.clone()]).unwrap();
        assert!(what.contains("expired on 1970-01-01 00:03:20 UTC, now it is 1970-01-01 00:03:21"));
        assert!(told(99, vec![sound()]).unwrap().contains("valid from 1970-01-01 00:01:40"));
        assert!(told(150, vec![old]).unwrap().contains("X.509 version 1"));
    }

    #[test]
    fn each_flaw_is_named() {
        let with = |purposes: Option<&str>| CertificateFacts {
            purposes: purposes.map(|it| vec![it.to_owned()]),
            ..sound()
        };
        assert_eq!(told(150, vec![with(None)]), None);
        assert_eq!(told(150, vec![with(Some("any"))]), None);
        let what = told(150, vec![with(Some("serverAuth"))]).unwrap();
        assert_eq!(what, "which is meant for serverAuth and not for clientAuth");
        let ca = CertificateFacts { is_ca: true, ..sound() };
        assert_eq!(told(150, vec![ca]).unwrap(), "which is that of a CA");
        let issuer = CertificateFacts { subject: "CN=CA".to_owned(), not_after: 120, ..sound() };
        assert!(told(150, vec![sound(), issuer]).unwrap().contains("issuer CN=CA has expired"));
    }
}
