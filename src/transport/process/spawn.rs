//! The start of a child.

use std::ffi::OsStr;
use std::io;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Child;
use tokio::process::Command;

use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::process::Launch;
use crate::transport::process::group::Group;

/// Starts the program without a shell, in a group of its own, with pipes as its three streams and
/// nothing else of ours.
///
/// # Errors
/// Overloaded where the system is short of something and may have it again later; not sent for
/// anything else.
pub(crate) fn spawn(launch: &Launch) -> Result<(Child, Group), Failure> {
    let child = command(launch).spawn().map_err(|e| failure(launch, &e))?;
    // Dropping the child ends it: what would not end with us must not run.
    let group = Group::of(&child).map_err(|e| not_grouped(launch, &e))?;
    Ok((child, group))
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
    #[cfg(windows)]
    command.creation_flags(NO_WINDOW);
    command
}

/// A console of its own that nobody sees: neither the keys that are pressed at ours nor its end reach the
/// child, which goes on while we finish, and none pops up where we have none (`CREATE_NO_WINDOW`).
#[cfg(windows)]
const NO_WINDOW: u32 = 0x0800_0000;

fn failure(launch: &Launch, error: &io::Error) -> Failure {
    let program = launch.config.program.display();
    let report = Report::new(format!("cannot start the server process `{program}`"));
    let report = report.cause(error.to_string());
    if !is_shortage(error) {
        let report = Report { hint: hint(launch, error).map(str::to_owned), ..report };
        return Failure::new(Kind::NotSent, report);
    }
    // Nothing of the request has gone anywhere.
    Failure { retry_safe: true, ..Failure::new(Kind::Overloaded, report) }
}

fn not_grouped(launch: &Launch, error: &io::Error) -> Failure {
    let program = launch.config.program.display();
    let report = Report::new(format!("cannot see to the end of the server process `{program}`"))
        .cause(format!("it could not be put into a job object: {error}"))
        .hint("check that it does not exit at once, and that we run in no job that forbids others");
    Failure::new(Kind::NotSent, report)
}

/// It was there when the server was started.
fn hint(launch: &Launch, error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        _ if is_no_program(error) => Some(
            "check that a script names its program in its first line, as in `#!/bin/sh`, and that any other \
             file is a program for this machine",
        ),
        ErrorKind::NotFound => Some(
            "check that its file, the program in its first line (`#!`) and its folder are still there",
        ),
        ErrorKind::PermissionDenied => {
            Some("check that this user may run it, and enter its folder")
        }
        // The standard library refuses what `cmd.exe` would not hand on as it is.
        ErrorKind::InvalidInput if is_script(&launch.program) => Some(
            "an argument of a `.cmd` or `.bat` file has a line end, which cannot be handed on: start the program that it starts",
        ),
        ErrorKind::InvalidInput => Some("check that no argument or variable has a zero byte"),
        _ => None,
    }
}

/// The system does not know how to run the file (execve(2), ENOEXEC).
#[cfg(unix)]
fn is_no_program(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOEXEC)
}

/// The same in the words of Windows.
#[cfg(not(unix))]
fn is_no_program(error: &io::Error) -> bool {
    const ERROR_BAD_EXE_FORMAT: i32 = 193;
    error.raw_os_error() == Some(ERROR_BAD_EXE_FORMAT)
}

/// Whether `cmd.exe` runs it.
fn is_script(program: &Path) -> bool {
    let ends_in = |ending: &OsStr| ["bat", "cmd"].iter().any(|it| ending.eq_ignore_ascii_case(it));
    cfg!(windows) && program.extension().is_some_and(ends_in)
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

/// `ERROR_TOO_MANY_OPEN_FILES`, `ERROR_NO_SYSTEM_RESOURCES` and `ERROR_COMMITMENT_LIMIT`.
#[cfg(windows)]
fn is_table_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(4 | 1450 | 1455))
}
