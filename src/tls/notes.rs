//! What is noted while a handshake runs: the verifiers and resolvers, which many handshakes share,
//! leave it for the one that runs.

use std::cell::RefCell;
use std::future::Future;

use rustls_pki_types::CertificateDer;

use crate::tls::certificate;
use crate::tls::facts::Asked;
use crate::tls::facts::CertificateFacts;

/// What a peer presented, for the explanation of a refusal.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    /// Its own certificate.
    pub(super) leaf: CertificateFacts,
    /// Whether that names itself as its issuer.
    pub(super) self_issued: bool,
    /// Those beside it, as far as they can be read.
    pub(super) others: Vec<CertificateFacts>,
    /// Whether an RSA key signed its own.
    pub(super) signed_by_rsa: bool,
    /// Whether the certificate itself was refused, and not the handshake that it was used for.
    pub(super) refused: bool,
}

impl Presented {
    /// The CA that comes next above what was sent.
    pub(super) fn missing_issuer(&self) -> &str {
        let mut top = &self.leaf;
        // Each certificate leads up once, whatever the names say.
        for _ in &self.others {
            match self.others.iter().find(|it| it.subject == top.issuer) {
                Some(above) if above.issuer != above.subject => top = above,
                _ => break,
            }
        }
        &top.issuer
    }
}

/// The notes of one handshake.
#[derive(Debug, Default)]
pub(super) struct Notes {
    shown: Option<Shown>,
    /// The peer, a server, asked for a certificate.
    pub(super) asked: Option<Asked>,
}

/// As it came: most handshakes succeed, and then nobody reads it.
#[derive(Debug)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    refused: bool,
}

impl Notes {
    /// What the peer presented, if it got that far and it can be read.
    pub(super) fn presented(&self) -> Option<Presented> {
        let Shown { chain, refused } = self.shown.as_ref()?;
        let (leaf, others) = chain.split_first()?;
        let parsed = certificate::parse(leaf)?;
        Some(Presented {
            self_issued: certificate::is_self_issued(&parsed),
            signed_by_rsa: certificate::is_signed_by_rsa(&parsed),
            leaf: CertificateFacts::read(leaf)?,
            others: CertificateFacts::of_chain(others),
            refused: *refused,
        })
    }
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// Runs a handshake and returns beside its result what was noted meanwhile.
pub(super) async fn taken<F: Future>(handshake: F) -> (F::Output, Notes) {
    let noted = async {
        let result = handshake.await;
        (result, NOTES.with(RefCell::take))
    };
    NOTES.scope(RefCell::default(), noted).await
}

/// The peer showed this chain, and it was judged.
pub(super) fn shown(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], refused: bool) {
    let chain = [leaf].into_iter().chain(others).map(|der| der.clone().into_owned()).collect();
    note(|notes| notes.shown = Some(Shown { chain, refused }));
}

/// The server asked for a certificate of one of these CAs.
pub(super) fn asked(hints: &[&[u8]]) {
    note(|notes| notes.asked = Some(Asked::of(hints)));
}

fn note(write: impl FnOnce(&mut Notes)) {
    // Outside of a handshake of ours nobody asks.
    let _ = NOTES.try_with(|notes| write(&mut notes.borrow_mut()));
}
