//! What the conformance suite found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The status of each check; one that is made several times keeps its worst.
pub(crate) type Checks = BTreeMap<String, Status>;

/// In order of how bad it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Info,
    Success,
    Skipped,
    Warning,
    Failure,
}

#[derive(Deserialize)]
struct Check {
    id: String,
    name: String,
    status: Status,
}

/// The checks of one scenario, from the folder of its results; `prefix` stands before each name.
pub(crate) fn read(folder: &Path, prefix: &str) -> Option<Checks> {
    let text = fs::read_to_string(folder.join("checks.json")).ok()?;
    let list: Vec<Check> = serde_json::from_str(&text).ok()?;
    let mut checks = Checks::new();
    for check in list {
        let name = format!("{prefix}{} ({})", check.id, check.name);
        let status = checks.entry(name).or_insert(check.status);
        *status = check.status.max(*status);
    }
    Some(checks)
}
