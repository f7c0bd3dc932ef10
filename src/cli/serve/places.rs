//! Where in the file of `--config` a flag was set, for errors about it.

use std::path::Path;
use std::path::PathBuf;

use crate::cli::serve::file::COMMAND;
use crate::cli::usage::UsageError;
use crate::report;
use crate::report::Report;

/// The flags that a file has added to what was typed.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Places {
    path: PathBuf,
    lines: Vec<(String, usize)>,
}

impl Places {
    /// Flags of the file at `path`, by name, with their lines.
    pub(super) fn new(path: &Path, lines: Vec<(String, usize)>) -> Self {
        Self { path: path.to_owned(), lines }
    }

    /// Names the line that an error is about, if it is about one.
    pub(super) fn usage(&self, error: UsageError) -> UsageError {
        match self.lines.iter().find(|(name, _)| names(&error.text, name)) {
            Some((_, line)) => within(&self.path, *line, error),
            None => error,
        }
    }

    /// The same for the hint about what cannot be used.
    pub(in crate::cli) fn report(&self, mut report: Report) -> Report {
        let Some(hint) = report.hint.take() else { return report };
        let Some((name, line)) = self.lines.iter().find(|(name, _)| names(&hint, name)) else {
            return report.hint(hint);
        };
        let place = format!("{}, line {line}", self.path.display());
        report.hint(match hint.starts_with(report::CHECK_PATH) {
            true => format!("check `{name}` in {place}; relative paths begin at its folder"),
            false => format!("{hint}; `{name}` is set in {place}"),
        })
    }
}

/// An error about a line of the file.
pub(super) fn within(path: &Path, line: usize, error: UsageError) -> UsageError {
    let text = format!("{}, line {line}: {}", path.display(), error.text);
    UsageError { text, ..error }
}

/// Whether the text speaks of the flag `--name`.
fn names(text: &str, name: &str) -> bool {
    let flag = if name == COMMAND { "-- COMMAND".to_owned() } else { format!("--{name}") };
    text.match_indices(&flag).any(|(at, _)| {
        let next = text[at + flag.len()..].chars().next();
        next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
    })
}
