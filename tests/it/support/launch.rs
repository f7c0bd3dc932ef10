//! A command line and an environment for the real program.

use std::ffi::OsStr;
use std::process::Command;
use std::process::Stdio;

use crate::support::host::Host;
use crate::support::pipes;
use crate::support::pipes::Reads;

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");

/// A command line and an environment, which holds nothing that is not put in here.
pub(crate) struct Launch {
    command: Command,
    reads: Reads,
}

impl Launch {
    pub(crate) fn new(url: &str) -> Self {
        Self::bare().arg(url)
    }

    /// To an `http` URL.
    pub(crate) fn plain(url: &str) -> Self {
        Self::new(url).arg("--allow-http")
    }

    /// Without any argument.
    pub(crate) fn bare() -> Self {
        Self::of(Command::new(PROGRAM))
    }

    /// Under another program that takes the command as its last arguments.
    pub(crate) fn under(tool: &[&str]) -> Self {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(PROGRAM);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command.env_clear();
        Self { command, reads: Reads::On }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The host reads nothing until [`Host::read_on`].
    pub(crate) fn unread(mut self) -> Self {
        self.reads = Reads::Paused;
        self
    }

    pub(crate) fn start(mut self) -> Host {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.command.spawn().expect("the program starts");
        let pid = child.id();
        let (input, seen) = pipes::attend(child, self.reads);
        Host::new(pid, input, seen)
    }
}
