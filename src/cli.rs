//! What was typed -> plain configurations. The only place that knows clap and environment names.

pub mod environment;
pub mod header;
pub mod log;
pub mod quantity;
pub mod resolve;
pub mod server_url;
pub mod usage;

mod certs;
mod clock;
mod files;
mod flags;
mod line;
mod stderr;
mod terminal;
mod tls;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::environment::Environment;
use crate::cli::flags::CommandLine;
use crate::cli::flags::Verb;
use crate::cli::log::Format;
use crate::cli::log::Level;
use crate::cli::resolve::Invocation;
use crate::cli::stderr::Stderr;
use crate::cli::usage::Topic;
use crate::cli::usage::UsageError;
use crate::command::bridge;
use crate::command::certs::Task;
use crate::command::demo;
use crate::limits;
use crate::report::Report;

/// What the user asked for.
#[derive(Debug)]
pub enum Request {
    /// Carry messages.
    Bridge(Box<Invocation>),
    /// Make certificates.
    Certs(Task),
    /// Show both ends at work.
    Demo,
    /// Print this text on standard output: help or version.
    Print(String),
}

/// Why nothing is started.
#[derive(Debug)]
pub enum Refusal {
    /// A file cannot be used: exit code 1.
    Failed(Report),
    /// The arguments are wrong: exit code 2.
    Usage(UsageError),
}

impl From<Report> for Refusal {
    fn from(report: Report) -> Self {
        Self::Failed(report)
    }
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

/// Does what the arguments say. The exit code is 0 when done, 1 for what failed while running, 2
/// for wrong arguments.
pub fn run(args: impl IntoIterator<Item = OsString>, env: &Environment) -> ExitCode {
    match parse(args, env) {
        Ok(Request::Bridge(invocation)) => start(*invocation),
        Ok(Request::Certs(task)) => finish(task.run(&mut io::stdout()), Format::Text),
        Ok(Request::Demo) => finish(block_on(demo::run(io::stdout())), Format::Text),
        Ok(Request::Print(text)) => {
            // `--help | head` may close the pipe early.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Refusal::Failed(report)) => finish(Err(report), Format::Text),
        Err(Refusal::Usage(error)) => {
            print(&format!("{error}\n"));
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments, the first of which is the name of the program, and the variables.
///
/// # Errors
///
/// Wrong arguments, before any file that they name is read; then a file that cannot be used.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: &Environment,
) -> Result<Request, Refusal> {
    let args: Vec<OsString> = args.into_iter().collect();
    match CommandLine::try_parse_from(&args) {
        Ok(CommandLine { command: Some(Verb::Demo), .. }) => Ok(Request::Demo),
        Ok(CommandLine { command: Some(Verb::Certs(flags)), .. }) => {
            let task = certs::resolve(*flags, env);
            task.map(Request::Certs).map_err(|error| error.about(Topic::of(&args)).into())
        }
        Ok(CommandLine { bridge, command: None }) => {
            resolve::resolve(bridge, &args, env).map(Box::new).map(Request::Bridge)
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Request::Print(error.render().to_string()))
            }
            _ => Err(UsageError::from_clap(&error, &args).into()),
        },
    }
}

fn start(invocation: Invocation) -> ExitCode {
    let Invocation { config, log, warnings } = invocation;
    let dropped = move |count| {
        let text = format!("WARNING: {count} log lines were dropped, nobody read them in time.");
        log.format.notice(tracing::Level::WARN, &text)
    };
    let stderr = match Stderr::start(io::stderr(), dropped) {
        Ok(stderr) => stderr,
        Err(error) => {
            let report = Report::new("cannot start the thread of the log").cause(error.to_string());
            return finish(Err(report), log.format);
        }
    };
    for warning in warnings {
        if warning.always || log.level != Level::Silent {
            stderr.push(log.format.notice(tracing::Level::WARN, &warning.text).into_bytes());
        }
    }
    log::init(log, Arc::clone(&stderr));
    tracing::debug!("configuration: {config:?}");
    let result = block_on(bridge::run(config));
    let code = exit_code(&result);
    if let Err(report) = result {
        stderr.push(log.format.report(&report).into_bytes());
    }
    stderr.flush(limits::LOG_FLUSH);
    code
}

/// Runs a command on one thread; what it leaves behind does not keep the program alive.
fn block_on(command: impl Future<Output = Result<(), Report>>) -> Result<(), Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Report::new("cannot start the runtime").cause(error.to_string()))?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

fn finish(result: Result<(), Report>, format: Format) -> ExitCode {
    if let Err(report) = &result {
        print(&format.report(report));
    }
    exit_code(&result)
}

fn exit_code(result: &Result<(), Report>) -> ExitCode {
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// A broken standard error is no reason to panic.
fn print(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
