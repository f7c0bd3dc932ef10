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
mod completions;
mod files;
mod flags;
mod ide;
mod line;
mod man;
mod probe;
mod programs;
mod serve;
mod stderr;
mod terminal;
mod tls;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::CommandFactory;
use clap::FromArgMatches;
use clap::error::ErrorKind;
use tokio::runtime::Builder;

use crate::cli::environment::Environment;
use crate::cli::flags::CommandLine;
use crate::cli::flags::Verb;
use crate::cli::log::Format;
use crate::cli::log::Level;
use crate::cli::log::LogOptions;
use crate::cli::probe::ProbeInvocation;
use crate::cli::resolve::Invocation;
use crate::cli::resolve::Warning;
use crate::cli::serve::Asked;
use crate::cli::serve::ServeInvocation;
use crate::cli::stderr::Stderr;
use crate::cli::usage::Topic;
use crate::cli::usage::UsageError;
use crate::command::bridge;
use crate::command::certs::Task;
use crate::command::demo;
use crate::command::serve::ready;
use crate::limits;
use crate::report::Report;
use crate::transport::process::watchdog;

/// What the user asked for.
#[derive(Debug)]
pub enum Request {
    /// Carry messages.
    Bridge(Box<Invocation>),
    /// Make certificates.
    Certs(Task),
    /// Show both ends at work.
    Demo,
    /// Change or show the configuration of a host.
    Ide(ide::Task),
    /// Be the server of the demonstration, on standard input and output.
    DemoServer,
    /// Say what works on the way to a server, and what does not.
    Probe(Box<ProbeInvocation>),
    /// Put a server on the network.
    Serve(Box<ServeInvocation>),
    /// Check the files of such a server, and print this.
    CheckServer(Box<ServeInvocation>, String),
    /// Ask the server with this admin page whether it is ready.
    AskServer(SocketAddr),
    /// End the children of a server that was killed.
    WatchChildren,
    /// Print this text on standard output: help, version, what a shell asked for, a manual page.
    Print(String),
    /// Write all manual pages into this folder.
    WritePages(PathBuf),
}

/// Why nothing is started.
#[derive(Debug)]
pub enum Refusal {
    /// A file cannot be used: exit code 1.
    Failed(Report),
    /// The arguments are wrong: exit code 2.
    Usage(UsageError),
}

impl Refusal {
    /// Names the command that was meant.
    fn about(self, args: &[OsString]) -> Self {
        match self {
            Self::Failed(_) => self,
            Self::Usage(error) => Self::Usage(error.about(args)),
        }
    }
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
        Ok(Request::Probe(invocation)) => probe::run(*invocation),
        Ok(Request::Serve(invocation)) => serve(*invocation),
        Ok(Request::CheckServer(invocation, text)) => check_server(&invocation, &text),
        Ok(Request::AskServer(admin)) => finish(block_on(ready::ask(admin)), Format::Text),
        Ok(Request::Certs(task)) => finish(task.run(&mut io::stdout()), Format::Text),
        Ok(Request::Ide(task)) => ide::run(task),
        Ok(Request::Demo) => finish(block_on(demo::run(io::stdout())), Format::Text),
        Ok(Request::DemoServer) => finish(block_on(demo::serve()), Format::Text),
        Ok(Request::WatchChildren) => watch_children(),
        Ok(Request::WritePages(folder)) => finish(man::write(&folder), Format::Text),
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

/// The same for the program that is nothing but the probe.
pub fn run_probe(args: impl IntoIterator<Item = OsString>, env: &Environment) -> ExitCode {
    // Whatever the file is called now.
    let words = [probe::CLIENT, "probe"].map(OsString::from);
    run(words.into_iter().chain(args.into_iter().skip(1)), env)
}

/// Either of the two, by the name that the program was called by: one file serves as both where room
/// counts, as in a container image.
pub fn run_by_name(args: impl IntoIterator<Item = OsString>, env: &Environment) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let name = args.first().and_then(|path| Path::new(path).file_stem());
    if name.is_some_and(|name| name == probe::CLIENT) {
        run_probe(args, env)
    } else {
        run(args, env)
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
    // No user types this one: it is in no help and no completion.
    if args.get(1).is_some_and(|word| word == watchdog::VERB) {
        return Ok(Request::WatchChildren);
    }
    if let Some(answer) = completions::answer(&args, env) {
        return answer.map(Request::Print).map_err(Refusal::from);
    }
    request(&args, env).map_err(|refusal| refusal.about(&args))
}

fn request(args: &[OsString], env: &Environment) -> Result<Request, Refusal> {
    match command_line(args) {
        Ok(CommandLine { command: Some(Verb::Demo(flags)), .. }) => {
            Ok(if flags.stdio { Request::DemoServer } else { Request::Demo })
        }
        Ok(CommandLine { command: Some(Verb::Certs(flags)), .. }) => {
            Ok(Request::Certs(certs::resolve(*flags, env)?))
        }
        Ok(CommandLine { command: Some(Verb::Ide(flags)), .. }) => {
            ide::resolve(flags, args, env).map(Request::Ide)
        }
        Ok(CommandLine { command: Some(Verb::Completions(flags)), .. }) => {
            Ok(Request::Print(completions::script(&flags, args)?))
        }
        Ok(CommandLine { command: Some(Verb::Man(flags)), .. }) => Ok(match flags.output {
            Some(folder) => Request::WritePages(folder),
            None => Request::Print(man::page()),
        }),
        Ok(CommandLine { command: Some(Verb::Probe(flags)), .. }) => {
            probe::resolve(*flags, args, env).map(Box::new).map(Request::Probe)
        }
        Ok(CommandLine { command: Some(Verb::Serve(flags)), .. }) => {
            match serve::read(*flags, args, env)? {
                Asked::Run(invocation) => Ok(Request::Serve(Box::new(invocation))),
                Asked::Ready(admin) => Ok(Request::AskServer(admin)),
                Asked::Check(invocation, text) => {
                    Ok(Request::CheckServer(Box::new(invocation), text))
                }
            }
        }
        Ok(CommandLine { bridge, command: None }) => {
            resolve::resolve(bridge, args, env).map(Box::new).map(Request::Bridge)
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Request::Print(error.render().to_string()))
            }
            _ => Err(UsageError::from_clap(&error, args).into()),
        },
    }
}

fn command_line(args: &[OsString]) -> Result<CommandLine, clap::Error> {
    let mut command = CommandLine::command();
    if Topic::of(args) == Topic::Client {
        command = command.mut_subcommand("probe", probe::as_client);
    }
    CommandLine::from_arg_matches_mut(&mut command.try_get_matches_from(args)?)
}

#[cfg(unix)]
fn watch_children() -> ExitCode {
    finish(block_on(watchdog::keep(io::stdin().lock())), Format::Text)
}

/// Other systems have no groups of processes that could be left over.
#[cfg(not(unix))]
fn watch_children() -> ExitCode {
    ExitCode::SUCCESS
}

fn start(invocation: Invocation) -> ExitCode {
    let Invocation { config, log, warnings } = invocation;
    logged(log, warnings, || {
        tracing::debug!("configuration: {config:?}");
        block_on(bridge::run(config))
    })
}

fn serve(invocation: ServeInvocation) -> ExitCode {
    let ServeInvocation { config, log, warnings, places } = invocation;
    logged(log, warnings, || {
        tracing::debug!("configuration: {config:?}");
        let mut builder = match std::thread::available_parallelism() {
            // Threads that would take turns on one processor cost and bring nothing.
            Ok(processors) if processors.get() == 1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        run_on(&mut builder, crate::command::serve::run(config)).map_err(|it| places.report(it))
    })
}

/// Reads all files as the server would, and prints what is in force.
fn check_server(invocation: &ServeInvocation, text: &str) -> ExitCode {
    let ServeInvocation { config, log, warnings, places } = invocation;
    let checked = crate::command::serve::check(config).map_err(|report| places.report(report));
    for warning in warnings.iter().map(|it| &it.text).chain(checked.iter().flatten()) {
        print(&log.format.notice(tracing::Level::WARN, warning));
    }
    if checked.is_ok() {
        // Nobody may read it.
        let _ = io::stdout().write_all(text.as_bytes());
    }
    finish(checked.map(drop), log.format)
}

/// Runs `work` while standard error is the log.
fn logged(
    log: LogOptions,
    warnings: Vec<Warning>,
    work: impl FnOnce() -> Result<(), Report>,
) -> ExitCode {
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
    let result = work();
    let code = exit_code(&result);
    if let Err(report) = result {
        stderr.push(log.format.report(&report).into_bytes());
    }
    stderr.flush(limits::LOG_FLUSH);
    code
}

/// Runs a command on one thread.
fn block_on(command: impl Future<Output = Result<(), Report>>) -> Result<(), Report> {
    run_on(&mut Builder::new_current_thread(), command)
}

/// Runs a command; what it leaves behind does not keep the program alive.
fn run_on(
    runtime: &mut Builder,
    command: impl Future<Output = Result<(), Report>>,
) -> Result<(), Report> {
    let runtime = runtime
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
