//! The flags of the probe: those of the bridge, and a few more.

mod columns;
mod hosts;
mod run;

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Command;
use clap::ValueHint;

use crate::cli::Refusal;
use crate::cli::Request;
use crate::cli::environment::Environment;
use crate::cli::flags::BridgeFlags;
use crate::cli::flags::ENVIRONMENT;
use crate::cli::log::Level;
use crate::cli::log::LogOptions;
use crate::cli::probe::hosts::Configured;
use crate::cli::probe::hosts::Start;
use crate::cli::quantity;
use crate::cli::resolve;
use crate::cli::resolve::Invocation;
use crate::cli::resolve::Warning;
use crate::cli::usage::UsageError;
use crate::command::ide;
use crate::command::probe::ProbeConfig;
use crate::command::probe::all::Server;
use crate::command::probe::all::Task;
use crate::limits;

pub(super) use crate::cli::probe::run::run;

/// Shows step by step whether the MCP server at <server-url> can be reached, why not, and what it
/// offers. All flags of the bridge are understood
#[derive(Args)]
#[command(
    version,
    display_name = "mcp-secure-remote probe",
    override_usage = "mcp-secure-remote probe <server-url> [options]\n       mcp-secure-remote probe --all <file> [options]",
    after_help = format!("{ENVIRONMENT}\n  NO_COLOR, TERM=dumb: no colours\n\n{EXIT_CODES}")
)]
pub(super) struct ProbeFlags {
    #[command(flatten)]
    pub(super) bridge: BridgeFlags,

    /// Print one JSON object, and nothing else
    #[arg(long, help_heading = "Probe")]
    pub(super) json: bool,

    /// Longest time for all of it (default: 30s)
    #[arg(long, value_name = "time", help_heading = "Probe")]
    pub(super) timeout: Option<String>,

    /// Warn of a client certificate that ends within so many days (default: 30)
    #[arg(long, value_name = "days", help_heading = "Probe")]
    pub(super) warn_expiry: Option<String>,

    /// Exit with 1 for a warning, too
    #[arg(long, help_heading = "Probe")]
    pub(super) strict: bool,

    /// Instead of one server, all that the configuration of an IDE or agent reaches by this program
    #[arg(long, value_name = "file", help_heading = "Probe", value_hint = ValueHint::FilePath)]
    pub(super) all: Option<PathBuf>,
}

/// The program that is nothing but the probe.
pub(super) const CLIENT: &str = "mcp-secure-remote-client";

/// The same flags under that name.
pub(super) fn as_client(probe: Command) -> Command {
    let usage = format!("{CLIENT} <server-url> [options]\n       {CLIENT} --all <file> [options]");
    probe.display_name(CLIENT).override_usage(usage)
}

const EXIT_CODES: &str = "\
Exit code: 0 all is well, 1 something failed, 2 wrong arguments, 130 interrupted";

/// The probe that the user asked for.
#[derive(Debug)]
pub struct ProbeInvocation {
    /// What is to be probed.
    pub servers: Servers,
    /// How the program logs.
    pub log: LogOptions,
    /// One object for programs.
    pub json: bool,
    /// A warning is a failure.
    pub strict: bool,
    /// Unless `NO_COLOR` is set, to anything, or the terminal is a dumb one.
    pub allows_colour: bool,
    /// The terminal says of itself that it obeys nothing.
    pub is_dumb: bool,
}

/// What is probed.
#[derive(Debug)]
pub enum Servers {
    /// All of a host.
    All(Vec<Server>),
    /// One.
    One(Box<ProbeConfig>),
}

/// How long each probe takes, and what it warns of.
struct Limits {
    whole: Duration,
    expiry: Duration,
}

impl Limits {
    /// With the variables of `env` that were set for this program.
    fn config(&self, invocation: Invocation, env: &Environment) -> Box<ProbeConfig> {
        let Invocation { config: bridge, warnings, .. } = invocation;
        let told = |it: Warning| it.text.trim_start_matches("WARNING: ").to_owned();
        let warnings = warnings.into_iter().map(told).collect();
        let variables = env.all().filter(|(_, value)| !value.is_empty());
        let variables = variables.filter_map(|(name, _)| name.into_string().ok());
        let mut variables: Vec<_> =
            variables.filter(|name| name.starts_with(ide::VARIABLES)).collect();
        variables.sort();
        let (limit, warn_expiry) = (self.whole, self.expiry);
        Box::new(ProbeConfig { bridge, variables, warnings, limit, warn_expiry })
    }
}

pub(super) fn resolve(
    flags: ProbeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<ProbeInvocation, Refusal> {
    let ProbeFlags { bridge, json, timeout, warn_expiry, strict, all } = flags;
    let whole = timeout.map(|text| quantity::time("--timeout", &text)).transpose()?;
    let expiry = warn_expiry.map(|text| days(&text)).transpose()?;
    let limits = Limits {
        whole: whole.unwrap_or(limits::PROBE_TIME),
        expiry: expiry.unwrap_or(limits::PROBE_EXPIRY),
    };
    let is_dumb = env.var("TERM").is_some_and(|terminal| terminal == "dumb");
    let allows_colour = env.var("NO_COLOR").is_none() && !is_dumb;
    // What happens is told by the steps.
    let quiet = LogOptions { level: Level::Silent, ..LogOptions::default() };
    let (servers, log) = match all {
        Some(_) if bridge != BridgeFlags::default() => {
            let text = "--all goes without a server URL and without the flags of the bridge";
            let error = UsageError::new(text);
            return Err(error.hint("they stand in the file, for each server its own").into());
        }
        Some(path) => (Servers::All(of_host(&path, &limits, env)?), quiet),
        None => {
            let debug = bridge.debug;
            let invocation = resolve::resolve(bridge, args, env)?;
            let log = invocation.log;
            let log = if debug { log } else { LogOptions { level: Level::Silent, ..log } };
            (Servers::One(limits.config(invocation, env)), log)
        }
    };
    Ok(ProbeInvocation { servers, log, json, strict, allows_colour, is_dumb })
}

/// All servers in the configuration of a host.
fn of_host(path: &Path, limits: &Limits, env: &Environment) -> Result<Vec<Server>, Refusal> {
    let one = |Configured { name, start }| {
        let task = match start {
            Start::Other(reason) => Task::Skip(reason),
            Start::Broken(report) => Task::Refuse(report),
            Start::Ours { args, variables } => task(args, variables, limits, env),
        };
        Server { name, task }
    };
    Ok(hosts::read(path, env)?.into_iter().map(one).collect())
}

/// What the host would start, as a probe.
fn task(
    args: Vec<String>,
    variables: Vec<(String, String)>,
    limits: &Limits,
    env: &Environment,
) -> Task {
    let own = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
    let env: Environment = env.all().chain(own).collect();
    let args = std::iter::once(env!("CARGO_PKG_NAME").to_owned()).chain(args);
    match crate::cli::parse(args.map(OsString::from), &env) {
        Ok(Request::Bridge(invocation)) => Task::Probe(limits.config(*invocation, &env)),
        Ok(_) => Task::Skip("another command of this program".to_owned()),
        Err(Refusal::Failed(report)) => Task::Refuse(report),
        Err(Refusal::Usage(error)) => Task::Refuse(error.report()),
    }
}

fn days(text: &str) -> Result<Duration, UsageError> {
    let wrong = || UsageError::new(format!("--warn-expiry is not a number of days: {text}"));
    let days: u32 = text.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}
