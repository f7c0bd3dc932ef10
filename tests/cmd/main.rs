//! The program as its users meet it: texts, streams and exit codes.
//!
//! `*.trycmd` and `*.toml` in this folder are cases too: adding a file adds a test.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod completions;
mod config;
mod faces;
mod man;
mod readme;
mod tables;
mod tools;

#[test]
fn the_texts_are_those_on_file() {
    trycmd::TestCases::new()
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd")
        .case("tests/cmd/*.toml");
}
