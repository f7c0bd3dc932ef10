//! A bridge that runs, in whichever way, and gets signals.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::support::bridge;

/// For one answer, or for the end.
const LIMIT: Duration = Duration::from_secs(60);

/// A bridge whose session is open.
pub(crate) struct Running {
    child: Child,
    /// Closing it ends the bridge.
    pub(crate) stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it with these words and shakes hands.
    pub(crate) fn start(words: &[String]) -> Self {
        let mut command = bridge::command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut running = Self { stdin: child.stdin.take(), child, lines };
        writeln!(running.stdin.as_mut().unwrap(), "{}", bridge::initialize(1)).unwrap();
        let answer = running.lines.recv_timeout(LIMIT).expect("an answer in time");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["id"], 1, "{answer}");
        running
    }

    /// The process that the host started.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process that npm and its shell have started, or else the one that the host started.
    pub(crate) fn behind_npm(&self) -> u32 {
        let name = |process: u32| fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
        let mut process = self.id();
        while ["npm", "sh\n"].iter().any(|start| name(process).starts_with(start)) {
            process = child_of(process);
        }
        process
    }

    /// How it ended. Nothing that held its standard output is left then.
    pub(crate) fn end(mut self) -> Ended {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("still running");
                }
            }
        }
        Ended::from(self.child.wait().unwrap())
    }
}

/// An exit code, or a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    Code(i32),
    Signal(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap()),
        }
    }
}

/// Sends a signal, by its name.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.unwrap().success());
}

/// The only child of a process (Linux).
pub(crate) fn child_of(process: u32) -> u32 {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    list.trim().parse().unwrap_or_else(|_| panic!("not one child: {list}"))
}
