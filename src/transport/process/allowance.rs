//! How many lines of one child may be logged.

use tokio::time::Instant;

use crate::limits;

/// A burst, then some lines in each second.
pub(crate) struct Allowance {
    lines: u32,
    refilled: Instant,
    dropped: u64,
}

impl Allowance {
    pub(crate) fn new() -> Self {
        Self { lines: limits::CHILD_LOG_BURST, refilled: Instant::now(), dropped: 0 }
    }

    /// Whether one more line may be shown, and how many before it were not and have not been told.
    /// Whole seconds count, so that this is told once a second at most.
    pub(crate) fn take(&mut self) -> Option<u64> {
        let seconds = self.refilled.elapsed().as_secs();
        if seconds > 0 {
            self.refilled = Instant::now();
            let more = u64::from(limits::CHILD_LOG_RATE).saturating_mul(seconds);
            let lines = u64::from(self.lines).saturating_add(more);
            self.lines = u32::try_from(lines).unwrap_or(u32::MAX).min(limits::CHILD_LOG_BURST);
        }
        match self.lines.checked_sub(1) {
            Some(left) => {
                self.lines = left;
                Some(self.untold())
            }
            None => {
                self.dropped += 1;
                None
            }
        }
    }

    /// How many were not shown since this was last told.
    pub(crate) fn untold(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Allowance;
    use crate::limits;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_to_a_burst_and_then_a_rate_and_what_is_dropped_is_counted() {
        let mut allowance = Allowance::new();
        let shown = |allowance: &mut Allowance| {
            (0..1000).filter(|_| allowance.take().is_some()).count() as u32
        };
        assert_eq!(shown(&mut allowance), limits::CHILD_LOG_BURST);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(allowance.take(), Some(u64::from(1000 - limits::CHILD_LOG_BURST)));
        assert_eq!(shown(&mut allowance), limits::CHILD_LOG_RATE - 1);
        assert_eq!(allowance.untold(), u64::from(1000 - limits::CHILD_LOG_RATE + 1));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(shown(&mut allowance), limits::CHILD_LOG_BURST, "no more than a burst");
    }
}
