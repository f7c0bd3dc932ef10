//! `man`: the manual pages, made from the definitions of the flags.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Command;
use clap_mangen::Man;

use crate::cli::programs;
use crate::report::Report;

/// The flags of `man`.
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote man [options]",
    after_help = "Exit code: 0 done, 1 a file cannot be written, 2 wrong arguments",
    args_override_self = true
)]
pub(super) struct ManFlags {
    /// Write the pages of both programs and of all commands into this folder
    #[arg(long, value_name = "folder")]
    pub(super) output: Option<PathBuf>,
}

/// The page of `mcp-secure-remote`.
pub(super) fn page() -> String {
    render(&programs::main())
}

/// Writes every page into this folder, which is made if it is not there.
///
/// # Errors
///
/// The folder or file that cannot be written.
pub(super) fn write(folder: &Path) -> Result<(), Report> {
    let failed = |path: &Path, error: &io::Error| {
        Report::new(format!("unable to write `{}`", path.display())).cause(error.to_string())
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for (name, page) in pages() {
        let path = folder.join(name);
        fs::write(&path, page).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// All pages with the names of their files.
fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for mut program in [programs::main(), programs::client()] {
        program.build(); // gives commands within commands their whole names
        add(&program, &mut pages);
    }
    pages
}

fn add(command: &Command, pages: &mut Vec<(String, String)>) {
    pages.push((format!("{}.{SECTION}", title(command)), render(command)));
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add(inner, pages);
    }
}

/// Commands of users, in the numbering of manuals.
const SECTION: &str = "1";

/// `mcp-secure-remote-certs-add-client`.
fn title(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).replace(' ', "-")
}

fn render(command: &Command) -> String {
    let title = title(command);
    let man = Man::new(command.clone().display_name(title.clone()))
        .title(title)
        .section(SECTION)
        .source(env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = man.render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}
