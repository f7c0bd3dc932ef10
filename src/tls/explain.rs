//! Turns what a connection failed with into a cause and a hint.

mod alert;
mod flaw;
mod verdict;

use std::error::Error;
use std::io;
use std::time::SystemTime;

use rustls::Error as TlsError;
use rustls::InvalidMessage;
use rustls::PeerIncompatible;

use crate::tls::facts::HandshakeFacts;
use crate::tls::facts::IdentityFacts;
use crate::tls::facts::Trust;
use crate::tls::failure::EarlyEnd;
use crate::tls::failure::HandshakeFailure;
use crate::tls::notes::Presented;

pub use crate::tls::explain::flaw::Flaw;

/// Whom we talked to, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The URL's host.
    pub host: &'a str,
    /// The URL's port.
    pub port: u16,
    /// Our client certificate, if we have one.
    pub identity: Option<&'a IdentityFacts>,
}

impl Peer<'_> {
    /// What is wrong with our client certificate, as far as can be told here.
    fn flaw(&self) -> Option<Flaw> {
        Flaw::of(self.identity?, SystemTime::now())
    }

    /// ``; we sent CN=... from `...` `` and what is wrong with it, or nothing.
    fn sent(&self) -> String {
        let Some(identity) = self.identity else { return String::new() };
        let flaw = self.flaw().map(|flaw| format!(", {}", flaw.what)).unwrap_or_default();
        format!("; we sent {}{flaw}", identity.shown())
    }
}

/// The second and third line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The deepest known cause, with the term of the TLS world in backticks.
    pub cause: String,
    /// One thing to do about it.
    pub hint: Option<String>,
    /// Whether this is proof that the peer never read what was sent over the connection.
    pub proof: bool,
    /// Whether the handshake or a certificate is to blame, and not what came after it.
    pub of_handshake: bool,
}

impl Explanation {
    fn new(cause: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..Self::without_hint(cause) }
    }

    fn without_hint(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: None, proof: false, of_handshake: true }
    }
}

/// Explains an error that has to do with TLS, however deep it is wrapped. `None` means that TLS
/// is not the cause.
pub fn explain(error: &(dyn Error + 'static), about: &Peer<'_>) -> Option<Explanation> {
    let found = Found::in_chain(error);
    let proof = found.handshake.is_some() || found.tls.is_some_and(alert::refuses_handshake);
    let explanation = match (found.tls, found.handshake, found.early_end) {
        (Some(TlsError::AlertReceived(alert)), handshake, _) => {
            // What comes after the handshake is about the certificate: the rest is agreed on.
            let asked = handshake.is_none_or(|it| it.asked.is_some());
            alert::explain(*alert, asked, about)
        }
        (Some(tls), handshake, _) => {
            explain_tls(tls, handshake.and_then(|it| it.presented.as_ref()), about)
        }
        (None, Some(handshake), _) => explain_broken_handshake(&handshake.source, about),
        (None, None, Some(end)) => explain_early_end(end, about),
        (None, None, None) => return None,
    };
    Some(Explanation { proof, ..explanation })
}

/// What is known of a handshake that failed: what the server presented, and whether it asked for a
/// certificate of ours. `None` where `error` is not that of a handshake.
pub fn handshake_facts(error: &(dyn Error + 'static)) -> Option<HandshakeFacts> {
    let handshake = Found::in_chain(error).handshake?;
    let presented = handshake.presented.clone();
    let trust = presented.as_ref().filter(|it| it.refused).map(|_| Trust::Refused);
    let chain = presented.map(|it| [vec![it.leaf], it.others].concat()).unwrap_or_default();
    let asked = handshake.asked.clone();
    Some(HandshakeFacts { chain, asked, trust, ..HandshakeFacts::default() })
}

/// The parts of an error chain that say something about TLS.
#[derive(Default)]
struct Found<'a> {
    tls: Option<&'a TlsError>,
    handshake: Option<&'a HandshakeFailure>,
    early_end: Option<&'a EarlyEnd>,
}

impl<'a> Found<'a> {
    /// Walks the chain. `io::Error::source` skips the error that it carries, so that one is asked
    /// for by `get_ref`.
    fn in_chain(error: &'a (dyn Error + 'static)) -> Self {
        let mut found = Self::default();
        let mut next = Some(error);
        while let Some(error) = next {
            found.tls = found.tls.or(error.downcast_ref());
            found.handshake = found.handshake.or(error.downcast_ref());
            found.early_end = found.early_end.or(error.downcast_ref());
            let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = carried.map(|carried| carried as &(dyn Error + 'static)).or(error.source());
        }
        found
    }
}

fn explain_tls(error: &TlsError, presented: Option<&Presented>, about: &Peer<'_>) -> Explanation {
    match error {
        TlsError::InvalidCertificate(verdict) => verdict::explain(verdict, presented, about),
        TlsError::InvalidCertRevocationList(error) => Explanation::new(
            format!("a revocation list cannot be used: `{error:?}`"),
            "pass a valid CRL of the server's CA with `--tls-crl`",
        ),
        TlsError::InvalidMessage(kind) => explain_invalid_message(kind, about),
        TlsError::PeerIncompatible(kind) => explain_incompatible(kind),
        TlsError::General(text) => Explanation::without_hint(text.clone()),
        other => Explanation::without_hint(format!("the server broke the TLS protocol: {other}")),
    }
}

/// Something other than a TLS record: mostly plain HTTP.
fn explain_invalid_message(kind: &InvalidMessage, about: &Peer<'_>) -> Explanation {
    Explanation::new(
        format!("what answers on port {} does not speak TLS (`{kind:?}`)", about.port),
        "check the port; a server that speaks plain HTTP needs an `http://` URL and `--allow-http`",
    )
}

fn explain_incompatible(kind: &PeerIncompatible) -> Explanation {
    match kind {
        PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => Explanation::new(
            format!(
                "the server speaks TLS 1.2 only, and TLS 1.3 is the least we accept (`{kind:?}`)"
            ),
            "allow it with `--tls-min-version TLSv1.2`",
        ),
        PeerIncompatible::ServerDoesNotSupportTls12Or13 => Explanation::new(
            format!("the server speaks neither TLS 1.2 nor TLS 1.3 (`{kind:?}`)"),
            "enable TLS 1.2 or 1.3 at the server: older versions are broken",
        ),
        _ => Explanation::without_hint(format!(
            "the server and we have no TLS parameters in common (`{kind:?}`)"
        )),
    }
}

fn explain_broken_handshake(error: &io::Error, about: &Peer<'_>) -> Explanation {
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "closed the connection",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset the connection",
        _ => return Explanation::without_hint(format!("the TLS handshake failed: {error}")),
    };
    let cause = format!("the server {what} during the TLS handshake");
    match about.flaw() {
        Some(flaw) => Explanation::new(cause + &about.sent(), flaw.hint),
        None if about.identity.is_some() => Explanation::new(
            cause,
            format!("check that port {} speaks TLS, and the log of the server", about.port),
        ),
        None => Explanation::new(
            cause,
            "if the server demands a client certificate, pass it with `--tls-cert` and `--tls-key`",
        ),
    }
}

fn explain_early_end(end: &EarlyEnd, about: &Peer<'_>) -> Explanation {
    let what = match end.source.kind() {
        io::ErrorKind::UnexpectedEof => "closed",
        _ => "reset",
    };
    let cause = format!("the server {what} the connection right after the TLS handshake");
    // A front such as stunnel ends it in the same way when nobody listens behind it.
    const BEHIND: &str = "if it is a proxy for TLS, check that its own server runs";
    if !end.asked {
        let hint = format!("the log of the server says why; {BEHIND}");
        return Explanation { of_handshake: false, ..Explanation::new(cause, hint) };
    }
    if about.identity.is_none() {
        return Explanation::new(
            format!("{cause}: it probably demands a client certificate"),
            "pass one with `--tls-cert` and `--tls-key`, or with `--tls-pfx`",
        );
    }
    let hint = about.flaw().map_or_else(
        || {
            format!(
                "the log of the server says why; ask for a certificate of a CA that it trusts, or \
                 {BEHIND}"
            )
        },
        |flaw| flaw.hint.to_owned(),
    );
    let sent = about.sent();
    Explanation::new(format!("{cause}: it probably rejected the client certificate{sent}"), hint)
}
