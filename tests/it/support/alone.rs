//! A test in a process of its own: for limits, counts and ends that concern a whole process.

use std::process::Command;

/// Says that this process is the one.
const VARIABLE: &str = "TEST_ALONE";

/// Whether this process was started for one test alone.
pub(crate) fn is_alone() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// A command that runs the test of this name, and no other, in a process of its own.
pub(crate) fn command(test: &str) -> Command {
    under(&[], test)
}

/// As [`command`] under a tool that takes the command as its last arguments.
pub(crate) fn under(tool: &[&str], test: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match tool {
        [] => Command::new(program),
        [tool, args @ ..] => {
            let mut command = Command::new(tool);
            command.args(args).arg(program);
            command
        }
    };
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, "1");
    command
}

/// Runs the test of this name in a process of its own, unless this is the one; whether it is.
#[track_caller]
pub(crate) fn run(test: &str) -> bool {
    if is_alone() {
        return true;
    }
    let output = command(test).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    false
}
