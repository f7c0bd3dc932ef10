//! Whether a connection is in use.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// The requests that run on one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    running: usize,
    // No request has come yet.
    unused: bool,
    // When the last one ended, or the connection began.
    since: Instant,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { running: 0, unused: true, since: Instant::now() })))
    }

    /// A request that runs until this is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.change(|state| {
            state.running += 1;
            state.unused = false;
        });
        Running(Arc::clone(self))
    }

    /// Whether no request has come yet.
    pub(super) fn is_unused(&self) -> bool {
        self.change(|state| state.unused)
    }

    /// Completes when no request has run for `limit`.
    pub(super) async fn idle(&self, limit: Duration) {
        loop {
            let rest = self.change(|state| {
                let over = if state.running > 0 { Duration::ZERO } else { state.since.elapsed() };
                limit.saturating_sub(over)
            });
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest).await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One request, from its head to the end of its answer.
pub(super) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.running -= 1;
            state.since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Activity;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_some_time_after_its_last_request() {
        let activity = Activity::new();
        let running = activity.begin();
        let begun = Instant::now();
        let end = async {
            tokio::time::sleep(3 * LIMIT).await;
            drop(running);
        };
        tokio::join!(activity.idle(LIMIT), end);
        assert_eq!(begun.elapsed().as_secs(), 4 * LIMIT.as_secs());
    }
}
