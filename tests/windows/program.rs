//! The program at work: certificates, `serve`, and the bridge to it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::witness::LIMIT;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");

/// A process of it with its three streams. Dropping it ends it, and shows what it has logged if the test fails.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Receiver<String>,
    log: Vec<String>,
}

/// A server behind mutual TLS.
pub(crate) struct Serve {
    pub(crate) running: Running,
    url: String,
    files: TempDir,
}

/// A bridge to it.
pub(crate) struct Bridge {
    running: Running,
    last_id: u64,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (output, errors) = (lines(child.stdout.take()), lines(child.stderr.take()));
        Self { input: child.stdin.take(), child, output, errors, log: Vec::new() }
    }

    /// Waits for a line of the log with these words.
    #[track_caller]
    pub(crate) fn logs(&mut self, words: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            let line = self.errors.recv_timeout(end.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|e| panic!("no `{words}` in the log: {e}"));
            self.log.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Ends it as the task manager does, without any warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        // Its standard error ends with it.
        let end = Instant::now() + LIMIT;
        while let Ok(line) = self.errors.recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.log.push(line);
        }
        assert!(Instant::now() < end, "it does not end");
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.log.extend(self.errors.try_iter());
            for line in &self.log {
                println!("| {line}");
            }
        }
    }
}

impl Serve {
    /// With these flags, and this command.
    #[track_caller]
    pub(crate) fn start(flags: &[&str], words: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        let files = certificates();
        let mut command = Self::command(&files, flags, words);
        Self::run(&mut command, files)
    }

    pub(crate) fn command(
        files: &TempDir,
        flags: &[&str],
        words: &[impl AsRef<std::ffi::OsStr>],
    ) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        for (flag, file) in [
            ("--tls-cert", "server.crt"),
            ("--tls-key", "server.key"),
            ("--tls-client-ca", "ca.crt"),
        ] {
            command.arg(flag).arg(files.path().join(file));
        }
        command.args(flags).arg("--").args(words);
        command
    }

    #[track_caller]
    pub(crate) fn run(command: &mut Command, files: TempDir) -> Self {
        let mut running = Running::start(command);
        let line = running.logs("listening on ");
        let url = line.split_whitespace().find(|word| word.starts_with("https://"));
        let url = url.unwrap_or_else(|| panic!("no address in {line}")).to_owned();
        Self { running, url, files }
    }

    /// A bridge with an open session.
    #[track_caller]
    pub(crate) fn bridge(&self) -> Bridge {
        let mut bridge = self.dial();
        let answer = bridge.initialize();
        assert!(answer["error"].is_null(), "{answer}");
        bridge.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        bridge
    }

    /// What a host is told where the server cannot be started.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        let answer = self.dial().initialize();
        assert!(!answer["error"].is_null(), "{answer}");
        answer.to_string()
    }

    fn dial(&self) -> Bridge {
        let mut command = Command::new(PROGRAM);
        command.arg(&self.url);
        for (flag, file) in
            [("--tls-cert", "client.crt"), ("--tls-key", "client.key"), ("--tls-ca", "ca.crt")]
        {
            command.arg(flag).arg(self.files.path().join(file));
        }
        Bridge { running: Running::start(&mut command), last_id: 0 }
    }
}

impl Bridge {
    fn initialize(&mut self) -> Value {
        let who = json!({ "name": "test", "version": "1" });
        self.request(
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who }),
        )
    }

    /// Sends a request; its result.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Sends a request; the whole answer.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let line = self.running.output.recv_timeout(LIMIT).expect("an answer");
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.last_id, "{answer}");
        answer
    }

    fn send(&mut self, message: &Value) {
        let input = self.running.input.as_mut().unwrap();
        writeln!(input, "{message}").unwrap();
    }

    /// Closes its input, as a host does that has no more to say: it sends DELETE and ends.
    #[track_caller]
    pub(crate) fn close(mut self) {
        self.running.input = None;
        assert!(self.running.ends().success());
    }
}

/// What `certs` makes.
#[track_caller]
pub(crate) fn certificates() -> TempDir {
    let files = tempfile::tempdir().unwrap();
    make_certificates(files.path());
    files
}

#[track_caller]
fn make_certificates(folder: &Path) {
    let made = Command::new(PROGRAM).args(["certs", "--output"]).arg(folder).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// The lines of a stream as they come.
fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (found, lines) = mpsc::channel();
    let stream = BufReader::new(stream.unwrap());
    thread::spawn(move || {
        for line in stream.split(b'\n').map_while(Result::ok) {
            if found.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                break;
            }
        }
    });
    lines
}
