//! How the command of `serve` is run.

use std::ffi::OsString;

use crate::cli::environment::Environment;
use crate::cli::quantity;
use crate::cli::resolve::Warning;
use crate::cli::serve::amounts::time;
use crate::cli::serve::flags::ChildFlags;
use crate::cli::usage::AFTER_DASHES;
use crate::cli::usage::UsageError;
use crate::limits;
use crate::transport::process::ProcessConfig;
use crate::transport::process::child_environment;

/// The command, with its folder, its variables and its time to end.
pub(super) fn process(
    command: Vec<OsString>,
    flags: ChildFlags,
    env: &Environment,
) -> Result<ProcessConfig, UsageError> {
    let mut command = command.into_iter();
    let Some(program) = command.next().filter(|program| !program.is_empty()) else {
        return Err(UsageError::new("Missing the command of the MCP server").hint(AFTER_DASHES));
    };
    if let Some(name) = flags.pass_env.iter().find(|name| name.is_empty() || name.contains('=')) {
        let name = name.split('=').next().unwrap_or_default();
        return Err(UsageError::new(format!("--pass-env must be the name of a variable: {name}"))
            .hint("`--env NAME=value` gives a variable a value"));
    }
    let set: Vec<_> = flags.env.iter().map(variable).collect::<Result<_, _>>()?;
    let exit_grace = time("--exit-timeout", flags.exit_timeout.as_deref(), limits::EXIT_GRACE)?;
    let kill_grace = time("--kill-timeout", flags.kill_timeout.as_deref(), limits::KILL_GRACE)?;
    let max_message = match &flags.max_message_size {
        Some(text) => quantity::size("--max-message-size", text)?,
        None => limits::MAX_MESSAGE_BYTES,
    };
    Ok(ProcessConfig {
        program,
        args: command.collect(),
        directory: flags.directory,
        environment: child_environment(env.all(), &flags.pass_env, &set),
        max_message,
        exit_grace,
        kill_grace,
    })
}

/// The command may miss what it was to get.
pub(super) fn unset(name: &str, process: &ProcessConfig) -> Option<Warning> {
    let is_it = |(other, _): &(OsString, OsString)| match cfg!(windows) {
        true => other.eq_ignore_ascii_case(name),
        false => other == name,
    };
    let text = format!("WARNING: --pass-env {name}: there is no such variable to pass.");
    (!process.environment.iter().any(is_it)).then_some(Warning { text, always: false })
}

fn variable(text: &OsString) -> Result<(String, OsString), UsageError> {
    let malformed = || UsageError::new("--env must be a name and a value: NAME=value");
    let text = text.to_str().ok_or_else(malformed)?;
    let (name, value) = text.split_once('=').ok_or_else(malformed)?;
    if name.is_empty() {
        return Err(malformed());
    }
    Ok((name.to_owned(), value.into()))
}
