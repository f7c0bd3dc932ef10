//! Every task has an owner, and polls only what was woken.

use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::atomic::Ordering::Release;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;

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
        let mut future = Box::pin(future);
        #[allow(clippy::disallowed_methods, reason = "this is the owner")]
        tokio::spawn(self.tracker.track_future(async move {
            let stopped = stop.cancelled();
            tokio::pin!(stopped);
            let mut listens = false;
            poll_fn(|cx| {
                // A task has one waker for all its life: to say once that it listens is enough.
                let look = !listens || stop.is_cancelled();
                if look && stopped.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                listens = true;
                future.as_mut().poll(cx)
            })
            .await;
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

/// Lets all tasks that can run now run first: they may add to what is about to be done. Unlike
/// [`tokio::task::yield_now`] it does not ask the system for news, which would cost a system call.
pub async fn after_others() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A future that waits beside a busier one in the same task. It is polled when it was woken itself, and
/// not whenever the other one was, which `select!` would do.
pub struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What rings for the future alone.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Aside<F> {
    /// Nothing happens before it is polled.
    pub fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future: Box::pin(future), waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.bell.tell(cx.waker());
        if !this.bell.rung.swap(false, AcqRel) {
            return Poll::Pending;
        }
        this.future.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

impl Bell {
    /// Whom to wake from now on.
    fn tell(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::Future as _;
    use std::future::poll_fn;

    use crate::task::Aside;
    use crate::task::Tasks;

    #[tokio::test]
    async fn what_waits_aside_is_polled_when_it_was_woken_and_only_then() {
        let (ring, rung) = tokio::sync::oneshot::channel::<()>();
        let polls = Cell::new(0);
        tokio::pin!(rung);
        let mut aside = Aside::new(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            rung.as_mut().poll(cx)
        }));
        let busy = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = &mut aside => panic!("nobody rang"),
            () = busy => {}
        }
        assert_eq!(polls.get(), 1);
        ring.send(()).unwrap();
        aside.await.unwrap();
        assert_eq!(polls.get(), 2);
    }

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
