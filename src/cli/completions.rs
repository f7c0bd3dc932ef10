//! `completions`: a script that teaches a shell our words, made from the definitions of the flags.

use std::ffi::OsString;

use clap::Args;
use clap_complete::Shell;
use clap_complete::generate;

use crate::cli::programs;
use crate::cli::usage;
use crate::cli::usage::UsageError;
use crate::report;

/// The flags of `completions`.
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote completions <shell> [options]",
    after_help = AFTER_HELP,
    args_override_self = true
)]
pub(super) struct CompletionsFlags {
    /// Any number is taken here, so that the one too many can be named
    #[arg(value_name = "shell", hide = true)]
    shell: Vec<String>,

    /// For `mcp-secure-remote-client`, the probe under its own name
    #[arg(long)]
    client: bool,
}

const AFTER_HELP: &str = "\
Shells: bash, zsh, fish, powershell, elvish

For example: source <(mcp-secure-remote completions bash)

Exit code: 0 done, 2 wrong arguments";

/// The script that was asked for. `args` are all words of the command line.
///
/// # Errors
///
/// No shell, one that nothing is known of, or a word too many.
pub(super) fn script(flags: &CompletionsFlags, args: &[OsString]) -> Result<String, UsageError> {
    let shell = match &*flags.shell {
        [] => {
            return Err(
                UsageError::new("Missing required positional argument: <shell>").hint(SHELLS)
            );
        }
        [one] => shell(one)?,
        [_, surplus, ..] => return Err(usage::unexpected_word(args, surplus)),
    };
    let mut program = if flags.client { programs::client() } else { programs::main() };
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut program, &*name, &mut script);
    let script = String::from_utf8_lossy(&script);
    Ok(if shell == Shell::Bash { one_spelling(&script, &name) } else { script.into_owned() })
}

/// The script for bash names the state behind a command in two ways if there are dashes in the
/// name of the program, and then knows nothing there (clap-rs/clap#6421). This leaves one of them.
fn one_spelling(script: &str, program: &str) -> String {
    let between = "__subcmd__";
    let spelled = |dash| program.replace('-', dash) + between;
    script.replace(&spelled(between), &spelled("__"))
}

const SHELLS: &str = "one of `bash`, `zsh`, `fish`, `powershell` and `elvish`";

fn shell(word: &str) -> Result<Shell, UsageError> {
    word.parse().map_err(|_| {
        UsageError::new(format!("Unknown shell: {}", report::peer_text(word))).hint(SHELLS)
    })
}
