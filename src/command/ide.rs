//! The configuration of hosts: which hosts there are, what they have to be told, and how that gets into
//! their files and out of them again, with everything else in them as it was.
//!
//! A change is planned first, shown, and made once the user says so. To undo one, the copy is looked for
//! from which the same change leads to what the file is now: then the file is as it was to the byte. Else
//! the entry alone is cut out.

pub mod entry;
pub mod hosts;
pub mod merge;
pub mod ours;

mod difference;
mod files;
mod json;
mod kept;
mod list;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::command::ide::entry::Entry;
use crate::command::ide::files::Readers;
use crate::command::ide::hosts::Host;
use crate::command::ide::kept::Kept;
use crate::report::Report;

pub use crate::command::ide::kept::VARIABLES;
pub use crate::command::ide::list::Listed;
pub use crate::command::ide::list::State;
pub use crate::command::ide::list::list;

/// An entry in the file of a host on this machine.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host.
    pub host: &'static Host,
    /// Its file.
    pub file: PathBuf,
    /// Folders below this one go when they are empty after the file went.
    pub root: Option<PathBuf>,
    /// The name of the entry.
    pub name: String,
}

/// What is to become of a file.
#[derive(Debug)]
pub struct Change {
    target: Target,
    before: Option<String>,
    after: After,
    secrets: Vec<String>,
}

#[derive(Debug)]
enum After {
    /// It has this text.
    Text(String),
    /// It has the text of this copy, which goes.
    Copy(PathBuf, String),
    /// It is gone.
    Nothing,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// The file is new.
    Made,
    /// The file was changed; a copy of what it was is here.
    Changed(PathBuf),
    /// The file is what it was before the entry was put into it.
    Restored,
    /// There was no file before the entry was put into one, and there is none now.
    Deleted,
}

/// Plans to put an entry into a file; `None` if it is there as it should be.
///
/// # Errors
/// The file cannot be read or changed, or an entry of this name is another program's, unless `force`.
pub fn install(target: Target, entry: &Entry, force: bool) -> Result<Option<Change>, Report> {
    let before = files::read(&target.file)?;
    let text = before.as_deref().unwrap_or_default();
    let old = target.server(text)?;
    if let Some(old) = old.as_ref().filter(|_| !force) {
        target.check_ours(old)?;
    }
    let was_ours = old.as_ref().filter(|old| is_ours(old));
    let kept = was_ours.map(|old| Kept::of(target.host, old)).unwrap_or_default();
    let after = merge::insert_with(target.host, text, &target.name, entry, &kept);
    let after = after.map_err(|unfit| target.unfit(unfit))?;
    if before.as_ref() == Some(&after) {
        return Ok(None);
    }
    let old = old.as_ref().and_then(Entry::read);
    let secrets = values(old.iter().chain([entry]));
    Ok(Some(Change { target, before, after: After::Text(after), secrets }))
}

/// Plans to take an entry out of a file.
///
/// # Errors
/// The file cannot be read or changed, it has no such entry, or that is another program's, unless `force`.
pub fn remove(target: Target, force: bool) -> Result<Change, Report> {
    let missing = |cause: &str| {
        let Target { file, name, .. } = &target;
        let report = Report::new(format!("cannot remove `{name}` from `{}`", file.display()));
        report.cause(cause).hint("`ide list` shows what is where")
    };
    let before = files::read(&target.file)?.ok_or_else(|| missing("there is no such file"))?;
    let old = target.server(&before)?.ok_or_else(|| missing("there is no server of that name"))?;
    if !force {
        target.check_ours(&old)?;
    }
    let cut = merge::remove(target.host, &before, &target.name);
    let cut = cut.map_err(|unfit| target.unfit(unfit))?;
    let cut = cut.ok_or_else(|| missing("there is no server of that name"))?;
    let old = Entry::read(&old);
    let after = old.as_ref().and_then(|old| original(&target, &before, old));
    let after = after.unwrap_or(After::Text(cut));
    Ok(Change { target, before: Some(before), after, secrets: values(old.iter()) })
}

/// What the file was before the entry was put into it, if that can be known.
fn original(target: &Target, now: &str, entry: &Entry) -> Option<After> {
    let leads_here = |text: &str| {
        merge::insert(target.host, text, &target.name, entry).is_ok_and(|text| text == now)
    };
    let is_without = |text: &str| {
        merge::servers(target.host, text).is_ok_and(|servers| !servers.contains_key(&target.name))
    };
    for backup in files::backups(&target.file) {
        let Ok(Some(text)) = files::read(&backup) else { continue };
        if is_without(&text) && leads_here(&text) {
            return Some(After::Copy(backup, text));
        }
    }
    leads_here("").then_some(After::Nothing)
}

/// Whether an entry starts this program.
fn is_ours(value: &Value) -> bool {
    Entry::read(value).is_some_and(|entry| entry.is_ours())
}

fn values<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<String> {
    entries.flat_map(|entry| &entry.env).map(|(_, value)| value.clone()).collect()
}

impl Target {
    /// The entry as it stands in the text.
    fn server(&self, text: &str) -> Result<Option<Value>, Report> {
        let servers = merge::servers(self.host, text).map_err(|unfit| self.unfit(unfit))?;
        Ok(servers.get(&self.name).cloned())
    }

    fn check_ours(&self, value: &Value) -> Result<(), Report> {
        if is_ours(value) {
            return Ok(());
        }
        let cause = match Entry::read(value) {
            Some(entry) => format!("it starts `{}`", entry.command),
            None => "it is no server that a command starts".to_owned(),
        };
        let Self { file, name, .. } = self;
        Err(Report::new(format!("`{name}` in `{}` is not a server of ours", file.display()))
            .cause(cause)
            .hint("choose another `--name`, or insist on it with `--force`"))
    }

    fn unfit(&self, cause: String) -> Report {
        Report::new(format!("cannot use `{}`", self.file.display()))
            .cause(cause)
            .hint("mend that by hand; `ide show` prints what belongs into the file")
    }
}

impl Change {
    /// The file.
    pub fn file(&self) -> &Path {
        &self.target.file
    }

    /// The lines that go and come, without secrets.
    pub fn shown(&self) -> String {
        let after = match &self.after {
            After::Text(text) | After::Copy(_, text) => text,
            After::Nothing => "",
        };
        difference::shown(self.before.as_deref().unwrap_or_default(), after, &self.secrets)
    }

    /// Whether others could read the secrets that come into the file.
    pub fn exposes(&self) -> bool {
        matches!(self.after, After::Text(_))
            && self.secrets.iter().any(|it| !it.is_empty())
            && files::is_shared(&self.target.file)
    }

    /// Makes the change.
    ///
    /// # Errors
    /// The file cannot be written, or has changed since; then it is as it was.
    pub fn apply(self) -> Result<Done, Report> {
        let Self { target: Target { file, root, .. }, before, after, secrets } = self;
        let now = before.as_deref().unwrap_or_default();
        match after {
            After::Copy(backup, text) => {
                files::restore(&file, now, &backup, &text)?;
                Ok(Done::Restored)
            }
            After::Nothing => {
                files::delete(&file, now, root.as_deref())?;
                Ok(Done::Deleted)
            }
            After::Text(text) => {
                let readers = if secrets.is_empty() { Readers::Usual } else { Readers::Owner };
                let backup = files::write(&file, before.as_deref(), &text, readers)?;
                Ok(backup.map_or(Done::Made, Done::Changed))
            }
        }
    }
}
