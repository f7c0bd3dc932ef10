//! SIGINT, SIGTERM and a closed terminal, on Windows Ctrl-C, Ctrl-Break and the end of the console: the
//! first one ends the work in good order, the second one at once.

use std::future::Future;
use std::io;

use tokio_util::sync::CancellationToken;

use crate::report::Report;

/// The signals that ask the program to end.
pub(crate) struct Signals(Listener);

impl Signals {
    /// Takes the signals over from now on.
    ///
    /// # Errors
    /// The system does not allow it.
    pub(crate) fn listen() -> Result<Self, Report> {
        Listener::new().map(Self).map_err(|e| failed(&e))
    }

    /// As [`Signals::listen`], and SIGHUP too, for what is nothing without its terminal. Not where it is
    /// ignored already: then `nohup` or a service manager wants the program to go on (nohup(1)).
    ///
    /// # Errors
    /// The system does not allow it.
    pub(crate) fn listen_also_to_hangups() -> Result<Self, Report> {
        let mut signals = Self::listen()?;
        signals.0.add_hangups().map_err(|e| failed(&e))?;
        Ok(signals)
    }

    /// Runs `work`, which gets a future that completes at the first signal. `None` if a second one
    /// cut it off.
    pub(crate) async fn run<W, T>(
        mut self,
        work: impl FnOnce(tokio_util::sync::WaitForCancellationFutureOwned) -> W,
    ) -> Option<T>
    where
        W: Future<Output = T>,
    {
        let stop = CancellationToken::new();
        let work = work(stop.clone().cancelled_owned());
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                signal = self.0.recv() => {
                    if stop.is_cancelled() {
                        return None;
                    }
                    tracing::info!("Received {signal}; shutting down.");
                    stop.cancel();
                }
            }
        }
    }
}

fn failed(error: &io::Error) -> Report {
    Report::new("cannot listen for signals").cause(error.to_string())
}

/// SIGHUP: something was changed that should be looked at.
#[cfg(unix)]
pub(crate) struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    /// Takes the signal over from now on.
    ///
    /// # Errors
    /// The system does not allow it.
    pub(crate) fn listen() -> Result<Self, Report> {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        signal.map(Self).map_err(|e| failed(&e))
    }

    /// Waits for the next one; false if there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

/// There is no such signal on Windows.
#[cfg(windows)]
pub(crate) struct Hangups;

#[cfg(windows)]
impl Hangups {
    pub(crate) fn listen() -> Result<Self, Report> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> bool {
        false
    }
}

#[cfg(unix)]
struct Listener {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Listener {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    fn add_hangups(&mut self) -> io::Result<()> {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;
        if !ignores_hangups() {
            self.hangup = Some(signal(SignalKind::hangup())?);
        }
        Ok(())
    }

    /// What came. The word for Ctrl-C is that of the Python tool.
    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "SIGTERM",
            Some(_) = next(&mut self.hangup) => "SIGHUP",
        }
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether whoever started us has switched SIGHUP off. Only Linux tells it without unsafe code
/// (proc_pid_status(5), `SigIgn`).
#[cfg(unix)]
fn ignores_hangups() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    ignored.is_some_and(|mask| mask & SIGHUP != 0)
}

#[cfg(windows)]
struct Listener {
    interrupt: tokio::signal::windows::CtrlC,
    stop: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Listener {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::ctrl_break;
        use tokio::signal::windows::ctrl_c;
        use tokio::signal::windows::ctrl_close;
        use tokio::signal::windows::ctrl_shutdown;
        Ok(Self {
            interrupt: ctrl_c()?,
            stop: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The close of the console is among the others.
    fn add_hangups(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What came. The word for Ctrl-C is that of the Python tool. After the last two Windows gives a program some
    /// seconds, then ends it.
    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.stop.recv() => "Ctrl-Break",
            _ = self.close.recv() => "close of the console",
            _ = self.shutdown.recv() => "shutdown of the system",
        }
    }
}
