//! An MCP host: speaks lines with the running program and watches what it does.

use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::pipes::Reads;
use crate::support::pipes::Seen;
use crate::support::watched::LIMIT;
use crate::support::watched::Watched;

/// A version of the legacy era.
pub(crate) const LEGACY: &str = "2025-11-25";
/// The first version of the modern era.
pub(crate) const MODERN: &str = "2026-07-28";

/// A running program. Dropping it kills the program if it still runs, shows what it said if the
/// test fails, and checks that standard output held JSON-RPC lines only.
pub(crate) struct Host {
    pid: u32,
    input: Option<mpsc::Sender<Vec<u8>>>,
    seen: Arc<Watched<Seen>>,
    next: usize,
    minds_output: bool,
}

impl Host {
    pub(crate) fn new(pid: u32, input: mpsc::Sender<Vec<u8>>, seen: Arc<Watched<Seen>>) -> Self {
        Self { pid, input: Some(input), seen, next: 0, minds_output: true }
    }

    /// A bridge to `remote`, in the clear.
    pub(crate) fn of(remote: &McpRemote) -> Self {
        Launch::plain(&remote.url()).start()
    }

    /// A bridge to `remote`, past the handshake of the legacy era.
    #[track_caller]
    pub(crate) fn in_session(remote: &McpRemote) -> Self {
        let host = Self::of(remote);
        host.initialize();
        host
    }

    /// Writes one line.
    pub(crate) fn send(&self, line: impl AsRef<str>) {
        self.send_bytes(format!("{}\n", line.as_ref()));
    }

    /// Writes a request.
    pub(crate) fn ask(&self, id: impl Into<Value>, method: &str, params: Value) {
        let id = id.into();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(message.to_string());
    }

    /// Writes a notification.
    pub(crate) fn notify(&self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send(message.to_string());
    }

    pub(crate) fn send_bytes(&self, bytes: impl Into<Vec<u8>>) {
        if let Some(input) = &self.input {
            // The program may be gone; what it said counts.
            drop(input.send(bytes.into()));
        }
    }

    /// Ends standard input, once all that was sent is written.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// The host stops reading: its end of the pipe is closed after the line that comes next.
    pub(crate) fn close_output(&self) {
        self.seen.change(|seen| seen.reads = Reads::Closed);
    }

    /// See [`Launch::unread`].
    pub(crate) fn read_on(&self) {
        self.seen.change(|seen| seen.reads = Reads::On);
    }

    /// The next line, as it came.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let next = self.next;
        let line = self.seen.wait("line of standard output", |seen| {
            assert!(seen.lines.len() > next || !seen.output_ended, "standard output has ended");
            seen.lines.get(next).cloned()
        });
        self.next += 1;
        line.trim_end_matches('\n').to_owned()
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"))
    }

    /// The answer to the request `id`, whenever it came or comes.
    #[track_caller]
    pub(crate) fn answer(&self, id: impl Into<Value>) -> Value {
        self.answer_within(LIMIT, id)
    }

    /// As [`Host::answer`], for a remote that takes its time.
    #[track_caller]
    pub(crate) fn answer_within(&self, limit: Duration, id: impl Into<Value>) -> Value {
        let id = id.into();
        let answer = self.seen.wait_for(limit, |seen| {
            let answer = seen.answers().find(|answer| answer["id"] == id);
            assert!(answer.is_some() || !seen.output_ended, "no answer to {id} before the end");
            answer
        });
        answer.unwrap_or_else(|| panic!("no answer to {id} within {limit:?}"))
    }

    /// Asks and waits for the answer.
    #[track_caller]
    pub(crate) fn call(&self, id: impl Into<Value>, method: &str, params: Value) -> Value {
        let id = id.into();
        self.ask(id.clone(), method, params);
        self.answer(id)
    }

    /// The `error.data.kind` of the answer to `id`, which must be an error of the bridge's own.
    #[track_caller]
    pub(crate) fn failure(&self, id: impl Into<Value>) -> String {
        let answer = self.answer(id);
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        assert_eq!(answer["error"]["data"]["source"], "mcp-secure-remote", "{answer}");
        answer["error"]["data"]["kind"].as_str().unwrap_or_default().to_owned()
    }

    /// A legacy handshake. Gives the answer to `initialize`.
    #[track_caller]
    pub(crate) fn initialize(&self) -> Value {
        self.ask(0, "initialize", initialize_params());
        let answer = self.answer(0);
        assert!(answer["result"].is_object(), "initialize failed: {answer}");
        self.notify("notifications/initialized", json!({}));
        answer
    }

    /// Waits until the bridge has taken all lines so far.
    #[track_caller]
    pub(crate) fn nudge(&self) {
        let before = self.answers_to(Value::Null);
        self.send("?");
        self.seen.wait("answer to garbage", |seen| {
            let answered = seen.answers().filter(|answer| answer["id"].is_null()).count();
            (answered > before).then_some(())
        });
    }

    /// Asks for `tools/call` of the tool `echo`.
    pub(crate) fn ask_echo(&self, id: impl Into<Value>) {
        self.ask(id, "tools/call", json!({"name": "echo", "arguments": {}}));
    }

    /// Calls the tool `echo`.
    #[track_caller]
    pub(crate) fn echo(&self, id: impl Into<Value>) -> Value {
        self.call(id, "tools/call", json!({"name": "echo", "arguments": {}}))
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen.lock().lines.clone()
    }

    /// Waits until that many lines have come.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, count: usize) {
        self.seen.wait(&format!("line {count}"), |seen| {
            assert!(seen.lines.len() >= count || !seen.output_ended, "standard output has ended");
            (seen.lines.len() >= count).then_some(())
        });
    }

    /// How many answers to `id` have come.
    pub(crate) fn answers_to(&self, id: impl Into<Value>) -> usize {
        let id = id.into();
        self.seen.lock().answers().filter(|answer| answer["id"] == id).count()
    }

    /// Waits for a message that fits.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.seen.wait(what, |seen| seen.messages().find(&fits))
    }

    /// Standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.seen.lock().errors.clone()
    }

    #[track_caller]
    pub(crate) fn wait_for_error(&self, text: &str) {
        self.seen.wait(&format!("`{text}` on standard error"), |seen| {
            seen.errors.contains(text).then_some(())
        });
    }

    /// The exit code; fails if the program does not end, or ends by a signal.
    #[track_caller]
    pub(crate) fn exit_code(&self) -> i32 {
        let status = self.seen.wait("exit", |seen| seen.exit.filter(|_| seen.output_ended));
        status.code().unwrap_or_else(|| panic!("ended by a signal: {status}"))
    }

    /// As [`Host::exit_code`], within `limit`.
    #[track_caller]
    pub(crate) fn exit_code_within(&self, limit: Duration) -> i32 {
        let status = self.seen.wait_for(limit, |seen| seen.exit);
        let status = status.unwrap_or_else(|| panic!("still running after {limit:?}"));
        // What it wrote last may still be in the pipe.
        let read = |seen: &Seen| seen.output_ended || seen.reads == Reads::Paused;
        self.seen.wait("end of the output", |seen| read(seen).then_some(()));
        status.code().unwrap_or_else(|| panic!("ended by a signal: {status}"))
    }

    /// The remote says things that are no messages, and the bridge may pass them on.
    pub(crate) fn tolerate_stray_lines(&mut self) {
        self.minds_output = false;
    }

    /// Whether the program ends within `limit`.
    pub(crate) fn exits_within(&self, limit: Duration) -> Option<ExitStatus> {
        self.seen.wait_for(limit, |seen| seen.exit)
    }

    /// Ends standard input and expects a clean exit.
    #[track_caller]
    pub(crate) fn finish(&mut self) {
        self.close_input();
        assert_eq!(self.exit_code_within(Duration::from_secs(10)), 0);
    }

    /// Sends a signal by its short name, for example `TERM`; Windows knows only `KILL`. A program
    /// that has ended gets none.
    pub(crate) fn signal(&self, name: &str) {
        if self.seen.lock().exit.is_none() {
            let pid = self.pid.to_string();
            let mut kill = Command::new(if cfg!(windows) { "taskkill" } else { "kill" });
            match cfg!(windows) {
                true => kill.args(["/F", "/PID", &pid]),
                false => kill.arg(format!("-{name}")).arg(&pid),
            };
            kill.stdout(Stdio::null()).stderr(Stdio::null());
            // It may end at this very moment.
            drop(kill.status());
        }
    }

    /// Waits until the program is gone, however it ended.
    #[track_caller]
    pub(crate) fn wait_for_exit(&self) {
        self.seen.wait("exit", |seen| seen.exit.filter(|_| seen.output_ended));
    }

    /// Resident memory, in bytes. Only Linux tells; elsewhere it is 0, and nothing is judged.
    pub(crate) fn resident_memory(&self) -> u64 {
        if !cfg!(target_os = "linux") {
            return 0;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The id of the process.
    #[cfg(unix)]
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Open descriptors.
    #[cfg(unix)]
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }
}

/// What hosts say first in the legacy era.
pub(crate) fn initialize_params() -> Value {
    json!({
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "test-host", "version": "1"},
    })
}

/// Params of a modern request.
pub(crate) fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

impl Drop for Host {
    fn drop(&mut self) {
        self.signal("KILL");
        self.read_on();
        let seen = self.seen.lock();
        if std::thread::panicking() {
            let (lines, errors) = (seen.transcript(), &seen.errors);
            eprintln!("--- standard output\n{lines}--- standard error\n{errors}---");
        } else if let Some(line) = seen.stray_line().filter(|_| self.minds_output) {
            panic!("not a JSON-RPC line: {line}");
        }
    }
}
