//! Whose turn it is on an HTTP/2 connection, of which the peer takes so many requests at a time (RFC
//! 9113 section 5.1.2). h2 has a queue for the others from which nothing can be taken back, and it
//! tells nobody when one leaves. What waits here has certainly not left.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::atomic::Ordering::Acquire;

use tokio::sync::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::limits;

/// The streams of one connection that are in use.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    line: Mutex<()>,
    taken: AtomicUsize,
    freed: Notify,
}

/// One of them. It is kept as long as the stream, so that there are never fewer than h2 counts.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Turns>);

impl Turns {
    /// Waits until fewer than `limit` are taken, in the order of those who ask.
    pub(crate) async fn take(self: &Arc<Self>, limit: impl Fn() -> usize) -> Turn {
        let _line = self.line.lock().await;
        while self.taken.load(Acquire) >= limit() {
            // The peer may raise its limit, and nobody tells.
            let _ = timeout(limits::STREAM_LIMIT_CHECK, self.freed.notified()).await;
        }
        self.taken.fetch_add(1, AcqRel);
        Turn(Arc::clone(self))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, AcqRel);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    use crate::task::Tasks;
    use crate::transport::http::turns::Turns;

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_waited_for_in_order_and_given_back() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(|| 1).await;
        let (tasks, done) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
        for number in 1..=2 {
            let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
            tasks.spawn(async move {
                let _turn = turns.take(|| 1).await;
                assert_eq!(done.fetch_add(1, Relaxed) + 1, number);
            });
        }
        tokio::task::yield_now().await;
        assert_eq!(done.load(Relaxed), 0);
        drop(first);
        tasks.finished().await;
        assert_eq!(done.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_raised_is_seen() {
        let turns = Arc::new(Turns::default());
        let limit = AtomicUsize::new(1);
        let _first = turns.take(|| 1).await;
        let raise = async {
            tokio::task::yield_now().await;
            limit.store(2, Relaxed);
        };
        tokio::join!(turns.take(|| limit.load(Relaxed)), raise);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_line() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(|| 1).await;
        tokio::select! {
            biased;
            _ = turns.take(|| 1) => panic!("there is none"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        turns.take(|| 1).await;
    }
}
