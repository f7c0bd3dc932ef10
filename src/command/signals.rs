//! SIGINT and SIGTERM, on Windows Ctrl-C, Ctrl-Break and the end of the console: the first one ends the
//! work in good order, the second one at once.

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
        let listener = Listener::new();
        let failed = |e: io::Error| Report::new("cannot listen for signals").cause(e.to_string());
        listener.map(Self).map_err(failed)
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
        let failed = |e: io::Error| Report::new("cannot listen for signals").cause(e.to_string());
        signal.map(Self).map_err(failed)
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
}

#[cfg(unix)]
impl Listener {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// What came. The word for Ctrl-C is that of the Python tool.
    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
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
