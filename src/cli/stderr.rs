//! Standard error behind a bounded queue with a thread of its own: a host that does not read what
//! we log, or has closed it, must not stop the bridge.

use std::collections::VecDeque;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use crate::limits;

/// The queue in front of standard error.
pub(super) struct Stderr {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    /// The thread holds a line that is not written yet.
    writing: bool,
}

impl Stderr {
    /// Starts the thread, which writes to `out` for the rest of the process. `dropped` makes the
    /// line that says how many were dropped.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        dropped: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let stderr = Arc::new(Self { queue: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&stderr);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write(out, dropped))?;
        Ok(stderr)
    }

    /// Adds whole lines; drops and counts them if the reader is [`limits::LOG_BYTES`] behind.
    pub(super) fn push(&self, lines: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes + lines.len() > limits::LOG_BYTES {
            queue.dropped += 1;
            return;
        }
        queue.bytes += lines.len();
        queue.lines.push_back(lines);
        drop(queue);
        self.changed.notify_all();
    }

    /// A writer that adds what it was given when it is dropped.
    pub(super) fn line(self: &Arc<Self>) -> Line {
        Line { stderr: Arc::clone(self), bytes: Vec::new() }
    }

    /// Waits until everything is written, at most for `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let queue = self.lock();
        let busy = |queue: &mut Queue| queue.writing || !queue.lines.is_empty();
        // Out of time is no error here, nor is a writer that panicked.
        let _ = self.changed.wait_timeout_while(queue, limit, busy);
    }

    fn write(&self, mut out: impl Write, dropped: impl Fn(u64) -> String) {
        loop {
            let line = self.next(&dropped);
            // There is no place left to report that standard error is broken.
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    }

    fn next(&self, dropped: &impl Fn(u64) -> String) -> Vec<u8> {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.writing = true;
                return line;
            }
            if queue.dropped > 0 {
                queue.writing = true;
                return dropped(std::mem::take(&mut queue.dropped)).into_bytes();
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gathers one event.
pub(super) struct Line {
    stderr: Arc<Stderr>,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stderr.push(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::Stderr;
    use crate::limits;

    const SOON: Duration = Duration::from_secs(10);

    /// Takes a line for each permit, as a host that reads slowly does.
    struct Slow {
        permits: mpsc::Receiver<()>,
        taken: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.permits.recv().is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.taken.lock().unwrap().push_str(str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<Stderr>, mpsc::Sender<()>, Arc<Mutex<String>>) {
        let (allow, permits) = mpsc::channel();
        let taken = Arc::<Mutex<String>>::default();
        let out = Slow { permits, taken: Arc::clone(&taken) };
        let stderr = Stderr::start(out, |count| format!("{count} dropped\n")).unwrap();
        (stderr, allow, taken)
    }

    #[test]
    fn a_line_is_written_whole_and_in_order() {
        let (stderr, allow, taken) = slow();
        for text in ["one ", "two "] {
            let mut line = stderr.line();
            line.write_all(text.as_bytes()).unwrap();
            line.write_all(b"end\n").unwrap();
            allow.send(()).unwrap();
        }
        stderr.flush(SOON);
        assert_eq!(*taken.lock().unwrap(), "one end\ntwo end\n");
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_and_no_time() {
        let (stderr, allow, taken) = slow();
        for _ in 0..10 {
            stderr.push(vec![b'x'; limits::LOG_BYTES / 2]);
        }
        stderr.flush(Duration::from_millis(1));
        assert_eq!(*taken.lock().unwrap(), "");
        (0..10).for_each(|_| allow.send(()).unwrap());
        stderr.flush(SOON);
        let text = taken.lock().unwrap();
        let dropped = text.trim_start_matches('x');
        // The thread may or may not have taken the first line off the queue in time.
        assert!(dropped == "8 dropped\n" || dropped == "7 dropped\n", "{dropped}");
    }

    #[test]
    fn a_closed_standard_error_is_no_error() {
        let (stderr, allow, _) = slow();
        drop(allow);
        stderr.push(b"one\n".to_vec());
        stderr.flush(SOON);
        stderr.push(b"two\n".to_vec());
        stderr.flush(SOON);
        assert_eq!(stderr.lock().bytes, 0);
    }
}
