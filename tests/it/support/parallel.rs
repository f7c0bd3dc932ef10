//! Many small sessions, some at a time.

use std::sync::Mutex;
use std::thread;

/// How many run at the same time: most of each is waiting.
const WORKERS: usize = 12;

/// Runs `check` for every item. A panic in one of them is the test's.
pub(crate) fn for_each<T: Send>(items: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    let items: Vec<T> = items.into_iter().collect();
    let queue = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(item) = next else { break };
                    check(item);
                }
            });
        }
    });
}
