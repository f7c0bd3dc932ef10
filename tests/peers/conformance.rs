//! The client scenarios of the conformance suite: each is run against the official Python SDK
//! alone and through the bridge, and what passes alone has to pass through the bridge.
//!
//! The `auth/*` scenarios are OAuth, which is not the bridge's business.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::support::bridge;
use super::support::checks;
use super::support::checks::Checks;
use super::support::checks::Status;
use super::support::install;
use super::support::install::Python;
use super::support::process;

/// For one scenario; the slowest takes 6 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn legacy_checks_that_pass_without_the_bridge_pass_through_it() {
    compare(
        "2025-11-25",
        &[
            "initialize",
            "tools_call",
            "elicitation-sep1034-client-defaults",
            "sse-retry",
            "json-schema-2020-12-preservation",
        ],
    );
}

#[test]
fn modern_checks_that_pass_without_the_bridge_pass_through_it() {
    compare(
        "2026-07-28",
        &[
            "tools_call",
            "request-metadata",
            "sep-2322-client-request-state",
            "http-standard-headers",
            "http-custom-headers",
            "http-invalid-tool-headers",
            "json-schema-ref-no-deref",
            "json-schema-2020-12-preservation",
        ],
    );
}

/// What came of one scenario.
struct Outcome {
    checks: Checks,
    /// What the client saw, line by line.
    seen: String,
}

fn compare(version: &str, scenarios: &[&str]) {
    let mut table = format!("{version:36}  direct  bridge\n");
    let mut lost = String::new();
    for &scenario in scenarios {
        let Some(direct) = run(scenario, version, "") else { return };
        let program = bridge::program();
        let command = format!("{} --allow-http", program.display());
        let Some(bridged) = run(scenario, version, &command) else { return };
        writeln!(table, "{scenario:36}  {:>6}  {:>6}", direct.score(), bridged.score()).unwrap();
        bridged.note_losses(&direct, scenario, &mut lost);
        assert_ne!(direct.passed(), 0, "{scenario} checks nothing");
    }
    let _ = io::stderr().write_all(table.as_bytes()); // shown for tests that pass, too
    assert!(lost.is_empty(), "{lost}");
}

impl Outcome {
    fn passed(&self) -> usize {
        self.checks.values().filter(|&&status| status == Status::Success).count()
    }

    fn score(&self) -> String {
        let made = self.checks.values().filter(|&&s| s != Status::Info && s != Status::Skipped);
        format!("{}/{}", self.passed(), made.count())
    }

    fn note_losses(&self, direct: &Self, scenario: &str, lost: &mut String) {
        for (check, _) in direct.checks.iter().filter(|check| *check.1 == Status::Success) {
            let status = self.checks.get(check);
            if status != Some(&Status::Success) {
                writeln!(lost, "{scenario}: {check}: {status:?}").unwrap();
            }
        }
        if self.seen != direct.seen {
            let (seen, direct) = (&self.seen, &direct.seen);
            writeln!(lost, "{scenario}: the client saw\n{seen}instead of\n{direct}").unwrap();
        }
    }
}

/// Runs one scenario; the client speaks HTTP itself or, if one is named, to a bridge.
fn run(scenario: &str, version: &str, bridge: &str) -> Option<Outcome> {
    let results = tempfile::tempdir().unwrap();
    let python = Python::V2.driver("conformance_client.py")?;
    let script = python.get_args().next().unwrap().display().to_string();
    let client = format!("{} {script} {bridge}", python.get_program().display());

    let mut suite = install::node_package(install::CONFORMANCE)?;
    suite.args(["client", "--command", client.trim(), "--scenario", scenario]);
    suite.args(["--spec-version", version, "-o"]).arg(results.path());
    suite.env("NO_PROXY", "*");
    let done = process::run(suite, "", LIMIT);
    let outcome = read_outcome(results.path());
    Some(outcome.unwrap_or_else(|| panic!("{scenario}: {}{}", done.stdout, done.stderr)))
}

/// The suite writes into a folder of its own making.
fn read_outcome(results: &Path) -> Option<Outcome> {
    let folder = fs::read_dir(results).ok()?.next()?.ok()?.path();
    let checks = checks::read(&folder, "")?;
    let seen = fs::read_to_string(folder.join("stdout.txt")).ok()?;
    Some(Outcome { checks, seen: without_ports(&seen) })
}

/// Some mocks name their own port in what they say; it is another one in each run.
fn without_ports(text: &str) -> String {
    let mut pieces = text.split("http://localhost:");
    let mut same = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        same += "http://localhost:PORT";
        same += piece.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    same
}
