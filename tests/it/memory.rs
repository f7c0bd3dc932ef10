//! X04: the memory of the process, which holds a private key, goes into no core file, and other
//! programs of the same user cannot look into it.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::process::Stdio;

use crate::support::host::Host;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;

/// An administrator may look into every process: the test then does without such rights.
const WITHOUT_RIGHTS: [&str; 2] = ["setpriv", "--bounding-set=-all"];

/// What keeps its programs from looking into others because they may.
fn tool() -> &'static [&'static str] {
    let is_administrator = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_administrator { &WITHOUT_RIGHTS } else { &["env"] }
}

/// A bridge that is up: it has answered.
fn bridge() -> Host {
    let remote = Plan::modern().start();
    let host = Launch::under(tool()).arg(remote.url()).arg("--allow-http").start();
    host.nudge();
    host
}

/// Whether another program of the same user may read the environment and the memory map.
fn is_open(pid: u32) -> bool {
    let open = |name: &str| {
        let mut cat = Command::new(tool()[0]);
        cat.args(&tool()[1..]).arg("cat").arg(format!("/proc/{pid}/{name}"));
        cat.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    let (environment, map) = (open("environ"), open("maps"));
    assert_eq!(environment, map);
    environment
}

#[test]
fn the_bridge_leaves_no_core_file() {
    let host = bridge();
    let limits = fs::read_to_string(format!("/proc/{}/limits", host.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
}

#[test]
fn other_programs_of_the_same_user_cannot_look_into_the_bridge() {
    let host = bridge();
    assert!(!is_open(host.pid()));
    // Another program, run in the same way, is open to them.
    let mut other = Command::new(tool()[0]);
    other.args(&tool()[1..]).arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut input = other.stdin.take().unwrap();
    // It runs once it has given a byte back.
    input.write_all(b"x").unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let is_open = is_open(other.id());
    drop(input);
    other.wait().unwrap();
    assert!(is_open);
}
