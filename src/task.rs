//! Every task has an owner.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A group of tasks. Dropping it stops them all.
#[derive(Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` until it ends or the group stops.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        // It is moved several times on its way to the runtime, and it may be large.
        let future = Box::pin(future);
        #[allow(clippy::disallowed_methods, reason = "this is the owner")]
        tokio::spawn(self.tracker.track_future(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = future => {}
            }
        }));
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Tells all of them to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until all have ended, by themselves or by [`Tasks::stop`].
    pub async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use crate::task::Tasks;

    #[tokio::test]
    async fn dropping_the_owner_stops_its_tasks() {
        let (alive, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let tasks = Tasks::new();
        tasks.spawn(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        assert_eq!(tasks.len(), 1);
        drop(tasks);
        assert_eq!(ended.recv().await, None);
    }

    #[tokio::test]
    async fn a_group_is_finished_when_its_tasks_are() {
        let tasks = Tasks::new();
        tasks.spawn(async {});
        tasks.finished().await;
        assert!(tasks.is_empty());
    }
}
