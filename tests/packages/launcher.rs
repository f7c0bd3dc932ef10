//! What npm's launcher does when things go wrong.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::made::made;
use super::made::scratch;
use super::running::Ended;
use super::running::Running;
use super::running::child_of;
use super::running::signal;
use super::support::bridge;
use super::support::install;
use super::support::process;
use super::support::process::Finished;
use super::support::remote::Remote;
use super::support::remote::Wire;
use super::way::npm_install;
use super::way::without_execve;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_platform_package_that_is_missing_is_told_with_a_hint() {
    let Some(made) = made() else { return };
    let folder = scratch().join("npm-without-platform");
    npm_install(&folder, &[&made.launcher], &["--omit=optional"]);
    let done = run(&folder.join("node_modules/.bin/mcp-secure-remote"));
    assert_eq!((done.code, &*done.stdout), (Some(1), ""));
    let lines: Vec<_> = done.stderr.lines().collect();
    assert!(lines[0].starts_with("error: the program for ") && lines.len() == 3, "{lines:?}");
    assert!(lines[1].starts_with("cause: the optional package `mcp-secure-remote-"), "{lines:?}");
    assert!(lines[2].contains("`--omit=optional`"), "{lines:?}");
}

#[test]
fn a_program_that_cannot_be_started_is_told_with_its_path() {
    let Some(folder) = installed("npm-broken") else { return };
    let program = program(&folder);
    fs::remove_file(&program).unwrap();
    fs::create_dir(&program).unwrap(); // found, and no program
    fs::write(program.join("index.js"), "").unwrap();
    let Some(newer) = install::node() else { return };
    for node in [PathBuf::from("node"), newer] {
        let mut command = Command::new(node);
        command.arg(folder.join("node_modules/.bin/mcp-secure-remote"));
        let done = process::run(command, "", LIMIT);
        assert_eq!((done.code, &*done.stdout), (Some(1), ""), "{}", done.stderr);
        assert!(done.stderr.starts_with("error: cannot start `"), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 3, "{}", done.stderr);
    }
}

#[test]
fn the_client_is_the_client() {
    let Some(folder) = installed("npm-client") else { return };
    for flags in [&[][..], &["--require", without_execve().to_str().unwrap()]] {
        let mut node = Command::new("node");
        node.args(flags).arg(folder.join("node_modules/.bin/mcp-secure-remote-client"));
        let done = process::run(
            {
                node.arg("--version");
                node
            },
            "",
            LIMIT,
        );
        let version = format!("mcp-secure-remote-client {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!((done.code, done.stdout), (Some(0), version), "{}", done.stderr);
    }
}

#[test]
#[cfg(target_os = "linux")] // where a child is found through /proc
fn a_program_that_a_signal_killed_takes_its_launcher_along() {
    let Some(folder) = installed("npm-killed") else { return };
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let path = std::env::var("PATH").unwrap();
    let script = folder.join("node_modules/.bin/mcp-secure-remote");
    let words = ["env", &format!("PATH={path}"), "node", "--require"].map(str::to_owned);
    let mut words = words.to_vec();
    words.extend([without_execve(), script].map(|path| path.display().to_string()));
    words.extend(bridge::words(&remote, &[]).into_iter().skip(1));
    for (name, number) in [("KILL", 9), ("QUIT", 3)] {
        let running = Running::start(&words);
        signal(child_of(running.id()), name);
        assert_eq!(running.end(), Ended::Signal(number));
    }
}

/// A folder with launcher and program, of its own for this test.
fn installed(name: &str) -> Option<PathBuf> {
    let made = made()?;
    let folder = scratch().join(name);
    let _ = fs::remove_dir_all(&folder);
    npm_install(&folder, &[&made.platform, &made.launcher], &[]);
    Some(folder)
}

/// The one program below this folder.
fn program(folder: &Path) -> PathBuf {
    let modules = super::made::files(&folder.join("node_modules"));
    let programs = modules.into_iter().map(|module| module.join("bin/mcp-secure-remote"));
    programs.into_iter().find(|file| file.is_file()).unwrap()
}

fn run(program: &Path) -> Finished {
    process::run(Command::new(program), "", LIMIT)
}
