//! The copies beside a file: which one it was made from, and which are worth nothing any more.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::command::ide::Target;
use crate::command::ide::entry::Entry;
use crate::command::ide::files;
use crate::command::ide::kept::Kept;
use crate::command::ide::merge;

/// What a file was before the entry was put into it.
pub(super) enum Original {
    /// What is in this copy.
    Copy(PathBuf, String),
    /// There was none.
    Nothing,
}

/// What the file was before the entry was put into it, if that can be known: the copy that has no such
/// entry, and in which the entry gives what the file is `now`, whatever users have added to the entry.
pub(super) fn original(target: &Target, now: &str, value: &Value) -> Option<Original> {
    let entry = Entry::read(value)?;
    let with = |text: &str| merge::insert(target.host, text, &target.name, &entry).ok();
    let whole = with(now)?;
    let mut was_there = false;
    for (backup, text) in all(target) {
        if with(&text).as_ref() != Some(&whole) {
            continue;
        }
        match merge::servers(target.host, &text).ok()?.get(&target.name) {
            None => return Some(Original::Copy(backup, text)),
            // Somebody else has written that one.
            Some(old) => was_there |= !is_alone(target, &text, old),
        }
    }
    (!was_there && is_alone(target, now, value)).then_some(Original::Nothing)
}

/// Takes the copies away that hold nothing but entries of ours besides what is in the file `now`. Those
/// of entries that are still in it stay, unless they have the one of the target, too.
pub(super) fn sweep(target: &Target, now: &str) {
    let Ok(rest) = merge::rest(target.host, now) else { return };
    let still_there = ours(target, now);
    for (backup, text) in all(target) {
        let held = ours(target, &text);
        let is_gone = |name: &String| !still_there.contains(name);
        let is_done = held.contains(&target.name) || held.iter().all(is_gone);
        if !held.is_empty() && is_done && merge::rest(target.host, &text).as_ref() == Ok(&rest) {
            // One that stays is closed and named.
            let _ = std::fs::remove_file(backup);
        }
    }
}

/// The copies that hold a secret in the entry, which their owner alone can read from now on.
pub(super) fn with_secrets(target: &Target) -> Vec<PathBuf> {
    let holds = |text: &str| {
        let servers = merge::servers(target.host, text).unwrap_or_default();
        let entry = servers.get(&target.name).and_then(Entry::read);
        entry.is_some_and(|entry| entry.is_ours() && !entry.env.is_empty())
    };
    let found = all(target).filter(|(_, text)| holds(text)).map(|(backup, _)| backup);
    found.inspect(|backup| files::close(backup)).collect()
}

/// Whether there was nothing before the entry, which stands there as this program writes it.
fn is_alone(target: &Target, text: &str, value: &Value) -> bool {
    let Some(entry) = Entry::read(value) else { return false };
    let kept = Kept::of(target.host, value);
    let made = merge::insert_with(target.host, "", &target.name, &entry, &kept);
    made.is_ok_and(|made| made == text)
}

fn ours(target: &Target, text: &str) -> Vec<String> {
    let servers = merge::servers(target.host, text).unwrap_or_default();
    let ours = servers.into_iter().filter(|(_, value)| Entry::is_in(value));
    ours.map(|(name, _)| name).collect()
}

/// Those that can be read, the latest first.
fn all(target: &Target) -> impl Iterator<Item = (PathBuf, String)> {
    let text = |path: &Path| files::read(path).ok().flatten();
    files::backups(&target.file)
        .into_iter()
        .filter_map(move |path| Some((text(&path)?, path)))
        .map(|(text, path)| (path, text))
}
