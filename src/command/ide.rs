//! The configuration of hosts: which hosts there are, what they have to be told, and how that gets into
//! their files and out of them again, with everything else in them as it was.
//!
//! A change is planned first, shown, and made once the user says so. To undo one, the copy is looked for
//! from which the same change leads to what the file is now: then the file is as it was to the byte. Else
//! the entry alone is cut out. While there is such a copy, an update of the entry makes no further one.

pub mod container;
pub mod entry;
pub mod hosts;
pub mod json;
pub mod merge;
pub mod ours;

mod copies;
mod difference;
mod files;
mod hold;
mod kept;
mod list;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::command::ide::copies::Original;
use crate::command::ide::entry::Entry;
use crate::command::ide::files::Readers;
use crate::command::ide::hosts::Host;
use crate::command::ide::kept::Kept;
use crate::limits;
use crate::report::Report;

pub use crate::command::ide::hold::Hold;
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
    /// Whether a copy is made of what it was.
    is_copied: bool,
    /// Whether a secret comes into it.
    is_secret: bool,
    /// What is not shown.
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
    /// An entry of ours was brought up to date; what was there before the entry can be had without a copy.
    Updated,
    /// The file is what it was before the entry was put into it.
    Restored,
    /// There was nothing else in the file, which is gone.
    Deleted,
}

/// What was done, and what is left of it.
#[derive(Debug)]
pub struct Applied {
    /// What became of the file.
    pub done: Done,
    /// Older copies that stay, and hold the entry with a secret.
    pub left: Vec<PathBuf>,
}

/// Keeps others from changing the file of a target, which may take a moment.
///
/// # Errors
/// Its folder cannot be made, or somebody else does not let it go.
pub fn hold(target: &Target) -> Result<Hold, Report> {
    hold::hold(&target.file, limits::HOST_FILE_WAIT)
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
    let was_ours = old.as_ref().filter(|old| Entry::is_in(old));
    let kept = was_ours.map(|old| Kept::of(target.host, old)).unwrap_or_default();
    let after = merge::insert_with(target.host, text, &target.name, entry, &kept);
    let after = after.map_err(|unfit| target.unfit(unfit))?;
    if before.as_ref() == Some(&after) {
        return Ok(None);
    }
    let is_copied = was_ours.and_then(|old| copies::original(&target, text, old)).is_none();
    let is_secret = entry.env.iter().any(|(_, value)| !value.is_empty());
    let old = old.as_ref().and_then(Entry::read);
    let secrets = values(old.iter().chain([entry]));
    Ok(Some(Change { target, before, after: After::Text(after), is_copied, is_secret, secrets }))
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
    let after = match copies::original(&target, &before, &old) {
        Some(Original::Copy(backup, text)) => After::Copy(backup, text),
        Some(Original::Nothing) => After::Nothing,
        None => After::Text(cut),
    };
    let secrets = values(Entry::read(&old).iter());
    let before = Some(before);
    Ok(Change { target, before, after, is_copied: true, is_secret: false, secrets })
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
        if Entry::is_in(value) {
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

    /// Whether others could read the secret that comes into the file.
    pub fn exposes(&self) -> bool {
        self.is_secret && files::is_shared(&self.target.file)
    }

    /// Makes the change.
    ///
    /// # Errors
    /// The file cannot be written, or has changed since; then it is as it was.
    pub fn apply(self) -> Result<Applied, Report> {
        let held = hold(&self.target)?;
        self.apply_in(&held)
    }

    /// Makes the change that was planned since the file is held.
    ///
    /// # Errors
    /// As of [`apply`](Self::apply).
    pub fn apply_in(self, _: &Hold) -> Result<Applied, Report> {
        let Self { target, before, after, is_copied, is_secret, .. } = self;
        let (file, now) = (&target.file, before.as_deref().unwrap_or_default());
        let done = match after {
            After::Copy(backup, text) => {
                files::restore(file, now, &backup, &text)?;
                copies::sweep(&target, &text);
                Done::Restored
            }
            After::Nothing => {
                files::delete(file, now)?;
                copies::sweep(&target, "");
                files::clear(file, target.root.as_deref());
                Done::Deleted
            }
            After::Text(text) => {
                let readers = if is_secret { Readers::Owner } else { Readers::Usual };
                match files::write(file, before.as_deref(), &text, readers, is_copied)? {
                    Some(backup) => Done::Changed(backup),
                    None if before.is_some() => Done::Updated,
                    None => Done::Made,
                }
            }
        };
        let mut left = copies::with_secrets(&target);
        left.retain(|copy| !matches!(&done, Done::Changed(told) if told == copy));
        Ok(Applied { done, left })
    }
}
