//! State that one thread changes and another waits for: no test sleeps.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::watch;

/// Longest wait for anything that is going to happen. Only a failing test takes it.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A value with a bell.
#[derive(Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    bell: Condvar,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), bell: Condvar::new() }
    }

    /// The value as it is. A panic elsewhere does not matter here, it is reported there.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.bell.notify_all();
        result
    }

    /// Waits until `ready` gives something.
    #[track_caller]
    pub(crate) fn wait<R>(&self, what: &str, ready: impl FnMut(&mut T) -> Option<R>) -> R {
        let place = Location::caller();
        let ready = self.wait_for(LIMIT, ready);
        ready.unwrap_or_else(|| panic!("no {what} within {LIMIT:?}, at {place}"))
    }

    /// Waits until `ready` gives something, but not longer than `limit`.
    pub(crate) fn wait_for<R>(
        &self,
        limit: Duration,
        mut ready: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        let end = Instant::now() + limit;
        let mut value = self.lock();
        loop {
            if let Some(result) = ready(&mut value) {
                return Some(result);
            }
            let left = end.checked_duration_since(Instant::now())?;
            value = self.bell.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A door in a remote's script: whoever reaches it waits until the test opens it.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(watch::Sender<bool>, Watched<usize>)>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new((watch::Sender::new(false), Watched::new(0))))
    }

    /// Lets everybody through, now and later.
    pub(crate) fn open(&self) {
        self.0.0.send_replace(true);
    }

    /// Waits until `count` visitors have come to the door.
    #[track_caller]
    pub(crate) fn wait_for_visitors(&self, count: usize) {
        self.0.1.wait("visitor at the gate", |visitors| (*visitors >= count).then_some(()));
    }

    /// Comes to the door and passes once it is open.
    pub(crate) async fn pass(&self) {
        self.0.1.change(|visitors| *visitors += 1);
        let mut open = self.0.0.subscribe();
        // Fails only when the sender is gone, and we hold one.
        let _ = open.wait_for(|open| *open).await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}
