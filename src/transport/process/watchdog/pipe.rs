//! Our side of the watchdog: it is told each change, and replaced when it is lost.

use std::collections::BTreeSet;
use std::io;
use std::io::ErrorKind;
use std::io::PipeWriter;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rustix::io::ioctl_fionbio;
use tokio::process::Child;
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits;
use crate::retry::Backoff;
use crate::task::Tasks;
use crate::transport::process::watchdog::VERB;
use crate::transport::process::watchdog::WatchdogProgram;

/// The watchdog, and what it has been told.
pub(crate) struct Watchdog {
    program: WatchdogProgram,
    book: Mutex<Book>,
    /// Something did not fit into the pipe.
    behind: Notify,
}

/// The groups that live.
#[derive(Default)]
struct Book {
    groups: BTreeSet<u32>,
    /// Never closed while the watchdog at its other end lives: it would end all groups.
    pipe: Option<PipeWriter>,
    unsent: Vec<u8>,
}

impl Watchdog {
    /// Starts one, and keeps it up as long as `tasks` does.
    pub(crate) fn start(program: WatchdogProgram, tasks: &Tasks) -> io::Result<Arc<Self>> {
        let watchdog = Arc::new(Self { program, book: Mutex::default(), behind: Notify::new() });
        let process = watchdog.begin()?;
        tasks.spawn(Arc::clone(&watchdog).keep_up(process));
        Ok(watchdog)
    }

    /// A group has begun. The watchdog knows at once: we may be killed at any moment.
    pub(crate) fn add(&self, group: u32) {
        let mut book = self.lock();
        book.groups.insert(group);
        self.tell(&mut book, '+', group);
    }

    /// A group is gone, and its number may soon be that of another.
    pub(crate) fn remove(&self, group: u32) {
        let mut book = self.lock();
        book.groups.remove(&group);
        self.tell(&mut book, '-', group);
    }

    fn tell(&self, book: &mut Book, sign: char, group: u32) {
        if !book.send(&format!("{sign}{group}\n")) {
            self.behind.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process and tells it all groups that live. Its predecessor has to be dead.
    fn begin(&self) -> io::Result<Child> {
        let (input, pipe) = io::pipe()?;
        // A watchdog that stands still must not hold us up.
        ioctl_fionbio(&pipe, true)?;
        let process = Command::new(&self.program.0)
            .arg(VERB)
            .env_clear()
            .current_dir("/")
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends our group, as the keys of a terminal do, must not end it.
            .process_group(0)
            .spawn()?;
        let mut book = self.lock();
        book.pipe = Some(pipe);
        book.unsent.clear();
        let all: String = book.groups.iter().map(|group| format!("+{group}\n")).collect();
        if !book.send(&all) {
            self.behind.notify_one();
        }
        Ok(process)
    }

    async fn keep_up(self: Arc<Self>, mut process: Child) {
        let mut backoff = Backoff::default();
        let mut at_once = true;
        loop {
            let started = Instant::now();
            let why = tokio::select! {
                ended = process.wait() => match ended {
                    Ok(status) => status.to_string(),
                    Err(e) => e.to_string(),
                },
                () = self.stalled() => {
                    // Fails only where it is dead already.
                    let _ = process.kill().await;
                    "it did not read".to_owned()
                }
            };
            tracing::warn!("lost the watchdog of the server processes, and start it anew: {why}");
            if started.elapsed() > limits::BACKOFF_CAP {
                backoff.reset();
                at_once = true;
            }
            // Whoever has killed it may be about to kill us.
            if !std::mem::replace(&mut at_once, false) {
                tokio::time::sleep(backoff.next(None)).await;
            }
            process = self.begin_again(&mut backoff).await;
        }
    }

    async fn begin_again(&self, backoff: &mut Backoff) -> Child {
        loop {
            match self.begin() {
                Ok(process) => return process,
                Err(e) => tracing::warn!("cannot start the watchdog of the server processes: {e}"),
            }
            tokio::time::sleep(backoff.next(None)).await;
        }
    }

    /// Sends what did not fit into the pipe, and returns once it does not for too long.
    async fn stalled(&self) {
        loop {
            self.behind.notified().await;
            let since = Instant::now();
            while !self.lock().send("") {
                if since.elapsed() > limits::WATCHDOG_STALL {
                    return;
                }
                tokio::time::sleep(limits::WATCHDOG_RETRY).await;
            }
        }
    }
}

impl Book {
    /// Adds `lines` to what is unsent, and sends as much of it as there is room for. Whether all
    /// went.
    fn send(&mut self, lines: &str) -> bool {
        self.unsent.extend_from_slice(lines.as_bytes());
        // Without a watchdog: the next one is told all.
        let Some(pipe) = &mut self.pipe else { return true };
        while !self.unsent.is_empty() {
            match pipe.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
                // It is dead, which is noticed elsewhere; the next one is told all.
                Err(_) => self.unsent.clear(),
            }
        }
        true
    }
}
