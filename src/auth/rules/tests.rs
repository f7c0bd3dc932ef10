//! Rules against certificates that were really issued (catalogue C11 to C14).

use std::sync::Arc;

use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::DnValue;
use rcgen::KeyPair;
use rcgen::SanType;

use super::Allowed;
use super::Refusal;
use super::Rules;
use crate::auth::Peer;
use crate::tls::ClientCertificate;

fn peer(change: impl FnOnce(&mut CertificateParams)) -> Peer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    change(&mut params);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let certificate = ClientCertificate::from_der(certificate.der()).unwrap();
    Peer { address: "127.0.0.1:4000".parse().unwrap(), certificate: Some(Arc::new(certificate)) }
}

fn subject(kind: DnType, value: impl Into<DnValue>) -> Peer {
    peer(|params| params.distinguished_name.push(kind, value))
}

fn alternative(name: SanType) -> Peer {
    peer(|params| params.subject_alt_names = vec![name])
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn admits(allowed: &Allowed, peer: &Peer) -> bool {
    Rules::parse(allowed).unwrap().admit(peer).is_ok()
}

/// What is not the name itself, however near it comes to it.
const NEAR: [&str; 9] =
    ["Dev.One", "dev.on", "ev.one", "dev.one.", " dev.one", "dev.one ", "dev.one\0", "dev", "*"];

#[test]
fn a_common_name_fits_character_by_character() {
    let allowed = Allowed { common_names: texts(&["other", "dev.one"]), ..Allowed::default() };
    assert!(admits(&allowed, &subject(DnType::CommonName, "dev.one")));
    for name in NEAR {
        assert!(!admits(&allowed, &subject(DnType::CommonName, name)), "{name:?}");
    }
    assert!(!admits(&allowed, &subject(DnType::OrganizationalUnitName, "dev.one")));
    assert!(!admits(&allowed, &alternative(SanType::DnsName("dev.one".try_into().unwrap()))));
}

#[test]
fn a_common_name_fits_in_every_type_of_string() {
    let allowed = Allowed { common_names: texts(&["dev"]), ..Allowed::default() };
    for value in [
        DnValue::Utf8String("dev".to_owned()),
        DnValue::PrintableString("dev".try_into().unwrap()),
        DnValue::BmpString("dev".try_into().unwrap()),
    ] {
        assert!(admits(&allowed, &subject(DnType::CommonName, value.clone())), "{value:?}");
    }
    let teletex = DnValue::TeletexString("dev".try_into().unwrap());
    assert!(!admits(&allowed, &subject(DnType::CommonName, teletex)));
}

#[test]
fn none_of_two_common_names_counts() {
    let two = peer(|params| {
        params.distinguished_name.push(DnType::CommonName, "dev");
        // The builder replaces what is of the same kind, so this one is written by its number.
        let number = DnType::CustomDnType(vec![2, 5, 4, 3]);
        params.distinguished_name.push(number, "guest");
    });
    assert_eq!(two.certificate.as_ref().unwrap().common_names.len(), 2);
    let allowed = Allowed { common_names: texts(&["dev", "guest"]), ..Allowed::default() };
    let refusal = Rules::parse(&allowed).unwrap().admit(&two).unwrap_err();
    assert!(refusal.to_string().contains("several common names"), "{refusal}");
}

#[test]
fn an_organizational_unit_fits_character_by_character_and_any_of_them_will_do() {
    let allowed = Allowed { organizational_units: texts(&["dev.one"]), ..Allowed::default() };
    let unit = DnType::OrganizationalUnitName;
    assert!(admits(&allowed, &subject(unit.clone(), "dev.one")));
    for name in NEAR {
        assert!(!admits(&allowed, &subject(unit.clone(), name)), "{name:?}");
    }
    assert!(!admits(&allowed, &subject(DnType::CommonName, "dev.one")));
    assert!(admits(
        &allowed,
        &peer(|params| {
            params.distinguished_name.push(unit, "others");
            let number = DnType::CustomDnType(vec![2, 5, 4, 11]);
            params.distinguished_name.push(number, "dev.one");
        })
    ));
}

#[test]
fn a_dns_name_fits_character_by_character_and_any_of_them_will_do() {
    let allowed = Allowed { dns_names: texts(&["dev.one"]), ..Allowed::default() };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    assert!(admits(&allowed, &alternative(dns("dev.one"))));
    for name in NEAR {
        assert!(!admits(&allowed, &alternative(dns(name))), "{name:?}");
    }
    assert!(admits(
        &allowed,
        &peer(|params| params.subject_alt_names = vec![dns("a"), dns("dev.one")])
    ));
    assert!(!admits(&allowed, &subject(DnType::CommonName, "dev.one")));
    let uri = SanType::URI("dev.one".try_into().unwrap());
    assert!(!admits(&allowed, &alternative(uri)));
}

#[test]
fn a_uri_fits_character_by_character_but_for_its_wildcards() {
    let uri = |text: &str| alternative(SanType::URI(text.try_into().unwrap()));
    let literal = Allowed { uris: texts(&["dev.one"]), ..Allowed::default() };
    assert!(admits(&literal, &uri("dev.one")));
    for name in NEAR {
        assert!(!admits(&literal, &uri(name)), "{name:?}");
    }
    let pattern = Allowed { uris: texts(&["spiffe://prod/*/api"]), ..Allowed::default() };
    assert!(admits(&pattern, &uri("spiffe://prod/web/api")));
    for other in ["spiffe://prod/a/b/api", "spiffe://prod/we\0b/api", "spiffe://prod/web/API"] {
        assert!(!admits(&pattern, &uri(other)), "{other:?}");
    }
}

#[test]
fn a_fingerprint_fits_one_certificate() {
    let (one, twin) = (subject(DnType::CommonName, "dev"), subject(DnType::CommonName, "dev"));
    let fingerprint = one.certificate.as_ref().unwrap().fingerprint.to_string();
    let allowed =
        Allowed { fingerprints: texts(&[&fingerprint.to_uppercase()]), ..Allowed::default() };
    assert!(admits(&allowed, &one));
    assert!(!admits(&allowed, &twin));
}

#[test]
fn one_rule_that_fits_is_enough() {
    let allowed = Allowed {
        common_names: texts(&["nobody"]),
        organizational_units: texts(&["pilots"]),
        ..Allowed::default()
    };
    assert!(admits(
        &allowed,
        &peer(|params| {
            params.distinguished_name.push(DnType::CommonName, "dev");
            params.distinguished_name.push(DnType::OrganizationalUnitName, "pilots");
        })
    ));
    let refusal = Rules::parse(&allowed).unwrap().admit(&subject(DnType::CommonName, "dev"));
    assert!(refusal.unwrap_err().to_string().starts_with("no rule admits dev ("));
}

#[test]
fn without_rules_everybody_of_the_ca_comes_in_and_with_one_nobody_without_a_certificate() {
    let dev = subject(DnType::CommonName, "dev");
    let nobody = Peer { certificate: None, ..dev.clone() };
    let open = Rules::parse(&Allowed::default()).unwrap();
    assert!(open.is_empty());
    assert_eq!((open.admit(&dev), open.admit(&nobody)), (Ok(()), Ok(())));
    for allowed in [
        Allowed { common_names: texts(&["dev"]), ..Allowed::default() },
        Allowed { organizational_units: texts(&["dev"]), ..Allowed::default() },
        Allowed { dns_names: texts(&["dev"]), ..Allowed::default() },
        Allowed { uris: texts(&["**"]), ..Allowed::default() },
        Allowed { fingerprints: texts(&[&"0".repeat(64)]), ..Allowed::default() },
    ] {
        let rules = Rules::parse(&allowed).unwrap();
        assert!(!rules.is_empty(), "{allowed:?}");
        assert_eq!(rules.admit(&nobody), Err(Refusal::NoCertificate), "{allowed:?}");
    }
}

#[test]
fn a_rule_that_could_fit_nobody_is_refused_by_its_flag() {
    let wrong = |allowed: Allowed, flag: &str| {
        let report = Rules::parse(&allowed).unwrap_err();
        assert!(report.error.contains(flag) && report.cause.is_some(), "{report}");
    };
    let empty = || texts(&["dev", ""]);
    wrong(Allowed { common_names: empty(), ..Allowed::default() }, "`--allow-cn`");
    wrong(Allowed { organizational_units: empty(), ..Allowed::default() }, "`--allow-ou`");
    wrong(Allowed { dns_names: empty(), ..Allowed::default() }, "`--allow-dns`");
    wrong(Allowed { uris: empty(), ..Allowed::default() }, "`--allow-uri`");
    wrong(Allowed { fingerprints: empty(), ..Allowed::default() }, "`--allow-fingerprint`");
    wrong(Allowed { common_names: texts(&["a\0"]), ..Allowed::default() }, "`--allow-cn`");
    wrong(Allowed { uris: texts(&["spiffe://a/b*"]), ..Allowed::default() }, "`--allow-uri`");
    let sha1 = Allowed { fingerprints: texts(&["ab:cd"]), ..Allowed::default() };
    wrong(sha1, "`--allow-fingerprint`");
}
