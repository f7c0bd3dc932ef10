//! A short wait that costs next to nothing where what is waited for comes at once: a timer for each
//! request would be a system call for each.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use tokio::sync::Notify;

use crate::limits;

/// One clock for all who wait in one session. It stands still while nobody does.
#[derive(Debug, Default)]
pub(super) struct Patience {
    waiting: AtomicUsize,
    somebody: Notify,
    tick: Notify,
}

impl Patience {
    /// Completes after one to two times [`limits::ANSWER_AT_ONCE`].
    pub(super) async fn moment(&self) {
        let _waiting = Waiting::new(self);
        self.tick.notified().await;
        self.tick.notified().await;
    }

    /// Keeps the clock going.
    pub(super) async fn run(&self) {
        loop {
            self.somebody.notified().await;
            while self.waiting.load(SeqCst) > 0 {
                tokio::time::sleep(limits::ANSWER_AT_ONCE).await;
                self.tick.notify_waiters();
            }
        }
    }
}

/// Counted as long as it lives.
struct Waiting<'a>(&'a Patience);

impl<'a> Waiting<'a> {
    fn new(patience: &'a Patience) -> Self {
        if patience.waiting.fetch_add(1, SeqCst) == 0 {
            // Heard later, if the clock is going.
            patience.somebody.notify_one();
        }
        Self(patience)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Patience;
    use crate::limits;

    #[tokio::test(start_paused = true)]
    async fn a_moment_is_short_however_often_it_is_waited_for() {
        let patience = Patience::default();
        let waits = async {
            for _ in 0..3 {
                let begun = Instant::now();
                patience.moment().await;
                let took = begun.elapsed();
                let range = limits::ANSWER_AT_ONCE..=3 * limits::ANSWER_AT_ONCE;
                assert!(range.contains(&took), "{took:?}");
                // The clock stands still meanwhile.
                tokio::time::sleep(10 * limits::ANSWER_AT_ONCE).await;
            }
        };
        tokio::select! {
            () = waits => {}
            () = patience.run() => {}
        }
    }
}
