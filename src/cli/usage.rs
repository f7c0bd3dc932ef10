//! What was typed wrongly: the sentence, and hints, above the usage text. Exit code 2.
//!
//! The sentences are those of the Python tool of the same name, so that scripts find them again.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;

use clap::Arg;
use clap::Command;
use clap::CommandFactory as _;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

use crate::cli::flags::CommandLine;
use crate::cli::probe;
use crate::report;
use crate::report::Report;

/// An argument error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong, in one sentence.
    pub text: String,
    /// What to do about it, if anything can be said.
    pub hint: Option<String>,
    /// The command that was meant.
    pub topic: Topic,
}

/// A command, as far as its usage is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topic {
    /// `certs add-client`.
    AddClient,
    /// No command: carry messages.
    #[default]
    Bridge,
    /// `certs`.
    Certs,
    /// `probe` under its own name.
    Client,
    /// `demo`.
    Demo,
    /// `ide`.
    Ide,
    /// `ide install`.
    IdeInstall,
    /// `ide list`.
    IdeList,
    /// `ide remove`.
    IdeRemove,
    /// `ide show`.
    IdeShow,
    /// `completions`.
    Completions,
    /// `man`.
    Man,
    /// `probe`.
    Probe,
    /// `serve`.
    Serve,
}

impl Topic {
    /// What the words are about, the first of which is the name of the program.
    pub(super) fn of(args: &[OsString]) -> Self {
        let word = |index: usize| args.get(index).and_then(|arg| arg.to_str());
        match (word(1), word(2)) {
            (Some("certs"), Some("add-client")) => Self::AddClient,
            (Some("certs"), _) => Self::Certs,
            (Some("demo"), _) => Self::Demo,
            (Some("ide"), Some("install")) => Self::IdeInstall,
            (Some("ide"), Some("list")) => Self::IdeList,
            (Some("ide"), Some("remove")) => Self::IdeRemove,
            (Some("ide"), Some("show")) => Self::IdeShow,
            (Some("ide"), _) => Self::Ide,
            (Some("completions"), _) => Self::Completions,
            (Some("man"), _) => Self::Man,
            (Some("probe"), _) if args.first().is_some_and(|it| it == probe::CLIENT) => {
                Self::Client
            }
            (Some("probe"), _) => Self::Probe,
            (Some("serve"), _) => Self::Serve,
            _ => Self::Bridge,
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::AddClient => "--output <folder> --client <name> [options]",
            Self::Bridge | Self::Client | Self::Probe => "<server-url> [options]",
            Self::Certs => "--output <folder> [options]",
            Self::Demo => "[--stdio]",
            Self::Ide => "<list|show|install|remove> [options]",
            Self::IdeInstall | Self::IdeShow => "<client> --name <name> <server-url> [options]",
            Self::IdeList => "",
            Self::IdeRemove => "<client> --name <name> [options]",
            Self::Completions => "<shell> [options]",
            Self::Man => "[options]",
            Self::Serve => "[options] -- <command> [arguments]",
        }
    }

    /// What is typed before the flags.
    fn words(self) -> &'static str {
        match self {
            Self::AddClient => "mcp-secure-remote certs add-client",
            Self::Bridge => "mcp-secure-remote",
            Self::Certs => "mcp-secure-remote certs",
            Self::Client => probe::CLIENT,
            Self::Demo => "mcp-secure-remote demo",
            Self::Ide => "mcp-secure-remote ide",
            Self::IdeInstall => "mcp-secure-remote ide install",
            Self::IdeList => "mcp-secure-remote ide list",
            Self::IdeRemove => "mcp-secure-remote ide remove",
            Self::IdeShow => "mcp-secure-remote ide show",
            Self::Completions => "mcp-secure-remote completions",
            Self::Man => "mcp-secure-remote man",
            Self::Probe => "mcp-secure-remote probe",
            Self::Serve => "mcp-secure-remote serve",
        }
    }

    /// The command with its flags.
    pub(super) fn command(self) -> Command {
        // The client has the flags of the command that it is.
        let of = if self == Self::Client { Self::Probe } else { self };
        of.words().split(' ').skip(1).fold(CommandLine::command(), |command, word| {
            command.find_subcommand(word).cloned().unwrap_or(command)
        })
    }
}

impl UsageError {
    /// An error without a hint.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, topic: Topic::default() }
    }

    /// Adds the `hint:` line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same as any other report.
    pub(super) fn report(self) -> Report {
        Report { error: self.text, cause: None, hint: self.hint }
    }

    /// Shows the usage of the command that was meant by the words as typed.
    #[must_use]
    pub(super) fn about(mut self, args: &[OsString]) -> Self {
        self.topic = Topic::of(args);
        if self.topic == Topic::Bridge && args.get(1).is_some_and(|word| is_name(word)) {
            // A mistyped command is taken for the URL, and what follows it for whatever comes.
            self.hint = Some(first_words());
        }
        self
    }

    /// Puts a refusal by clap into our words. `args` are the words that clap read.
    pub(super) fn from_clap(error: &clap::Error, args: &[OsString]) -> Self {
        let subject = context(error, ContextKind::InvalidArg);
        match error.kind() {
            ErrorKind::UnknownArgument if subject.starts_with('-') => unknown_flag(error, args),
            ErrorKind::UnknownArgument => unexpected_word(args, &subject),
            ErrorKind::InvalidValue | ErrorKind::TooFewValues => missing_value(flag_of(&subject)),
            ErrorKind::TooManyValues => Self::new(format!("{} takes no value", flag_of(&subject))),
            ErrorKind::InvalidSubcommand => {
                unexpected_word(args, &context(error, ContextKind::InvalidSubcommand))
            }
            ErrorKind::ArgumentConflict => {
                Self::new("A command such as `add-client` comes before all options")
            }
            ErrorKind::InvalidUtf8 => Self::new("An argument that is not a path is not UTF-8"),
            // The kinds that remain need settings that our flags do not use.
            kind => Self::new(kind.to_string()),
        }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Argument error: {}", self.text)?;
        if let Some(hint) = &self.hint {
            writeln!(f, "hint:  {hint}")?;
        }
        let words = self.topic.words();
        writeln!(f, "Usage: {}", format!("{words} {}", self.topic.usage()).trim_end())?;
        write!(f, "Every option is explained by `{words} --help`")
    }
}

/// Whether it looks like the name of a command, and not like an address.
fn is_name(word: &OsStr) -> bool {
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphabetic());
    word.to_str().is_some_and(letters)
}

/// What the first word can be.
fn first_words() -> String {
    let names = CommandLine::command();
    let names: Vec<_> = names.get_subcommands().map(Command::get_name).collect();
    let names = names.join("`, `");
    format!(
        "the first word is a whole address, as in `https://mcp.example.com/mcp`, or one of `{names}`"
    )
}

/// The error for a word that stands where none is expected. It may be the rest of a secret that
/// was not quoted, and is not repeated then.
pub(super) fn unexpected_word(args: &[OsString], word: &str) -> UsageError {
    let serves = Topic::of(args) == Topic::Serve;
    match spilled_from(args, word) {
        None => {
            let error =
                UsageError::new(format!("Unexpected positional argument: {}", address(word)));
            if serves { error.hint(AFTER_DASHES) } else { error }
        }
        Some(flag) => {
            let quote = format!("put the value of `{flag}` in quotes if it has spaces");
            UsageError::new("Unexpected positional argument: ***").hint(if serves {
                format!("{quote}; {AFTER_DASHES}")
            } else {
                quote
            })
        }
    }
}

/// Where the command of `serve` stands.
pub(super) const AFTER_DASHES: &str =
    "the command comes after two dashes: `serve [options] -- COMMAND [arguments]`";

/// An address as it may be shown: no user and password, no query, no control characters.
pub(super) fn address(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?***"),
        None => (rest, ""),
    };
    report::peer_text(&format!("{scheme}{user}{rest}{query}"))
}

/// The flag with a secret value that `word` seems to belong to: only words without a dash stand
/// between the two.
pub(super) fn spilled_from(args: &[OsString], word: &str) -> Option<&'static str> {
    if word.contains("://") {
        return None;
    }
    let at = args.iter().position(|arg| arg == word)?;
    let before = args.get(..at)?.iter().enumerate().rev();
    let (start, flag) = before
        .map(|(index, arg)| (index, arg.to_string_lossy()))
        .find(|(_, arg)| arg.starts_with('-'))?;
    let (name, own_value) = match flag.split_once('=') {
        Some((name, _)) => (name, 0),
        None => (flag.as_ref(), 1),
    };
    (at > start + own_value).then_some(secret_flag(name)?)
}

fn missing_value(flag: &str) -> UsageError {
    UsageError::new(format!("Missing value for {flag}"))
        .hint(format!("a value that starts with a dash is written `{flag}=VALUE`, without a space"))
}

fn unknown_flag(error: &clap::Error, args: &[OsString]) -> UsageError {
    let subject = context(error, ContextKind::InvalidArg);
    let single_dash = !subject.starts_with("--");
    let mut words = args.iter().map(|arg| arg.to_string_lossy());
    let at = words.position(|word| word.starts_with(&subject)).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|before| args.get(before)).and_then(|arg| arg.to_str());
    if let Some(flag) = before.and_then(secret_flag) {
        // The word may be the secret.
        return missing_value(flag);
    }
    if let Some(flag) = before.filter(|flag| flag.starts_with("--"))
        && subject
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        return UsageError::new(format!("{flag} must not be negative"));
    }
    let word = match args.get(at) {
        // clap names the first letter of `-debug` alone.
        Some(word) if single_dash => {
            word.to_string_lossy().split('=').next().unwrap_or_default().to_owned()
        }
        _ => subject,
    };
    let unknown = UsageError::new(format!("Unknown flag: {}", report::peer_text(&word)));
    let similar = same_ending(&word, Topic::of(args)).or_else(|| {
        Some(context(error, ContextKind::SuggestedArg)).filter(|similar| !similar.is_empty())
    });
    // The flag itself may be of another command.
    let similar = similar.filter(|similar| *similar != word);
    match similar.filter(|similar| !weakens(similar, &word)) {
        Some(similar) => unknown.hint(format!("did you mean `{similar}`?")),
        None if single_dash && word.len() > 2 => unknown.hint("a long flag starts with two dashes"),
        None => unknown,
    }
}

/// The only flag that is `word` but for dashes and case, or ends like it: `--tls-cert` for `--cert`.
/// Words so short are not alike enough for clap.
fn same_ending(word: &str, topic: Topic) -> Option<String> {
    let word = word.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    let command = topic.command();
    let flags: Vec<_> = command.get_arguments().filter_map(Arg::get_long).collect();
    let whole = flags.iter().find(|flag| **flag == word);
    let mut ends = flags.iter().filter(|flag| flag.ends_with(&format!("-{word}")));
    let only = ends.next().filter(|_| ends.next().is_none());
    Some(format!("--{}", whole.or(only)?))
}

/// Whether the hint would lead to less security for somebody who did not ask for it.
fn weakens(similar: &str, word: &str) -> bool {
    let asked = ["insecure", "no-verify", "skip-verify"].iter().any(|part| word.contains(part));
    ["--tls-insecure-skip-verify", "--tls-no-verify"].contains(&similar) && !asked
}

/// `name`, if it is a flag whose value is a secret.
fn secret_flag(name: &str) -> Option<&'static str> {
    ["--env", "--header", "--tls-passphrase"].into_iter().find(|secret| *secret == name)
}

/// `--tls-cert` of clap's `--tls-cert <path>`.
fn flag_of(subject: &str) -> &str {
    subject.split([' ', '[', '=']).next().unwrap_or(subject)
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::address;
    use super::unexpected_word;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn an_address_is_shown_without_user_password_and_query() {
        assert_eq!(address("https://me:pa/ss@h/p?key=1"), "https://***@h/p?***");
        assert_eq!(address("localhost:80/mcp"), "localhost:80/mcp");
    }

    #[test]
    fn the_rest_of_an_unquoted_secret_is_not_repeated() {
        for line in [
            "x https://a --header Authorization: Bearer marker",
            "x https://a --header=Authorization: marker",
            "x https://a --tls-passphrase correct horse marker",
            "x serve --env TOKEN=correct marker -- cat",
        ] {
            let error = unexpected_word(&args(line), "marker");
            assert_eq!(error.text, "Unexpected positional argument: ***", "{line}");
            assert!(error.hint.is_some_and(|hint| hint.contains("quotes")), "{line}");
        }
    }

    #[test]
    fn any_other_surplus_word_is_named() {
        for line in ["x https://a marker", "x --debug marker https://a", "x --tls-ca ca marker"] {
            let error = unexpected_word(&args(line), "marker");
            assert_eq!(error.text, "Unexpected positional argument: marker", "{line}");
        }
    }
}
