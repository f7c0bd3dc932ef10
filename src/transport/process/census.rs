//! How many children there are and were.

use std::process::ExitStatus;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tokio::sync::watch;

/// What has been counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Children that were started.
    pub spawned: u64,
    /// Children that run, their whole groups counted as one.
    pub running: usize,
    /// Children that exited with status 0.
    pub exited_well: u64,
    /// Children that exited with another status, or nobody knows with which.
    pub exited_badly: u64,
    /// Children that a signal ended, one of ours or another.
    pub ended_by_signal: u64,
    /// Children that had to be told to end: they, or others of their group, did not go by themselves.
    pub terminated: u64,
    /// Those of them that SIGTERM did not end.
    pub killed: u64,
    /// Lines on standard output that were no messages.
    pub noise_lines: u64,
    /// Lines on standard error.
    pub stderr_lines: u64,
    /// Lines, of both, that were not logged since there were too many.
    pub unlogged_lines: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Census {
    pub(crate) spawned: AtomicU64,
    pub(crate) exited_well: AtomicU64,
    pub(crate) exited_badly: AtomicU64,
    pub(crate) ended_by_signal: AtomicU64,
    pub(crate) terminated: AtomicU64,
    pub(crate) killed: AtomicU64,
    pub(crate) noise_lines: AtomicU64,
    pub(crate) stderr_lines: AtomicU64,
    pub(crate) unlogged_lines: AtomicU64,
    running: watch::Sender<usize>,
    // A child has ended right after its start, and nobody had asked for it.
    pub(crate) early_end: Notify,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Census {
    pub(crate) fn begin(&self) {
        count(&self.spawned);
        self.running.send_modify(|running| *running += 1);
    }

    pub(crate) fn end(&self) {
        self.running.send_modify(|running| *running = running.saturating_sub(1));
    }

    /// Notes how the first process of a group ended.
    pub(crate) fn exit(&self, status: Option<ExitStatus>) {
        count(match status {
            Some(status) if status.success() => &self.exited_well,
            Some(status) if status.code().is_none() => &self.ended_by_signal,
            _ => &self.exited_badly,
        });
    }

    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until none runs.
    pub(crate) async fn all_gone(&self) {
        // The sender is here: it cannot be gone.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            spawned: read(&self.spawned),
            running: self.running(),
            exited_well: read(&self.exited_well),
            exited_badly: read(&self.exited_badly),
            ended_by_signal: read(&self.ended_by_signal),
            terminated: read(&self.terminated),
            killed: read(&self.killed),
            noise_lines: read(&self.noise_lines),
            stderr_lines: read(&self.stderr_lines),
            unlogged_lines: read(&self.unlogged_lines),
        }
    }
}
