//! What no file of the project may say.

use crate::source::files;
use crate::source::is_word;
use crate::source::read;

/// Hosts of package registries: who installs may have a mirror. The words are cut so that they
/// do not stand here either.
const REGISTRIES: [&str; 8] = [
    concat!("crates", ".io"),
    concat!("docs", ".rs/"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("proxy.go", "lang.org"),
    concat!("ghcr", ".io"),
];

/// Folders that some machine has and others have not.
const MACHINES: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:\\", "Users\\"),
];

/// Notes that belong into an issue, and words that say nothing about the program.
const WORDS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("A", "I")];

/// Cargo's own name for the registry that everybody has, in every lock file.
const DEFAULT_REGISTRY: &str =
    concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"");

/// What is wrong with the words of one file.
fn violations(path: &str, text: &str) -> Vec<String> {
    let parts = REGISTRIES.iter().chain(&MACHINES).filter(|part| text.contains(**part));
    let mut found: Vec<&str> = parts.copied().collect();
    // Keys and certificates hold words of every kind.
    if !text.contains("-----BEGIN ") {
        let words = || text.split(|c| !is_word(c));
        found.extend(WORDS.into_iter().filter(|word| words().any(|other| other == *word)));
    }
    found.into_iter().map(|what| format!("{path} says `{what}`")).collect()
}

#[test]
fn no_file_names_a_registry_a_machine_or_an_unfinished_thing() {
    let wrong: Vec<_> = files()
        .iter()
        .filter(|path| !path.ends_with("Cargo.lock"))
        .flat_map(|path| violations(path, &read(path)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_package_comes_from_the_default_registry() {
    let locks: Vec<_> = files().into_iter().filter(|path| path.ends_with("Cargo.lock")).collect();
    assert!(!locks.is_empty());
    for path in locks {
        let text = read(&path);
        let sources = text.lines().filter(|line| line.starts_with("source = "));
        let foreign: Vec<_> = sources.filter(|line| *line != DEFAULT_REGISTRY).collect();
        assert!(foreign.is_empty(), "{path}: {}", foreign.join("\n"));
    }
}

#[test]
fn a_forbidden_word_is_found() {
    let registry = format!("see https://{}/x", REGISTRIES[0]);
    let machine = format!("run {}you/bin", MACHINES[2]);
    let note = format!("// {}: later", WORDS[0]);
    for text in [registry, machine, note] {
        assert_eq!(violations("a.md", &text).len(), 1, "{text}");
    }
    let harmless = format!("{}ly {}S methods", WORDS[3], WORDS[0]);
    assert_eq!(violations("a.md", &harmless), [""; 0]);
}
