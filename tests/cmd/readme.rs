//! README.md and `--help` tell the same.

use std::collections::BTreeSet;

use crate::faces::program;

#[test]
fn every_flag_of_the_help_is_in_the_readme_and_the_other_way_round() {
    assert_eq!(words(&help(), "--"), words(&section("## Command line"), "--"));
}

#[test]
fn every_variable_of_the_help_is_in_the_readme_and_the_other_way_round() {
    let prefix = "MCP_REMOTE_";
    assert_eq!(words(&help(), prefix), words(&section("## Environment variables"), prefix));
}

#[test]
fn every_variable_that_the_program_reads_is_in_its_help() {
    let source = include_str!("../../src/cli/tls.rs");
    let helped = help() + &help_of(&["serve"]);
    assert_eq!(words(source, "MCP_REMOTE_"), words(&helped, "MCP_REMOTE_"));
}

#[test]
fn every_flag_and_variable_of_serve_is_in_its_guide() {
    let guide = include_str!("../../docs/serve.md");
    for prefix in ["--", "MCP_REMOTE_"] {
        let (told, known) = (words(guide, prefix), words(&help_of(&["serve"]), prefix));
        let missing: Vec<_> = known.difference(&told).filter(|word| *word != "--help").collect();
        assert!(missing.is_empty(), "not in docs/serve.md: {missing:?}");
    }
}

fn help() -> String {
    help_of(&[])
}

/// The help of a command.
pub(crate) fn help_of(command: &[&str]) -> String {
    let output = program(command).arg("--help").output().expect("the program starts");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The tables of a section, up to the next one.
fn section(title: &str) -> String {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once(&format!("\n{title}\n")).expect("the section");
    let section = rest.split("\n## ").next().unwrap_or(rest);
    section.lines().filter(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect()
}

/// All names that start with `prefix`; what follows an `=` is a value.
pub(crate) fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| word.starts_with(prefix) && word.len() > prefix.len())
        .filter(|word| word.trim_start_matches('-').starts_with(|c: char| c.is_alphabetic()))
        .map(str::to_owned)
        .collect()
}
