//! What stands on a command line, flag by flag.

use std::ffi::OsString;

use clap::Arg;
use clap::ArgMatches;
use clap::CommandFactory as _;
use clap::parser::ValueSource;

use crate::cli::flags::CommandLine;
use crate::cli::usage::Topic;

/// The flags of `serve` on a command line.
pub(super) struct Typed {
    matches: ArgMatches,
    arguments: Vec<Arg>,
}

impl Typed {
    /// Reads a command line that is right.
    pub(super) fn read(args: &[OsString]) -> Option<Self> {
        let matches = CommandLine::command().try_get_matches_from(args).ok()?;
        let (_, matches) = matches.subcommand()?;
        let arguments = Topic::Serve.command().get_arguments().cloned().collect();
        Some(Self { matches: matches.clone(), arguments })
    }

    /// All flags and the command, whether they were typed or not.
    pub(super) fn arguments(&self) -> &[Arg] {
        &self.arguments
    }

    /// Whether this flag stands there; `command` is what stands behind the dashes.
    pub(super) fn has(&self, name: &str) -> bool {
        self.argument(name).is_some_and(|arg| {
            let source = self.matches.value_source(arg.get_id().as_str());
            source == Some(ValueSource::CommandLine)
        })
    }

    /// Its values as they stand there.
    pub(super) fn values(&self, name: &str) -> Vec<OsString> {
        let Some(arg) = self.argument(name).filter(|_| self.has(name)) else { return Vec::new() };
        let values = self.matches.get_raw(arg.get_id().as_str());
        values.map(|values| values.map(OsString::from).collect()).unwrap_or_default()
    }

    fn argument(&self, name: &str) -> Option<&Arg> {
        let has_name = |arg: &&Arg| arg.get_long().unwrap_or(arg.get_id().as_str()) == name;
        self.arguments.iter().find(has_name)
    }
}
