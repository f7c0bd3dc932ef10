//! How long to wait before the next attempt.

use std::time::Duration;

use crate::limits;

/// Exponential back-off with full jitter, so that many clients of a server that comes back do not
/// come back at the same moment.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The pause before the next attempt: at least what the peer `asked` for.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let ceiling = limits::BACKOFF_FIRST.saturating_mul(1 << self.attempts.min(16));
        self.attempts = self.attempts.saturating_add(1);
        let jittered = ceiling.min(limits::BACKOFF_CAP).mul_f64(fastrand::f64());
        let floor = asked.unwrap_or(limits::BACKOFF_FLOOR).min(limits::BACKOFF_CAP);
        if self.attempts == 1 && asked.is_some() { floor } else { floor.max(jittered) }
    }

    /// The connection has proved good: the next break starts from the beginning.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::limits;
    use crate::retry::Backoff;

    #[test]
    fn pauses_grow_to_a_cap_and_start_over_after_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.next(None)).collect();
        assert!(pauses.iter().all(|pause| *pause <= limits::BACKOFF_CAP));
        assert!(pauses.iter().all(|pause| *pause >= limits::BACKOFF_FLOOR));
        assert!(pauses.iter().max().unwrap() > &(limits::BACKOFF_CAP / 2));
        backoff.reset();
        assert!(backoff.next(None) <= limits::BACKOFF_FIRST.max(limits::BACKOFF_FLOOR));
    }

    #[test]
    fn the_peer_may_ask_for_a_pause() {
        let asked = Some(Duration::from_millis(500));
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(asked), Duration::from_millis(500));
        assert!(backoff.next(asked) >= Duration::from_millis(500));
        assert!(backoff.next(Some(Duration::from_secs(3600))) <= limits::BACKOFF_CAP);
    }
}
