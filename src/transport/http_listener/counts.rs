//! What is counted about connections.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Numbers since the start, and how many connections are open.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections that are open, handshakes included.
    pub open: AtomicU64,
    /// Connections closed at once since there were too many.
    pub turned_away: AtomicU64,
    /// Bytes read from clients, after decryption.
    pub bytes_in: AtomicU64,
    /// Bytes written to clients, before encryption.
    pub bytes_out: AtomicU64,
    handshake_failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    /// Handshakes that failed, by reason.
    pub fn handshake_failures(&self) -> BTreeMap<&'static str, u64> {
        self.handshake_failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn handshake_failed(&self, reason: &'static str) {
        let mut failures = self.handshake_failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(reason).or_default() += 1;
    }
}

/// A connection that is counted as open as long as this lives.
pub(super) struct Open(pub(super) std::sync::Arc<Counts>);

impl Open {
    pub(super) fn new(counts: &std::sync::Arc<Counts>) -> Self {
        counts.accepted.fetch_add(1, Relaxed);
        counts.open.fetch_add(1, Relaxed);
        Self(std::sync::Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
