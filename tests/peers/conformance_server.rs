//! The server scenarios of the conformance suite: each is run against a fixture that serves HTTP
//! itself and against the same fixture on stdio behind our own server. What passes alone has to
//! pass behind it.
//!
//! The suite speaks plain HTTP, so there is no TLS here.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::support::checks;
use super::support::checks::Checks;
use super::support::checks::Status;
use super::support::install;
use super::support::install::Python;
use super::support::process;
use super::support::process::Server;
use super::support::serve;

/// For all scenarios of a version. Each legacy one starts a Python process, which takes 1 s.
const LIMIT: Duration = Duration::from_secs(300);

/// A check that has another status here: where answers come at once, the fixture makes events of
/// them and we make JSON. Both are allowed, and the suite notes that there is no stream to look at.
const DIFFERENT: &str = "server-sse-streams-functional (ServerSSEStreamsFunctional)";

#[test]
fn legacy_checks_that_pass_without_serve_pass_behind_it() {
    let Some(behind) = compare("2025-11-25") else { return };
    assert_passed(&behind, "dns-rebinding");
    assert_passed(&behind, "session");
    assert_passed(&behind, "elicitation-sep1330");
    assert_passed(&behind, "server-sse-priming-event");
}

#[test]
fn modern_checks_that_pass_without_serve_pass_behind_it() {
    let Some(behind) = compare("2026-07-28") else { return };
    assert_passed(&behind, "dns-rebinding");
    assert_passed(&behind, "sep-2243-server-reject-param-mismatch");
    assert_passed(&behind, "sep-2575-http-server-method-not-found-404-initialize");
}

/// The checks behind our own server, none of which is worse than without it.
fn compare(version: &str) -> Option<Checks> {
    let alone = Server::start(fixture("http")?);
    let direct = run(alone.port, version)?;
    drop(alone);
    let serve = serve::start(&[], &fixture("stdio")?);
    let behind = run(serve.port, version)?;
    let table = format!("{version}: direct {}, serve {}\n", score(&direct), score(&behind));
    let _ = io::stderr().write_all(table.as_bytes()); // shown for a test that passes, too
    assert!(count(&direct, Status::Success) > 60, "too little is checked");
    let lost = lost(&direct, &behind);
    assert!(lost.is_empty(), "{lost}");
    Some(behind)
}

fn lost(direct: &Checks, behind: &Checks) -> String {
    let mut lost = String::new();
    for (check, _) in direct.iter().filter(|check| *check.1 == Status::Success) {
        let status = behind.get(check);
        let is_fine = status == Some(&Status::Success)
            || (check.ends_with(DIFFERENT) && status == Some(&Status::Info));
        if !is_fine {
            writeln!(lost, "{check}: {status:?}").unwrap();
        }
    }
    lost
}

/// At least one check has this in its name, and all that have it passed.
fn assert_passed(checks: &Checks, name: &str) {
    let mut named = checks.iter().filter(|check| check.0.contains(name)).peekable();
    assert!(named.peek().is_some(), "no check of {name}");
    for (check, status) in named {
        assert!(*status <= Status::Success, "{check}: {status:?}");
    }
}

fn count(checks: &Checks, status: Status) -> usize {
    checks.values().filter(|found| **found == status).count()
}

fn score(checks: &Checks) -> String {
    format!("{} / {}", count(checks, Status::Success), count(checks, Status::Failure))
}

fn fixture(wire: &str) -> Option<Command> {
    let mut command = Python::V2.driver("fixture_python_v2.py")?;
    command.arg(wire);
    Some(command)
}

/// Runs all scenarios of a version against this port.
fn run(port: u16, version: &str) -> Option<Checks> {
    let results = tempfile::tempdir().unwrap();
    let mut suite = install::node_package(install::CONFORMANCE)?;
    suite.args(["server", "--url", &format!("http://127.0.0.1:{port}/mcp")]);
    suite.args(["--requirements", version, "-o"]).arg(results.path());
    suite.env("NO_PROXY", "*");
    let done = process::run(suite, "", LIMIT);
    let checks = read(results.path());
    assert!(!checks.is_empty(), "{}{}", done.stdout, done.stderr);
    Some(checks)
}

/// The suite writes a folder a scenario: its name, then the time in six pieces.
fn read(results: &Path) -> Checks {
    let folders = fs::read_dir(results).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let scenario = name.rsplitn(7, '-').last().unwrap_or_default();
        checks::read(&entry.path(), &format!("{scenario}: "))
    };
    folders.filter_map(read).flatten().collect()
}
