//! The file of `serve --config`: the same names as the flags. Each entry becomes the flag that it
//! stands for, so that it means the same and is checked by the same code.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use clap::Parser;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::cli::Refusal;
use crate::cli::files;
use crate::cli::flags::CommandLine;
use crate::cli::serve::places::Places;
use crate::cli::serve::places::within;
use crate::cli::serve::typed::Typed;
use crate::cli::usage::Topic;
use crate::cli::usage::UsageError;
use crate::limits;

/// The key of what stands after `--` on the command line.
pub(super) const COMMAND: &str = "command";

/// A file that was read: what it says, as flags.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    line: usize,
    words: Vec<OsString>,
}

impl ConfigFile {
    /// Reads the file and checks its keys and their types.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or has a key that is unknown or of the wrong type.
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let text = files::read("--config", path, limits::CONFIG_FILE_BYTES)?;
        let at = |offset: usize| text.get(..offset).map_or(1, |before| before.split('\n').count());
        let wrong = |line, error: UsageError| within(path, line, error);
        let table = DeTable::parse(&text).map_err(|error| {
            let line = at(error.span().map_or(0, |span| span.start));
            wrong(line, UsageError::new(error.message().trim_end().replace('\n', ", ")))
        })?;
        let folder = folder(path);
        let command = Topic::Serve.command();
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            let words = words(&command, name, value, &folder);
            let words = words.map_err(|error| wrong(at(key.span().start), error))?;
            entries.push(Entry { name: name.to_owned(), line: at(value.span().start), words });
        }
        Ok(Self { path: path.to_owned(), entries })
    }

    /// The command line with what the file adds to it: what was typed stands.
    pub(super) fn merged(&self, args: &[OsString], typed: &Typed) -> Vec<OsString> {
        let mut flags = Vec::new();
        let mut command: &[OsString] = &[];
        for entry in self.entries.iter().filter(|entry| !typed.has(&entry.name)) {
            match &*entry.name {
                COMMAND => command = &entry.words,
                _ => flags.extend_from_slice(&entry.words),
            }
        }
        // After the name of the program and the word `serve`.
        let (start, rest) = args.split_at(args.len().min(2));
        let dashes = OsString::from("--");
        let needs_dashes = !command.is_empty() && !rest.contains(&dashes);
        let dashes = needs_dashes.then_some(dashes);
        [start, &flags, rest, dashes.as_slice(), command].concat()
    }

    /// Where the flags stand that it adds to what was typed.
    pub(super) fn places(&self, typed: &Typed) -> Places {
        let ours = self.entries.iter().filter(|entry| !typed.has(&entry.name));
        Places::new(&self.path, ours.map(|entry| (entry.name.clone(), entry.line)).collect())
    }
}

/// Where a relative path in the file begins.
fn folder(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.parent().map(Path::to_owned).unwrap_or_default()
}

/// The words on a command line that say the same.
fn words(
    command: &Command,
    name: &str,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
) -> Result<Vec<OsString>, UsageError> {
    let wrong = |wanted: &str| UsageError::new(format!("`{name}` must be {wanted}"));
    if name == COMMAND {
        let words = texts(value).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| wrong("a list of texts: the command, its arguments"))?;
        return Ok(program(words, folder));
    }
    let is_it = |arg: &&Arg| arg.get_long() == Some(name) && !is_about_the_file(name);
    let arg = command.get_arguments().find(is_it).ok_or_else(|| unknown(name))?;
    let flag = |text: &str| -> OsString {
        let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let text = if is_path { folder.join(text).into_os_string() } else { text.into() };
        let mut word = OsString::from(format!("--{name}="));
        word.push(text);
        word
    };
    match arg.get_action() {
        ArgAction::SetTrue => match value.get_ref().as_bool() {
            Some(true) => Ok(vec![format!("--{name}").into()]),
            Some(false) => Ok(Vec::new()),
            None => Err(wrong("true or false")),
        },
        ArgAction::Append => {
            let texts = texts(value).ok_or_else(|| wrong("a list of texts"))?;
            Ok(texts.into_iter().map(flag).collect())
        }
        _ => {
            let text = scalar(value.get_ref()).ok_or_else(|| wrong("a text or a number"))?;
            Ok(vec![flag(&text)])
        }
    }
}

/// What makes no sense within the file itself.
pub(super) fn is_about_the_file(name: &str) -> bool {
    ["check", "config", "help", "ready"].contains(&name)
}

/// A program that is named by a relative path is found as the other paths are.
fn program(words: Vec<&str>, folder: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    if let Some(program) = words.first_mut()
        && Path::new(program).components().count() > 1
    {
        *program = folder.join(&*program).into_os_string();
    }
    words
}

fn texts<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<Vec<&'a str>> {
    value.get_ref().as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// With the hint that the command line would give.
fn unknown(name: &str) -> UsageError {
    let error = UsageError::new(format!("unknown key `{}`", crate::report::peer_text(name)));
    let args = ["", "serve", &format!("--{name}")].map(OsString::from);
    let hint = CommandLine::try_parse_from(&args).err().and_then(|refused| {
        let hint = UsageError::from_clap(&refused, &args).hint?;
        let similar = hint.strip_prefix("did you mean `--")?.strip_suffix("`?")?;
        (!is_about_the_file(similar)).then(|| format!("did you mean `{similar}`?"))
    });
    match hint {
        Some(hint) => error.hint(hint),
        None => error.hint("the keys are the names of the flags of `serve`, and `command`"),
    }
}
