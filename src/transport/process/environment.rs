//! What a child gets to see of our environment: next to nothing, unless it was named.

use std::ffi::OsStr;
use std::ffi::OsString;

/// What programs need to find themselves, their user and their language.
#[cfg(not(windows))]
const PASSED: [&str; 9] =
    ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

/// What programs on Windows cannot start or find their files without.
#[cfg(windows)]
const PASSED: [&str; 17] = [
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
];

/// The beginning of names that are passed too: the languages of one thing or another.
const PASSED_BEGINNING: &str = "LC_";

/// The whole environment of a child: of `ours` a short list and what `pass` names, then what `set`
/// gives a value. So no password of ours gets there unless somebody names its variable.
pub fn child_environment(
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    pass: &[String],
    set: &[(String, OsString)],
) -> Vec<(OsString, OsString)> {
    let is_set = |name: &OsStr| set.iter().any(|(other, _)| is_same(name, other));
    let is_named = |name: &OsStr| pass.iter().any(|other| is_same(name, other));
    let is_usual = |name: &OsStr, value: &OsStr| is_usual(name) && !is_function(value);
    let passed = ours
        .into_iter()
        .filter(|(name, value)| !is_set(name) && (is_named(name) || is_usual(name, value)));
    let set = set.iter().map(|(name, value)| (OsString::from(name), value.clone()));
    passed.chain(set).collect()
}

fn is_usual(name: &OsStr) -> bool {
    PASSED.iter().any(|usual| is_same(name, usual))
        || name.to_str().is_some_and(|name| name.starts_with(PASSED_BEGINNING))
}

/// Old shells run what follows such a value.
fn is_function(value: &OsStr) -> bool {
    value.as_encoded_bytes().starts_with(b"()")
}

/// Whether two names mean the same variable: on Windows they do whatever their case, and the one of `PATH` is
/// mostly `Path`.
pub(crate) fn is_same(name: &OsStr, other: &str) -> bool {
    if cfg!(windows) { name.eq_ignore_ascii_case(other) } else { name == other }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::child_environment;

    fn child(ours: &[(&str, &str)], pass: &[&str], set: &[(&str, &str)]) -> Vec<String> {
        let ours = ours.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let pass: Vec<_> = pass.iter().map(|name| (*name).to_owned()).collect();
        let set: Vec<_> =
            set.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let pairs = child_environment(ours, &pass, &set).into_iter();
        pairs.map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    #[test]
    fn a_child_sees_a_short_list_and_what_was_named() {
        let ours = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("MCP_REMOTE_TLS_PASSPHRASE", "marker"),
            ("API_KEY", "k"),
            ("AWS_SECRET_ACCESS_KEY", "marker"),
            ("LC_X", "() { :; }; marker"),
        ];
        assert_eq!(child(&ours, &["API_KEY", "NONE"], &[]), ["PATH=/bin", "LC_ALL=C", "API_KEY=k"]);
    }

    #[test]
    fn what_is_set_counts_and_stands_there_once() {
        let ours = [("PATH", "/bin"), ("A", "1")];
        let set = [("PATH", "/opt"), ("A", "2"), ("B", "")];
        assert_eq!(child(&ours, &["A"], &set), ["PATH=/opt", "A=2", "B="]);
    }
}
