//! The start of a child.

use std::io;
use std::io::ErrorKind;
use std::process::Stdio;

use tokio::process::Child;
use tokio::process::Command;

use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::process::Launch;

/// Starts the program without a shell, in a group of its own, with pipes as its three streams and
/// nothing else of ours.
///
/// # Errors
/// Overloaded where the system is short of something and may have it again later; not sent for
/// anything else.
pub(crate) fn spawn(launch: &Launch) -> Result<Child, Failure> {
    command(launch).spawn().map_err(|e| failure(launch, &e))
}

fn command(launch: &Launch) -> Command {
    let config = &launch.config;
    let mut command = Command::new(&launch.program);
    command.args(&config.args).env_clear();
    command.envs(config.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &config.directory {
        command.current_dir(directory);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Where its life is cut off: the rest of its group has to be ended besides.
    command.kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

fn failure(launch: &Launch, error: &io::Error) -> Failure {
    let program = launch.config.program.display();
    let report = Report::new(format!("cannot start the server process `{program}`"));
    let report = report.cause(error.to_string());
    if !is_shortage(error) {
        let report = Report { hint: hint(error.kind()).map(str::to_owned), ..report };
        return Failure::new(Kind::NotSent, report);
    }
    // Nothing of the request has gone anywhere.
    Failure { retry_safe: true, ..Failure::new(Kind::Overloaded, report) }
}

/// It was there when the server was started.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::NotFound => Some(
            "check that its file, the program in its first line (`#!`) and its folder are still there",
        ),
        ErrorKind::PermissionDenied => {
            Some("check that this user may run it, and enter its folder")
        }
        _ => None,
    }
}

/// Too many processes or descriptors, or too little memory, at this moment.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::OutOfMemory) || is_table_full(error)
}

#[cfg(unix)]
fn is_table_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn is_table_full(_: &io::Error) -> bool {
    false
}
