//! Programs that others wrote, run to their end.

use std::ffi::OsStr;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

/// A program that is asked nothing.
pub(crate) fn tool(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// OpenSSL, without the configuration of the machine.
pub(crate) fn openssl(args: &[&str]) -> Command {
    let mut command = tool("openssl");
    command.env("OPENSSL_CONF", "/dev/null").args(args);
    command
}

/// What a program said that must succeed.
pub(crate) fn said(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    output
}

/// Text of a program.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
