//! The pipes of a running program: what goes in, what came out, and how it ended.

use std::fmt::Write as _;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::support::watched::Watched;

/// Whether the host reads what the program writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    On,
    Paused,
    Closed,
}

/// What the program has done so far.
pub(crate) struct Seen {
    pub(crate) lines: Vec<String>,
    pub(crate) reads: Reads,
    pub(crate) output_ended: bool,
    pub(crate) errors: String,
    pub(crate) exit: Option<ExitStatus>,
}

/// Gives `child`, whose three streams are pipes, a thread for each of them and one that waits.
pub(crate) fn attend(
    mut child: Child,
    reads: Reads,
) -> (mpsc::Sender<Vec<u8>>, Arc<Watched<Seen>>) {
    let seen = Arc::new(Watched::new(Seen {
        lines: Vec::new(),
        reads,
        output_ended: false,
        errors: String::new(),
        exit: None,
    }));
    let input = feed(child.stdin.take().unwrap());
    collect_output(child.stdout.take().unwrap(), Arc::clone(&seen));
    let errors = collect_errors(child.stderr.take().unwrap(), Arc::clone(&seen));
    wait_for(child, errors, Arc::clone(&seen));
    (input, seen)
}

/// A pipe that is full must not block the test, so a thread writes.
fn feed(mut stdin: ChildStdin) -> mpsc::Sender<Vec<u8>> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        // The program may be gone.
        receiver.iter().try_for_each(|bytes| stdin.write_all(&bytes))
    });
    sender
}

fn collect_output(stdout: ChildStdout, seen: Arc<Watched<Seen>>) {
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        loop {
            // Without a limit: the host may stop for as long as the test likes.
            let forever = Duration::from_secs(u64::from(u32::MAX));
            let reads = seen.wait_for(forever, |s| (s.reads != Reads::Paused).then_some(s.reads));
            let mut line = Vec::new();
            let count = match reads {
                Some(Reads::Closed) => 0,
                _ => stdout.read_until(b'\n', &mut line).unwrap_or(0),
            };
            if count == 0 {
                drop(stdout);
                return seen.change(|seen| seen.output_ended = true);
            }
            let line = String::from_utf8(line).expect("standard output is UTF-8");
            seen.change(|seen| seen.lines.push(line));
        }
    });
}

fn collect_errors(
    mut stderr: impl Read + Send + 'static,
    seen: Arc<Watched<Seen>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count) = stderr.read(&mut chunk) {
            if count == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&chunk[..count]).into_owned();
            seen.change(|seen| seen.errors.push_str(&text));
        }
    })
}

fn wait_for(mut child: Child, errors: JoinHandle<()>, seen: Arc<Watched<Seen>>) {
    std::thread::spawn(move || {
        let status = child.wait().expect("a child can be waited for");
        // What it said last may still be in the pipe.
        errors.join().expect("standard error is read");
        seen.change(|seen| seen.exit = Some(status));
    });
}

impl Seen {
    pub(crate) fn messages(&self) -> impl Iterator<Item = Value> {
        self.lines.iter().filter_map(|line| serde_json::from_str(line).ok())
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = Value> {
        self.messages().filter(|message| message.get("method").is_none())
    }

    /// The first line that has no place on standard output.
    pub(crate) fn stray_line(&self) -> Option<&String> {
        self.lines.iter().find(|line| {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            let first = message.get(0).unwrap_or(&message);
            first["jsonrpc"] != "2.0" || !line.ends_with('\n')
        })
    }

    /// For whoever reads a failed test.
    pub(crate) fn transcript(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let _ = writeln!(text, "  {}", line.chars().take(300).collect::<String>().trim_end());
        }
        text
    }
}
