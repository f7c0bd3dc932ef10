//! The image with Node and uv, which puts servers of `npx` and `uvx` on the network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::process::Stdio;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::bridge::ask;
use super::engine::Engine;
use super::engine::LIMIT;
use super::engine::Target;
use super::engine::engine;
use super::server::certificates;
use super::support::process;

/// An MCP server for `npx`, which can be asked for one thing: to begin.
const NODE: &str = r#"#!/usr/bin/env node
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method } = JSON.parse(line);
    if (method !== "initialize") return;
    const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "by-npx", version: "1" } };
    console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
});
"#;
/// The same for `uvx`.
const PYTHON: &str = r#"import json, sys
def main():
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "initialize":
            info = {"name": "by-uvx", "version": "1"}
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;
/// Makes a wheel of it.
const WHEEL: &str = r#"import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.write(sys.argv[2], "by_uvx.py")
    info = "by_uvx-1.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: by-uvx\nVersion: 1\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\nby-uvx = by_uvx:main\n")
    wheel.writestr(info + "RECORD", "")
"#;

/// A running container; dropping it takes it away.
struct Container {
    engine: &'static Engine,
    id: String,
    port: u16,
    folder: TempDir,
}

impl Container {
    /// `serve` with this command, behind mutual TLS, on this machine alone.
    fn serve(engine: &'static Engine, command: &[&str]) -> Self {
        let image = engine.image(Target::Runner);
        let (folder, port, admin) = (packages(), process::lasting_port(), process::lasting_port());
        let certs = format!("{}:/srv:ro", folder.path().display());
        let (listen, admin) =
            (format!("--listen=127.0.0.1:{port}"), format!("--admin=127.0.0.1:{admin}"));
        let health = format!("--health-cmd=mcp-secure-remote serve --ready {admin}");
        // A read-only root, and what npm and uv keep in memory.
        let tmpfs = [
            "--read-only",
            "--tmpfs=/var/lib/mcp:uid=65532,gid=65532,exec",
            "--tmpfs=/tmp",
            "--cap-drop=ALL",
        ];
        let run = [
            "run",
            "-d",
            "--network=host",
            "-v",
            &certs,
            &health,
            "--health-interval=1s",
            "--health-start-period=1s",
        ];
        let flags = [
            "--tls-cert=/srv/server.crt",
            "--tls-key=/srv/server.key",
            "--tls-client-ca=/srv/ca.crt",
        ];
        let words =
            [&run[..], &tmpfs, &[image, &listen, &admin], &flags, &["--"], command].concat();
        Self { engine, id: engine.said(&words), port, folder }
    }

    /// What the engine thinks of it, as soon as it is this.
    fn becomes(&self, health: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let state = self.engine.said(&["inspect", "--format={{json .State.Health}}", &self.id]);
            let state: Value = serde_json::from_str(&state).unwrap();
            if state["Status"] == health {
                return;
            }
            assert!(Instant::now() < end, "not {health}: {state}\n{}", self.log());
        }
    }

    fn log(&self) -> String {
        self.engine.run(&["logs", &self.id], "").stderr
    }

    /// What a session begins with, through the bridge.
    fn greeting(&self) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let mut bridge = Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"));
        bridge.env_clear().arg(format!("https://127.0.0.1:{}/mcp", self.port));
        bridge.args(["--tls-ca", &file("ca.crt"), "--tls-cert", &file("client.crt")]);
        bridge.args(["--tls-key", &file("client.key")]);
        let done = ask(bridge);
        done.stdout + &done.stderr
    }

    /// Processes that have ended and that nobody has asked for.
    fn zombies(&self) -> usize {
        let table = self.engine.said(&["top", &self.id, "-o", "pid,stat"]);
        table
            .lines()
            .filter(|line| line.split_whitespace().nth(1).is_some_and(|it| it.starts_with('Z')))
            .count()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the container said:\n{}", self.log());
        }
        self.engine.run(&["rm", "--force", &self.id], "");
    }
}

/// Certificates, and one package each for `npx` and `uvx`.
fn packages() -> TempDir {
    let folder = certificates();
    let file = |name: &str| folder.path().join(name);
    fs::create_dir(file("node")).unwrap();
    fs::write(file("node/server.js"), NODE).unwrap();
    fs::set_permissions(file("node/server.js"), fs::Permissions::from_mode(0o755)).unwrap();
    let manifest = r#"{ "name": "by-npx", "version": "1.0.0", "bin": "server.js" }"#;
    fs::write(file("node/package.json"), manifest).unwrap();
    fs::write(file("by_uvx.py"), PYTHON).unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", WHEEL]).arg(file("by_uvx-1-py3-none-any.whl")).arg(file("by_uvx.py"));
    assert!(python.stdin(Stdio::null()).status().unwrap().success());
    folder
}

#[test]
fn the_runner_serves_what_npx_starts_and_leaves_no_zombies() {
    let Some(engine) = engine() else { return };
    let container = Container::serve(engine, &["npx", "--offline", "--yes", "/srv/node"]);
    container.becomes("healthy");
    for _ in 0..3 {
        let greeting = container.greeting();
        assert!(greeting.contains("by-npx"), "{greeting}\n{}", container.log());
    }
    let end = Instant::now() + LIMIT;
    while container.zombies() > 0 {
        assert!(Instant::now() < end, "zombies are left");
    }
    engine.said(&["stop", &container.id]);
    let code = engine.said(&["inspect", "--format={{.State.ExitCode}}", &container.id]);
    assert_eq!(code, "0", "{}", container.log());
}

#[test]
fn the_runner_serves_what_uvx_starts() {
    let Some(engine) = engine() else { return };
    let wheel = "/srv/by_uvx-1-py3-none-any.whl";
    let container = Container::serve(engine, &["uvx", "--offline", "--from", wheel, "by-uvx"]);
    container.becomes("healthy");
    let greeting = container.greeting();
    assert!(greeting.contains("by-uvx"), "{greeting}\n{}", container.log());
}

#[test]
fn a_command_that_cannot_be_started_makes_the_container_unhealthy() {
    let Some(engine) = engine() else { return };
    let container = Container::serve(engine, &["sh", "-c", "exit 3"]);
    container.becomes("unhealthy");
}
