//! The watchdog: a small process beside ours that outlives us, should we be killed, just long enough
//! to end all children with their groups. See docs/decisions/0017-watchdog.md
//!
//! It is this program, started with [`VERB`], and reads a line of its standard input for each group
//! that begins (`+1234`) or is gone (`-1234`). The end of that input is our end.

#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod pipe;

#[cfg(unix)]
pub use crate::transport::process::watchdog::keeper::keep;
#[cfg(unix)]
pub(crate) use crate::transport::process::watchdog::pipe::Watchdog;
#[cfg(windows)]
pub(crate) use other::Watchdog;

use std::io;
use std::path::PathBuf;

/// The argument that makes the program a watchdog.
pub const VERB: &str = "__watch-children";

/// The program that is started as watchdog.
#[derive(Clone, Debug)]
#[cfg_attr(windows, expect(dead_code, reason = "there is no watchdog on Windows"))]
pub struct WatchdogProgram(PathBuf);

impl WatchdogProgram {
    /// This very program, also where its file was replaced meanwhile.
    ///
    /// # Errors
    /// The system does not tell where it is.
    pub fn this_program() -> io::Result<Self> {
        let running = PathBuf::from("/proc/self/exe");
        if cfg!(target_os = "linux") && running.is_symlink() {
            return Ok(Self(running));
        }
        std::env::current_exe().map(Self)
    }

    /// The program at this path, which has to understand [`VERB`].
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[cfg(windows)]
mod other {
    use std::io;
    use std::sync::Arc;

    use crate::task::Tasks;
    use crate::transport::process::watchdog::WatchdogProgram;

    /// There is none: the system ends the jobs of the children with the server that holds them.
    pub(crate) struct Watchdog;

    impl Watchdog {
        pub(crate) fn start(_: WatchdogProgram, _: &Tasks) -> io::Result<Arc<Self>> {
            Ok(Arc::new(Self))
        }

        pub(crate) fn add(&self, _: u32) {}

        pub(crate) fn remove(&self, _: u32) {}
    }
}
