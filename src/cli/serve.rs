//! `serve` as it was typed, or written into the file of `--config`.

mod amounts;
mod child;
mod effective;
mod file;
mod flags;
mod listening;
mod manager;
mod places;
mod resolve;
mod typed;

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::Parser;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::flags::CommandLine;
use crate::cli::flags::Verb;
use crate::cli::log::LogOptions;
use crate::cli::resolve::Warning;
use crate::cli::serve::file::ConfigFile;
use crate::cli::serve::listening::admin_to_ask;
use crate::cli::serve::places::Places;
use crate::cli::serve::resolve::resolve;
use crate::cli::serve::typed::Typed;
use crate::cli::usage::UsageError;
use crate::command::serve::ServeConfig;

pub(super) use crate::cli::serve::flags::ServeFlags;
pub(super) use crate::cli::serve::flags::ServeTlsFlags;

/// What is done with the server.
#[derive(Debug)]
pub(super) enum Asked {
    /// It runs.
    Run(ServeInvocation),
    /// Its files are checked, and this is printed.
    Check(ServeInvocation, String),
    /// The one that runs with this admin page is asked whether it is ready.
    Ready(SocketAddr),
}

/// Reads the file of `--config`, if there is one, then as [`resolve`]. `args` is the command line
/// that `flags` stand for.
pub(super) fn read(
    flags: ServeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<Asked, Refusal> {
    let is_check = flags.check;
    let none = Places::default();
    let Some(path) = flags.config.clone() else { return asked(flags, args, is_check, env, &none) };
    let file = ConfigFile::read(&path)?;
    let Some(typed) = Typed::read(args) else { return asked(flags, args, is_check, env, &none) };
    let merged = file.merged(args, &typed);
    let places = file.places(&typed);
    let explain = |refusal| match refusal {
        Refusal::Usage(error) => Refusal::Usage(places.usage(error)),
        Refusal::Failed(report) => Refusal::Failed(places.report(report)),
    };
    match CommandLine::try_parse_from(&merged) {
        Ok(CommandLine { command: Some(Verb::Serve(flags)), .. }) => {
            asked(*flags, &merged, is_check, env, &places).map_err(explain)
        }
        // What was typed was right, and the types of what was added, too.
        Ok(_) => Err(UsageError::new("the file of --config cannot be used").into()),
        Err(error) => Err(explain(UsageError::from_clap(&error, &merged).into())),
    }
}

fn asked(
    flags: ServeFlags,
    args: &[OsString],
    is_check: bool,
    env: &Environment,
    places: &Places,
) -> Result<Asked, Refusal> {
    if flags.ready {
        return Ok(Asked::Ready(admin_to_ask(flags.admin.as_deref())?));
    }
    let invocation = ServeInvocation { places: places.clone(), ..resolve(flags, env)? };
    let Some(typed) = Typed::read(args).filter(|_| is_check) else {
        return Ok(Asked::Run(invocation));
    };
    let text = effective::text(&typed, &invocation.config, env);
    Ok(Asked::Check(invocation, text))
}

/// The server that the user asked for.
#[derive(Debug)]
pub struct ServeInvocation {
    /// What it is to do.
    pub config: ServeConfig,
    /// How the program logs.
    pub log: LogOptions,
    /// What the user should know before it starts.
    pub warnings: Vec<Warning>,
    /// Where the file of `--config` sets what.
    pub(super) places: Places,
}
