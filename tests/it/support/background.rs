//! A thread with a runtime of its own, for the remotes: tests themselves stay plain functions.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tokio::runtime;
use tokio::sync::oneshot;

/// Runs until dropped. A panic of a task that holds a [`PanicNote`] fails the test then.
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    panics: Arc<AtomicUsize>,
}

/// Whoever holds it has a panic noted.
#[derive(Clone)]
pub(crate) struct PanicNote(Arc<AtomicUsize>);

impl Background {
    /// Runs what `main` makes in a new thread; all its tasks end with it.
    pub(crate) fn start<M, F>(main: M) -> Self
    where
        M: FnOnce(PanicNote) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let panics = Arc::new(AtomicUsize::new(0));
        let note = PanicNote(Arc::clone(&panics));
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                tokio::select! {
                    () = main(note) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread), panics }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let panics = self.panics.load(Ordering::SeqCst);
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        let sound = panics == 0 && matches!(ended, Some(Ok(())));
        assert!(sound || std::thread::panicking(), "a remote panicked");
    }
}

impl Drop for PanicNote {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
