//! Both programs as clap sees them, whole: what completions and manual pages are made from.

use clap::Arg;
use clap::Command;
use clap::CommandFactory as _;
use clap::ValueHint;
use clap::value_parser;
use clap_complete::Shell;

use crate::cli::flags::CommandLine;
use crate::cli::probe;

/// `mcp-secure-remote` with all its commands.
pub(super) fn main() -> Command {
    let shells = |words: Arg| words.num_args(1).value_parser(value_parser!(Shell));
    CommandLine::command()
        .mut_arg(ADDRESS, address)
        .mut_subcommand(PROBE, probe)
        .mut_subcommand("completions", |command| command.mut_arg("shell", shells))
}

/// `mcp-secure-remote-client`.
pub(super) fn client() -> Command {
    let main = CommandLine::command();
    // The program has that command: a test runs this.
    let command = main.find_subcommand(PROBE).cloned().unwrap_or(main);
    probe(probe::as_client(command)).name(probe::CLIENT).bin_name(probe::CLIENT)
}

const PROBE: &str = "probe";

/// Where the server's URL goes.
const ADDRESS: &str = "words";

fn probe(command: Command) -> Command {
    command.mut_arg(ADDRESS, address)
}

/// Names no files to a shell that asks what may stand there.
fn address(words: Arg) -> Arg {
    words.value_name("server-url").value_hint(ValueHint::Url)
}
