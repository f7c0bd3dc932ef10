//! The services of compose.yml.

use std::process::Command;

use super::bridge::ask;
use super::engine::Engine;
use super::engine::LIMIT;
use super::engine::Target;
use super::engine::engine;
use super::support::process;
use super::support::process::Finished;

/// Makes certificates, starts the server behind them, and probes it.
const PROBE: [&str; 5] = ["--profile=demo", "run", "--rm", "-T", "probe"];

/// A project of our own in the engine. Dropping it takes its containers, networks and volumes away.
struct Project {
    engine: &'static Engine,
    name: String,
}

impl Project {
    fn start(engine: &'static Engine, name: &str) -> Self {
        engine.image(Target::Bridge);
        Self { engine, name: format!("{name}-{}", std::process::id()) }
    }

    fn command(&self, words: &[&str]) -> Command {
        self.engine.compose(&[&["--project-name", &self.name], words].concat())
    }

    fn run(&self, words: &[&str]) -> Finished {
        process::run(self.command(words), "", LIMIT)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.run(&["--profile=demo", "down", "--volumes", "--timeout=10"]);
    }
}

#[test]
fn the_demonstration_of_compose_is_probed_and_ends_with_the_code_of_the_probe() {
    let Some(engine) = engine() else { return };
    let project = Project::start(engine, "demonstration");
    let done = project.run(&PROBE);
    let told = done.stdout + &done.stderr;
    assert_eq!(done.code, Some(0), "{told}");
    for part in
        ["the server has accepted our client certificate", "demo-server", "Connected.", "add"]
    {
        assert!(told.contains(part), "no `{part}`: {told}");
    }
    let nobody = ["https://server:8623/mcp", "--tls-ca=/certs/ca.crt"];
    let done = project.run(&[&PROBE[..], &nobody].concat());
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("the server demands a client certificate"), "{}", done.stderr);
}

#[test]
fn the_bridge_of_compose_takes_its_server_and_certificates_from_variables() {
    let Some(engine) = engine() else { return };
    let project = Project::start(engine, "bridge");
    // Its server, and the volume of its certificates.
    assert_eq!(project.run(&PROBE).code, Some(0));
    let mut bridge = project.command(&["run", "--rm", "-T", "mcp-proxy"]);
    bridge.env("MCP_URL", "https://server:8623/mcp").env("MCP_CERTS", "demo-certs");
    let done = ask(bridge);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("demo-server"), "{}\n{}", done.stdout, done.stderr);
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
}
