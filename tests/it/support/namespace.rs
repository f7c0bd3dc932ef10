//! Network namespaces that a test makes for itself. They go away with the last process in them.

use std::env;
use std::io;
use std::io::Write;
use std::process::Command;
use std::process::Output;

/// Set, to the name of the test, for the copy of it that runs inside.
const INSIDE: &str = "INSIDE_A_NAMESPACE";

/// True inside a namespace in which `set_up`, a shell script, has been run. Outside of it the test of
/// this name is run there, and has to pass; then false. Where nobody may make one, it is left out with
/// a line.
pub(crate) fn enter(name: &str, set_up: &str) -> bool {
    if env::var(INSIDE).as_deref() == Ok(name) {
        return true;
    }
    let script = format!("set -e\n{set_up}\n\"$@\"");
    let Some(mut namespace) = namespace(name, &script) else { return false };
    namespace.args(["sh", "-c", &script, "sh"]).arg(env::current_exe().unwrap());
    namespace.args(["--exact", name, "--nocapture"]).env(INSIDE, name);
    let Output { status, stdout, stderr } = namespace.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("test result: ok. 1 passed"), "{stdout}");
    false
}

/// What runs its arguments in a network namespace of their own, if that is allowed here.
fn namespace(name: &str, script: &str) -> Option<Command> {
    // The second one is for those who are no administrators, where the system lets them.
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let allowed =
        |way: &&&[&str]| unshare(way).arg("true").output().is_ok_and(|o| o.status.success());
    let Some(way) = ways.iter().find(allowed) else {
        say(name, "LEFT OUT", "no right to make a network namespace");
        return None;
    };
    let trial = unshare(way).args(["sh", "-c", script, "sh", "true"]).output().unwrap();
    if !trial.status.success() {
        let why = String::from_utf8_lossy(&trial.stderr);
        let why = format!("it cannot be set up (`apt-get install iproute2 nftables`): {why}");
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "{why}");
        say(name, "SKIPPED", why.trim());
        return None;
    }
    Some(unshare(way))
}

fn unshare(way: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    // Not on every user's path.
    let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    command.args(way).env("PATH", path);
    command
}

/// Not `eprintln!`: the test runner swallows that of a test which passes.
fn say(name: &str, what: &str, why: &str) {
    drop(writeln!(io::stderr(), "{what}: {name}: {why}"));
}
