//! What certificates and handshakes tell, in words and as facts.

use std::time::Duration;
use std::time::SystemTime;

use serde_json::Value;
use serde_json::json;

use crate::command::probe::ProbeConfig;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Step;
use crate::tls::Asked;
use crate::tls::CertificateFacts;
use crate::tls::ClientTls;
use crate::tls::Flaw;
use crate::tls::HandshakeFacts;
use crate::tls::IdentityFacts;
use crate::tls::Trust;
use crate::tls::utc;

/// The step of our own certificate, and of the CAs that were given.
pub(super) fn identity(config: &ProbeConfig, tls: &ClientTls) -> Entry {
    let entry = match tls.identity_facts() {
        Some(facts) => ours(&facts, config.warn_expiry),
        None => Entry::new(Step::Identity)
            .line("no client certificate is given")
            .fact("certificates", json!([])),
    };
    let now = SystemTime::now();
    let cas = tls.given_cas();
    let entry = entry.fact("givenCas", cas.iter().map(certificate).collect::<Vec<_>>());
    cas.iter().fold(entry, |entry, ca| {
        let entry = entry.line(format!("trusts servers of {}", ca.subject));
        let what = format!("the certificate of the CA {}", ca.subject);
        ca.expiry_warning(&what, now, config.warn_expiry).into_iter().fold(entry, Entry::warn)
    })
}

fn ours(facts: &IdentityFacts, soon: Duration) -> Entry {
    let entry = Entry::new(Step::Identity);
    let Some(leaf) = facts.chain.first() else { return entry };
    let entry = entry
        .line(format!("{} from {}", leaf.subject, facts.origin))
        .line(format!("{}, issued by {}", leaf.key, leaf.issuer))
        .line(days(leaf))
        .line(sent(facts))
        .fact("certificates", facts.chain.iter().map(certificate).collect::<Vec<_>>())
        .fact("daysLeft", leaf.days_left(SystemTime::now()))
        // Another key is refused before.
        .fact("keyMatches", true)
        .fact("keyMode", facts.key_mode.map(|mode| format!("{mode:03o}")))
        .fact("reordered", facts.reordered)
        .fact("leftOut", facts.left_out);
    let warnings = facts.warnings.iter().cloned().chain(oddities(facts, leaf, soon));
    warnings.fold(entry, Entry::warn)
}

/// What goes to the server, and how the files have it.
fn sent(facts: &IdentityFacts) -> String {
    let mode = facts.key_mode.map(|mode| format!(" (mode {mode:03o})")).unwrap_or_default();
    let others = match facts.chain.len() - 1 {
        0 => "it is sent alone".to_owned(),
        1 => "an intermediate is sent with it".to_owned(),
        others => format!("{others} intermediates are sent with it"),
    };
    let order = if facts.reordered { ", in the order that TLS wants" } else { "" };
    let rest = match facts.left_out {
        0 => String::new(),
        1 => "; another certificate of the file is not".to_owned(),
        rest => format!("; {rest} other certificates of the file are not"),
    };
    format!("the key matches{mode}; {others}{order}{rest}")
}

/// What is to be seen to before a server says it.
fn oddities(facts: &IdentityFacts, leaf: &CertificateFacts, soon: Duration) -> Vec<String> {
    let now = SystemTime::now();
    let expiry = leaf.expiry_warning("the client certificate", now, soon);
    let flaw = Flaw::of(facts, now).filter(|_| !leaf.has_ended(now));
    let refused =
        |Flaw { what, hint }| format!("servers may refuse the client certificate, {what}: {hint}");
    expiry.into_iter().chain(flaw.map(refused)).collect()
}

/// The step of a handshake that succeeded.
pub(super) fn secured(facts: &HandshakeFacts) -> Entry {
    let parts = [facts.version.map(str::to_owned), facts.cipher.clone(), facts.group.clone()];
    let alpn = facts.alpn.clone().unwrap_or_else(|| "no ALPN".to_owned());
    let parts: Vec<String> = parts.into_iter().flatten().chain([alpn]).collect();
    let entry = Entry::new(Step::Tls)
        .line(parts.join(", "))
        .fact("version", facts.version)
        .fact("cipher", facts.cipher.clone())
        .fact("group", facts.group.clone())
        .fact("alpn", facts.alpn.clone());
    let entry = server(entry, facts);
    match &facts.trust {
        None | Some(Trust::Refused) => entry,
        Some(Trust::Unverified) => entry
            .fact("trust", "unverified")
            .warn("the server's certificate was not verified (`--tls-insecure-skip-verify`)"),
        Some(Trust::Pinned) => {
            entry.fact("trust", "pinned").line("trusted as one of the certificates in `--tls-ca`")
        }
        Some(Trust::Given(ca)) => entry
            .fact("trust", "given")
            .fact("trustedBy", ca.clone())
            .line(format!("trusted by {ca} in `--tls-ca`")),
        Some(Trust::System(ca)) => entry
            .fact("trust", "system")
            .fact("trustedBy", ca.clone())
            .line(format!("trusted by the system's {ca}")),
    }
}

/// Adds what the server was told, and what it presented and asked for.
pub(super) fn server(mut entry: Entry, facts: &HandshakeFacts) -> Entry {
    entry = entry.fact("sni", facts.sni.clone());
    if let Some(name) = &facts.sni {
        entry = entry.line(format!("the name sent is {name}"));
    }
    if let Some(leaf) = facts.chain.first() {
        let names =
            if leaf.names.is_empty() { "no name".to_owned() } else { leaf.names.join(", ") };
        entry = entry
            .line(format!("server {}, for {names}", leaf.subject))
            .line(format!("{}, issued by {}", leaf.key, leaf.issuer))
            .line(days(leaf));
    }
    let issuers = facts.asked.as_ref().map(Asked::issuers);
    entry = match &issuers {
        None if facts.chain.is_empty() => entry,
        None => entry.line("it asks for no client certificate"),
        Some(any) if any.is_empty() => entry.line("it asks for a client certificate, of any CA"),
        Some(issuers) => {
            entry.line(format!("it asks for a client certificate of {}", issuers.join(" or ")))
        }
    };
    entry
        .fact("serverCertificates", facts.chain.iter().map(certificate).collect::<Vec<_>>())
        .fact("asksForCertificate", issuers.is_some())
        .fact("acceptedIssuers", issuers.unwrap_or_default())
}

fn days(certificate: &CertificateFacts) -> String {
    let (from, to) = (utc(certificate.not_before), utc(certificate.not_after));
    match certificate.days_left(SystemTime::now()) {
        left if left < 0 => format!("expired on {to}"),
        1 => format!("valid from {from} to {to}, 1 day left"),
        left => format!("valid from {from} to {to}, {left} days left"),
    }
}

fn certificate(facts: &CertificateFacts) -> Value {
    json!({
        "subject": facts.subject,
        "issuer": facts.issuer,
        "names": facts.names,
        "notBefore": utc(facts.not_before),
        "notAfter": utc(facts.not_after),
        "daysLeft": facts.days_left(SystemTime::now()),
        "key": facts.key,
        "version": facts.version,
        "isCa": facts.is_ca,
        "purposes": facts.purposes,
        "sha256": facts.fingerprint,
    })
}
