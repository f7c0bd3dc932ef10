//! The commands for docker in the documents, typed.

use super::bridge::INITIALIZE;
use super::desk::Desk;
use super::engine::BUILD;
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

#[test]
fn what_the_documents_say_of_docker_works() {
    let Some(engine) = engine() else { return };
    // No two builds at the same time.
    engine.image(Target::Runner);
    let (desk, remote) = (Desk::new(engine, "documents"), Remote::start());
    for (name, document, count) in DOCUMENTS {
        let blocks = page::blocks(document);
        let typed: Vec<_> = blocks
            .iter()
            .filter(|block| TYPED.iter().any(|start| block.script.starts_with(start)))
            .collect();
        assert_eq!(typed.len(), count, "{name}");
        for block in typed {
            types(&desk, &format!("{name}, line {}", block.line), &block.script, &remote);
        }
    }
}

/// Types a block; a bridge gets the first words of a host and has to answer.
fn types(desk: &Desk, place: &str, script: &str, remote: &Remote) {
    let is_bridge = script.contains("example.com");
    // The networks of compose may have no way out: its bridge has the server of the demonstration.
    let (server, certs) = match script.starts_with("MCP_URL=") {
        true => ("https://server:8623/mcp".to_owned(), "demo-certs".to_owned()),
        false => (remote.url("localhost"), remote.folder()),
    };
    let script = script.replace("https://mcp.example.com/mcp", &server);
    let script = script.replace("/path/to/certs", &certs);
    let input = if is_bridge { INITIALIZE } else { "" };
    let done = process::run(desk.bash(&script), input, BUILD);
    assert_eq!(done.code, Some(0), "{place}: {}{}", done.stdout, done.stderr);
    assert!(!is_bridge || done.stdout.contains("demo-server"), "{place}: {}", done.stdout);
}
