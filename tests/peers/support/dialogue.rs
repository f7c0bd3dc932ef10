//! A bridge that a test talks to line by line.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::bridge;

/// For one answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A running bridge; it is killed when dropped.
pub(crate) struct Dialogue {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Dialogue {
    /// Starts the bridge with these words and shakes hands, in the legacy era.
    pub(crate) fn start(words: &[String]) -> Self {
        let mut command = bridge::command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        let mut dialogue = Self { stdin: child.stdin.take(), child, lines };
        let hello = dialogue.ask(&bridge::initialize(0));
        assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "{hello}");
        dialogue.tell(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        dialogue
    }

    /// Writes one line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Writes a request and reads its answer; what else the server says is passed over.
    pub(crate) fn ask(&mut self, request: &str) -> Value {
        self.tell(request);
        let id = serde_json::from_str::<Value>(request).unwrap()["id"].take();
        self.answer(&id)
    }

    /// Reads the answer to a request that was written.
    pub(crate) fn answer(&mut self, id: &Value) -> Value {
        loop {
            let line = self.lines.recv_timeout(LIMIT).expect("an answer in time");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == *id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Reads until a message of this method comes.
    pub(crate) fn wait_for(&mut self, method: &str) {
        let is_it = |line: &str| serde_json::from_str::<Value>(line).unwrap()["method"] == method;
        while !is_it(&self.lines.recv_timeout(LIMIT).expect("a message in time")) {}
    }

    /// Closes the standard input; every line that was not read yet, and the exit code.
    pub(crate) fn finish(mut self) -> (Vec<String>, Option<i32>) {
        self.stdin = None;
        let rest = self.lines.iter().collect();
        (rest, self.child.wait().unwrap().code())
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
