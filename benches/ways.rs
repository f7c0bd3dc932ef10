//! How soon the bridge answers `initialize` by each way of starting it:
//! `cargo bench --bench ways -- [--rounds N] 'NAME=COMMAND'...`.
//!
//! `{certs}` in a command is the folder of the certificates; the URL and the flags for them come behind it. The first
//! start of a way is told apart: what has to be unpacked or fetched is unpacked or fetched then.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]
#![allow(clippy::unwrap_used, reason = "nothing of a user is at stake")]
#![allow(clippy::disallowed_methods, reason = "there is no runtime whose clock could stand still")]

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
/// The tool that this program replaces does not end with its input.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let (rounds, ways) = match &words[..] {
        [flag, rounds, ways @ ..] if flag == "--rounds" => (rounds.parse().unwrap(), ways),
        ways => (7, ways),
    };
    let remote = Remote::start();
    println!("| way | first, s | then, s | ends with its input |");
    println!("|---|---:|---:|---|");
    for way in ["program=".to_owned() + PROGRAM].iter().chain(ways) {
        let Some((name, command)) = way.split_once('=') else {
            eprintln!("not NAME=COMMAND: {way}");
            continue;
        };
        let first = remote.ask(command);
        let mut then: Vec<_> = (0..rounds).map(|_| remote.ask(command)).collect();
        then.sort_by_key(|start| start.answer);
        let median = then[then.len() / 2].answer.as_secs_f64();
        let ends = if then.iter().all(|start| start.ended) { "yes" } else { "no" };
        println!("| {name} | {:.3} | {median:.3} | {ends} |", first.answer.as_secs_f64());
    }
}

/// One start of a bridge.
struct Start {
    /// From the spawn to the whole answer.
    answer: Duration,
    ended: bool,
}

/// `serve` with the server of the demonstration, behind mutual TLS.
struct Remote {
    server: Child,
    url: String,
    certs: TempDir,
}

impl Remote {
    fn start() -> Self {
        let certs = tempfile::tempdir().unwrap();
        let mut made = Command::new(PROGRAM);
        made.args(["certs", "--output"]).arg(certs.path());
        assert!(made.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        let file = |name: &str| certs.path().join(name);
        let mut server = Command::new(PROGRAM);
        server.args(["serve", "--listen=127.0.0.1:0", "--tls-cert"]).arg(file("server.crt"));
        server.arg("--tls-key").arg(file("server.key"));
        server.arg("--tls-client-ca").arg(file("ca.crt"));
        server.args(["--", PROGRAM, "demo", "--stdio"]).stderr(Stdio::piped());
        let mut server = server.spawn().unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = log.find(|line| line.contains("listening on https://")).unwrap();
        thread::spawn(move || log.count());
        let port = line.split("https://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
        let url = format!("https://localhost:{}/mcp", port.unwrap());
        Self { server, url, certs }
    }

    fn ask(&self, command: &str) -> Start {
        let begin = Instant::now();
        let mut child = bridge(command, &self.url, self.certs.path()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{INITIALIZE}").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let answer = begin.elapsed();
        assert!(line.contains("\"result\""), "{command}: {line}");
        drop(input);
        let ended = ends(&mut child);
        let _ = child.kill();
        let _ = child.wait();
        Start { answer, ended }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn bridge(command: &str, url: &str, certs: &Path) -> Command {
    let folder = certs.display().to_string();
    let words = command.replace("{certs}", &folder);
    let mut words = words.split_whitespace();
    let mut bridge = Command::new(words.next().unwrap());
    bridge.args(words).arg(url);
    for (flag, file) in
        [("--tls-ca", "ca.crt"), ("--tls-cert", "client.crt"), ("--tls-key", "client.key")]
    {
        bridge.arg(flag).arg(certs.join(file));
    }
    bridge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    bridge
}

fn ends(child: &mut Child) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}
