//! An entry in the text of a file, whatever the file is written in. Nothing here touches a file.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Map;
use serde_json::Value;

use crate::command::ide::entry::Entry;
use crate::command::ide::hosts::Format;
use crate::command::ide::hosts::Host;
use crate::command::ide::json;
use crate::command::ide::json::Unfit;
use crate::command::ide::kept::Kept;
use crate::command::ide::tables;

/// Some editors of Windows begin a file with a byte order mark.
const MARK: char = '\u{feff}';

/// The text with the entry in it; of an empty text, a whole file.
///
/// # Errors
/// Why it cannot be put there, for the user.
pub fn insert(host: &Host, text: &str, name: &str, entry: &Entry) -> Result<String, Unfit> {
    insert_with(host, text, name, entry, &Kept::default())
}

/// As [`insert`], with what is kept of the entry that was there.
pub(super) fn insert_with(
    host: &Host,
    text: &str,
    name: &str,
    entry: &Entry,
    kept: &Kept,
) -> Result<String, Unfit> {
    let (mark, text) = split(text);
    let text = match host.format {
        Format::Json => json::insert(text, host.key, name, &Shaped { host, entry, kept }),
        Format::Toml => tables::insert(text, host.key, name, entry, kept),
    };
    text.map(|text| format!("{mark}{text}"))
}

/// The text without the entry `name`; `None` if it has none.
///
/// # Errors
/// Why it cannot be taken out, for the user.
pub fn remove(host: &Host, text: &str, name: &str) -> Result<Option<String>, Unfit> {
    let (mark, text) = split(text);
    let text = match host.format {
        Format::Json => json::remove(text, host.key, name),
        Format::Toml => tables::remove(text, host.key, name),
    };
    text.map(|text| text.map(|text| format!("{mark}{text}")))
}

/// All servers in the text.
///
/// # Errors
/// Why it cannot be read, for the user.
pub fn servers(host: &Host, text: &str) -> Result<Map<String, Value>, Unfit> {
    let root = root(host, text)?;
    Ok(root.get(host.key).and_then(Value::as_object).cloned().unwrap_or_default())
}

/// What a text of TOML means.
///
/// # Errors
/// Why it cannot be read, for the user.
pub fn toml(text: &str) -> Result<Value, Unfit> {
    let (_, text) = split(text);
    Ok(serde_json::to_value(tables::read(text)?).unwrap_or_default())
}

/// What the text means without the servers of ours.
pub(super) fn rest(host: &Host, text: &str) -> Result<Map<String, Value>, Unfit> {
    let mut root = root(host, text)?;
    if let Some(servers) = root.get_mut(host.key).and_then(Value::as_object_mut) {
        servers.retain(|_, value| !Entry::is_in(value));
        if servers.is_empty() {
            root.remove(host.key);
        }
    }
    Ok(root)
}

fn root(host: &Host, text: &str) -> Result<Map<String, Value>, Unfit> {
    let root = match host.format {
        Format::Json => json::read(split(text).1)?.unwrap_or_default(),
        Format::Toml => toml(text)?,
    };
    Ok(root.as_object().cloned().unwrap_or_default())
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with(MARK) { MARK.len_utf8() } else { 0 })
}

/// An entry with the members that its host has besides, and those that are kept.
struct Shaped<'a> {
    host: &'a Host,
    entry: &'a Entry,
    kept: &'a Kept,
}

impl Serialize for Shaped<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.host.marks {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("command", &self.entry.command)?;
        map.serialize_entry("args", &self.entry.args)?;
        let env = self.kept.env(self.entry);
        if !env.is_empty() {
            map.serialize_entry("env", &env)?;
        }
        for (name, value) in &self.kept.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
