//! Both programs as clap sees them, whole: what completions and manual pages are made from.

use clap::Arg;
use clap::Args as _;
use clap::Command;
use clap::CommandFactory as _;

use crate::cli::flags::BridgeFlags;
use crate::cli::flags::CommandLine;
use crate::cli::probe;

/// `mcp-secure-remote` with all its commands, but for `help`, which says what the pages of the others do.
pub(super) fn main() -> Command {
    let one = |shell: Arg| shell.num_args(1);
    let main = CommandLine::command().disable_help_subcommand(true);
    main.mut_subcommand("completions", |it| it.mut_arg("shell", one))
}

/// `mcp-secure-remote` where no command can come any more.
pub(super) fn bridge() -> Command {
    BridgeFlags::augment_args(Command::new(env!("CARGO_PKG_NAME")))
}

/// `mcp-secure-remote-client`.
pub(super) fn client() -> Command {
    let main = main();
    // The program has that command: a test runs this.
    let command = main.find_subcommand("probe").cloned().unwrap_or(main);
    probe::as_client(command).name(probe::CLIENT).bin_name(probe::CLIENT)
}
