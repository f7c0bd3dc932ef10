//! Where a user of Docker sits.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::engine::BUILD;
use super::engine::Engine;
use super::support::process;

/// `docker` as documents and hosts mean it: with compose as a part of it, and a network.
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

/// A terminal with `docker` as users have it.
pub(crate) struct Desk {
    engine: &'static Engine,
    programs: TempDir,
    project: String,
}

impl Desk {
    /// `name` is that of its project in compose.
    pub(crate) fn new(engine: &'static Engine, name: &str) -> Self {
        let programs = tempfile::tempdir().unwrap();
        let docker = programs.path().join("docker");
        fs::write(&docker, DOCKER).unwrap();
        fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).unwrap();
        Self { engine, programs, project: format!("{name}-{}", std::process::id()) }
    }

    /// This script in the folder of the project.
    pub(crate) fn bash(&self, script: &str) -> Command {
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
