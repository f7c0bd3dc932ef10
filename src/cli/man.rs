//! `man`: the manual pages, made from the definitions of the flags.

mod notes;

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use clap::Arg;
use clap::Args;
use clap::Command;
use clap::ValueHint;
use clap_mangen::Man;
use clap_mangen::roff::Roff;

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
    #[arg(long, value_name = "folder", value_hint = ValueHint::DirPath)]
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
    // A word would stand below the heading of the flags before it.
    let unheaded = |arg: Arg| if arg.is_positional() { arg.help_heading(None) } else { arg };
    let man = Man::new(command.clone().mut_args(unheaded).display_name(title.clone()))
        .title(title)
        .section(SECTION)
        .source(env!("CARGO_PKG_VERSION"));
    let has_commands = command.get_subcommands().any(|inner| !inner.is_hide_set());
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut page = text(|page| man.render_title(page));
    page += AS_TYPED;
    page += &part(|page| man.render_name_section(page));
    page += &part(|page| man.render_synopsis_section(page));
    page += &part(|page| man.render_description_section(page));
    page += &part(|page| man.render_options_section(page));
    if has_commands {
        page += &part(|page| man.render_subcommands_section(page));
    }
    page += &part(|page| notes::sections(&notes).to_writer(page));
    if command.get_version().is_some() {
        page += &part(|page| man.render_version_section(page));
    }
    page
}

/// No word is broken at the end of a line, or it could not be copied; and no line is stretched.
const AS_TYPED: &str = ".nh\n.ad l\n";

/// A section without what each of them begins with.
fn part(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let text = text(render);
    text.strip_prefix(&Roff::new().render()).unwrap_or(&text).to_owned()
}

fn text(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = render(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
