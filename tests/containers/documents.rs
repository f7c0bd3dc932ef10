//! The commands for docker in the documents, typed.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::bridge::INITIALIZE;
use super::engine::BUILD;
use super::engine::Engine;
use super::engine::Target;
use super::engine::engine;
use super::page;
use super::server::Remote;
use super::support::process;

/// The document, and how many of its blocks are typed.
const DOCUMENTS: [(&str, &str, usize); 3] = [
    ("README.md", include_str!("../../README.md"), 1),
    ("LOCAL_MTLS_TESTING.md", include_str!("../../LOCAL_MTLS_TESTING.md"), 2),
    ("docs/containers.md", include_str!("../../docs/containers.md"), 5),
];

/// What the blocks begin with. Who starts `runner` gets a package by its network: tests/containers/runner.rs
/// has one without.
const TYPED: [&str; 4] = ["docker build ", "docker compose ", "docker run --rm ", "MCP_URL="];

/// `docker` as the documents mean it: with compose as a part of it, and a network.
const DOCKER: &str = r#"#!/usr/bin/env bash
set -eu
case "$1" in
    compose) shift; exec $COMPOSE "$@" ;;
    # As the other tests build it.
    build) shift; exec "$DOCKER" build --network=host --build-arg=VERSION=1.2.3 "$@" ;;
    run) shift; exec "$DOCKER" run --network=host "$@" ;;
    *) exec "$DOCKER" "$@" ;;
esac
"#;

#[test]
fn what_the_documents_say_of_docker_works() {
    let Some(engine) = engine() else { return };
    // No two builds at the same time.
    engine.image(Target::Runner);
    let (desk, remote) = (Desk::new(engine), Remote::start());
    for (name, document, count) in DOCUMENTS {
        let blocks = page::blocks(document);
        let typed: Vec<_> = blocks
            .iter()
            .filter(|block| TYPED.iter().any(|start| block.script.starts_with(start)))
            .collect();
        assert_eq!(typed.len(), count, "{name}");
        for block in typed {
            desk.types(&format!("{name}, line {}", block.line), &block.script, &remote);
        }
    }
}

/// Where a reader of the documents sits.
struct Desk {
    engine: &'static Engine,
    programs: TempDir,
    project: String,
}

impl Desk {
    fn new(engine: &'static Engine) -> Self {
        let programs = tempfile::tempdir().unwrap();
        let docker = programs.path().join("docker");
        fs::write(&docker, DOCKER).unwrap();
        fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).unwrap();
        Self { engine, programs, project: format!("documents-{}", std::process::id()) }
    }

    /// Types a block; a bridge gets the first words of a host and has to answer.
    fn types(&self, place: &str, script: &str, remote: &Remote) {
        let is_bridge = script.contains("example.com");
        // The networks of compose may have no way out: its bridge has the server of the demonstration.
        let (server, certs) = match script.starts_with("MCP_URL=") {
            true => ("https://server:8623/mcp".to_owned(), "demo-certs".to_owned()),
            false => (remote.url("localhost"), remote.folder()),
        };
        let script = script.replace("https://mcp.example.com/mcp", &server);
        let script = script.replace("/path/to/certs", &certs);
        let input = if is_bridge { INITIALIZE } else { "" };
        let done = process::run(self.bash(&script), input, BUILD);
        assert_eq!(done.code, Some(0), "{place}: {}{}", done.stdout, done.stderr);
        assert!(!is_bridge || done.stdout.contains("demo-server"), "{place}: {}", done.stdout);
    }

    fn bash(&self, script: &str) -> Command {
        let path = env::var("PATH").unwrap();
        let mut bash = self.engine.surround(Command::new("bash"));
        bash.args(["-euc", script]).env("COMPOSE_PROJECT_NAME", &self.project);
        bash.env("PATH", format!("{}:{path}", self.programs.path().display()));
        bash
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let down =
            self.bash("docker compose --profile demo --profile bridge down --volumes --timeout 10");
        process::run(down, "", BUILD);
    }
}
