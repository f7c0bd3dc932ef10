//! A running `serve` as its operator sees it, with a server of both eras behind it.

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::pipes;
use crate::support::pipes::Reads;
use crate::support::pipes::Seen;
use crate::support::watched::LIMIT;
use crate::support::watched::Watched;

/// The MCP server behind it.
pub(crate) const SERVER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/operated.py");

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");

/// A running program. Dropping it kills it, and shows what it said if the test fails.
pub(crate) struct Operated {
    pub(crate) pid: u32,
    seen: Arc<Watched<Seen>>,
}

/// A command that gets nothing of our environment but where programs are.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// `serve` on free ports, with these flags.
pub(crate) fn serve(flags: &[&str]) -> Command {
    let mut command = command(PROGRAM);
    command.args(["serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"]).args(flags);
    command.args(["--", "python3", SERVER]);
    command
}

impl Operated {
    /// With these flags.
    pub(crate) fn serve(flags: &[&str]) -> Self {
        Self::start(&mut serve(flags))
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        let pid = child.id();
        let (_, seen) = pipes::attend(child, Reads::On);
        Self { pid, seen }
    }

    /// Waits for the first line with these words, and gives it.
    #[track_caller]
    pub(crate) fn line(&self, words: &str) -> String {
        self.seen.wait(&format!("`{words}` in the log"), |seen| {
            let line = seen.errors.lines().find(|line| line.contains(words));
            assert!(line.is_some() || seen.exit.is_none(), "it has ended: {}", seen.errors);
            line.map(str::to_owned)
        })
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        self.seen.lock().errors.clone()
    }

    /// Where MCP is spoken.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        address(&self.line("listening on "))
    }

    /// Where the admin page is.
    #[track_caller]
    pub(crate) fn admin(&self) -> SocketAddr {
        address(&self.line("health and metrics are on "))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; the exit code.
    #[track_caller]
    pub(crate) fn ended(&self) -> Option<i32> {
        self.seen.wait("end of the program", |seen| seen.exit).code()
    }

    /// Waits until the admin page says so.
    #[track_caller]
    pub(crate) fn becomes(&self, path: &str, status: u16) -> Reply {
        let end = Instant::now() + LIMIT;
        loop {
            let reply = get(self.admin(), path);
            if reply.status == status {
                return reply;
            }
            assert!(Instant::now() < end, "no {status} from {path} but {reply:?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Operated {
    fn drop(&mut self) {
        if self.seen.lock().exit.is_none() {
            self.signal(Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("--- the program said:\n{}", self.log());
        }
    }
}

fn address(line: &str) -> SocketAddr {
    let rest = line.split("://").nth(1).expect("a URL");
    rest.split(['/', '"']).next().unwrap().parse().expect("an address")
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(its_name, _)| its_name.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// A GET over a connection of its own.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    exchange(address, &format!("GET {path}"), &[], "").expect("an answer")
}

/// A message to `/mcp`, over a connection of its own.
pub(crate) fn post(
    address: SocketAddr,
    headers: &[(&str, &str)],
    message: &Value,
) -> std::io::Result<Reply> {
    let fixed =
        [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
    exchange(address, "POST /mcp", &[&fixed, headers].concat(), &message.to_string())
}

/// One request, and all that comes back.
pub(crate) fn exchange(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let invalid = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(invalid)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(invalid)?;
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

/// A session of the legacy era: its id.
#[track_caller]
pub(crate) fn initialize(address: SocketAddr) -> String {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let request = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let reply = post(address, &[], &request).expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("mcp-session-id").expect("a session").to_owned()
}

/// A call within a session.
pub(crate) fn call(
    address: SocketAddr,
    session: &str,
    tool: &str,
    arguments: Value,
) -> std::io::Result<Reply> {
    let params = json!({ "name": tool, "arguments": arguments });
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    post(address, &[("Mcp-Session-Id", session)], &request)
}

/// A call of the modern era.
pub(crate) fn modern_call(address: SocketAddr, id: usize, tool: &str) -> std::io::Result<Reply> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": tool, "arguments": {}, "_meta": meta });
    let request = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    let headers =
        [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)];
    post(address, &headers, &request)
}
