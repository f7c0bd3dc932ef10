//! `completions`: a script that lets a shell ask this program what may be typed next, and the answers,
//! made from the definitions of the flags.

mod bash;

use std::env;
use std::ffi::OsStr;
use std::ffi::OsString;

use clap::Args;
use clap::Command;
use clap_complete::ArgValueCandidates;
use clap_complete::CompletionCandidate;
use clap_complete::aot;
use clap_complete::env::Elvish;
use clap_complete::env::EnvCompleter;
use clap_complete::env::Fish;
use clap_complete::env::Zsh;

use crate::cli::completions::bash::Bash;
use crate::cli::environment::Environment;
use crate::cli::probe;
use crate::cli::programs;
use crate::cli::usage;
use crate::cli::usage::Topic;
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
    #[arg(value_name = "shell", hide = true, add = one_of(SHELLS))]
    shell: Vec<String>,

    /// For `mcp-secure-remote-client`, the probe under its own name
    #[arg(long)]
    client: bool,
}

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

const AFTER_HELP: &str = "\
Shells: bash, zsh, fish, powershell, elvish

For example: source <(mcp-secure-remote completions bash)

Exit code: 0 done, 2 wrong arguments";

/// What a shell offers as the value of a flag. What the flag takes is not narrowed by it.
pub(super) fn one_of<const N: usize>(words: [&'static str; N]) -> ArgValueCandidates {
    ArgValueCandidates::new(move || words.map(CompletionCandidate::new).into())
}

/// The script that was asked for. `args` are all words of the command line.
///
/// # Errors
///
/// No shell, one that nothing is known of, or a word too many.
pub(super) fn script(flags: &CompletionsFlags, args: &[OsString]) -> Result<String, UsageError> {
    let shell = match &*flags.shell {
        [] => {
            return Err(
                UsageError::new("Missing required positional argument: <shell>").hint(KNOWN)
            );
        }
        [one] => one,
        [_, surplus, ..] => return Err(usage::unexpected_word(args, surplus)),
    };
    let name = if flags.client { probe::CLIENT } else { env!("CARGO_PKG_NAME") };
    let mut script = Vec::new();
    if ["powershell", "pwsh"].contains(&&**shell) {
        // clap's script that asks us would have PowerShell run what stands in the line, at each TAB. This
        // one knows all by itself.
        let mut command = if flags.client { programs::client() } else { programs::main() };
        aot::generate(aot::PowerShell, &mut command, name, &mut script);
        return Ok(String::from_utf8_lossy(&script).into_owned());
    }
    let shell = asking(shell)?;
    // Writing to memory does not fail.
    let _ = shell.write_registration(VARIABLE, name, name, name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(if shell.name() == "zsh" { autoloaded(&script, name) } else { script })
}

/// The script for zsh, made to answer already when it is loaded out of a folder of `$fpath`, which
/// happens at the first question; and to ask about nothing behind the cursor.
fn autoloaded(script: &str, name: &str) -> String {
    let function = format!("_clap_dynamic_completer_{}", name.replace('-', "_"));
    let registers = format!("compdef {function} {name}");
    let either = format!(
        "if [[ ${{funcstack[1]-}} == _{name} ]]; then\n    {function}\nelse\n    {registers}\nfi"
    );
    script
        .replace("\"${words[@]}\"", "\"${(@)words[1,CURRENT]}\"")
        .replace(&format!("\n{registers}"), &format!("\n{either}"))
}

/// A script starts the program with this variable set to the name of the shell. All that the program
/// does then is to answer.
const VARIABLE: &str = "MCP_SECURE_REMOTE_COMPLETE";

/// What may be typed next, in the form of the shell that asks; `None` if no shell does. The line up to
/// the cursor comes after two dashes.
///
/// # Errors
///
/// A shell that nothing is known of.
pub(super) fn answer(args: &[OsString], env: &Environment) -> Option<Result<String, UsageError>> {
    let name = env.var(VARIABLE)?;
    Some(asking(&name.to_string_lossy()).map(|shell| offers(shell, args)))
}

fn offers(shell: &dyn EnvCompleter, args: &[OsString]) -> String {
    let words = args.iter().skip_while(|arg| *arg != "--").skip(1);
    let line: Vec<_> = if ["bash", "zsh", "fish"].contains(&shell.name()) {
        words.map(|word| unquoted(word)).collect()
    } else {
        words.cloned().collect()
    };
    let mut offers = Vec::new();
    if !line.is_empty() {
        let mut command = command(args, &line);
        let folder = env::current_dir().ok();
        // Where nothing can be said, that is an error.
        let _ = shell.write_complete(&mut command, line, folder.as_deref(), &mut offers);
    }
    String::from_utf8_lossy(&offers).into_owned()
}

/// What the line is about.
fn command(args: &[OsString], line: &[OsString]) -> Command {
    if Topic::of(args) == Topic::Client {
        return programs::client();
    }
    let main = programs::main();
    match line {
        // Commands come first, or never.
        [_, first, _, ..] if main.find_subcommand(first).is_none() => programs::bridge(),
        _ => main,
    }
}

/// A word without the quotes that it was typed with. The last one may still be open.
fn unquoted(word: &OsStr) -> OsString {
    let Some(text) = word.to_str() else { return word.to_owned() };
    let (mut plain, mut quote, mut rest) = (String::new(), None, text.chars());
    while let Some(c) = rest.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => plain.extend(rest.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, _) => plain.push(c),
        }
    }
    plain.into()
}

const KNOWN: &str = "one of `bash`, `zsh`, `fish`, `powershell` and `elvish`";

/// A shell that asks us.
fn asking(word: &str) -> Result<&'static dyn EnvCompleter, UsageError> {
    let known: [&dyn EnvCompleter; _] = [&Bash, &Zsh, &Fish, &Elvish];
    known.into_iter().find(|shell| shell.is(word)).ok_or_else(|| {
        UsageError::new(format!("Unknown shell: {}", report::peer_text(word))).hint(KNOWN)
    })
}
