//! The entries that `ide` writes for `uvx` and `npx`, started as a host starts them: the packages come
//! from where their clients look for them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::contents::empty;
use super::contents::manifest;
use super::made::Made;
use super::made::made;
use super::made::scratch;
use super::running::Ended;
use super::running::Running;
use super::support::bridge;
use super::support::install::Python;
use super::support::process;
use super::support::process::Server;
use super::support::remote::Remote;
use super::support::remote::Wire;
use super::way::surroundings;

/// For one command that makes no connection.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_entry_for_uvx_starts_the_bridge() {
    let Some(made) = made() else { return };
    let Some(uvx) = Python::Packaging.program("uvx") else { return };
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let mut words = surroundings(uvx.parent());
    words.extend(["UV_OFFLINE=1", "UV_NO_CONFIG=1"].map(str::to_owned));
    words.push(format!("UV_FIND_LINKS={}", made.folder.display()));
    words.push(format!("UV_CACHE_DIR={}", empty("uv-cache").display()));
    words.extend(entry("uvx", &remote));
    starts(&words, &remote);
}

#[test]
fn the_entry_for_npx_starts_the_bridge() {
    let Some(made) = made() else { return };
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let registry = registry(made);
    let mut words = surroundings(None);
    words.push(format!("npm_config_registry=http://127.0.0.1:{}/", registry.port));
    words.push(format!("npm_config_cache={}", empty("npm-cache").display()));
    words.extend(["npm_config_update_notifier=false", "npm_config_audit=false"].map(str::to_owned));
    words.extend(entry("npx", &remote));
    starts(&words, &remote);
}

/// What `ide` writes for a host: command and arguments.
fn entry(via: &str, remote: &Remote) -> Vec<String> {
    let mut show = Command::new(bridge::program());
    show.args(["ide", "show", "generic", "--name", "example", "--via", via]);
    show.args(&bridge::words(remote, &[])[1..]).env_clear().env("HOME", scratch());
    let shown = process::run(show, "", LIMIT);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let file: Value = serde_json::from_str(&shown.stdout).unwrap();
    let entry = &file["mcpServers"]["example"];
    assert_eq!(entry["command"], via);
    let arguments = entry["args"].as_array().unwrap();
    let words = [&entry["command"]].into_iter().chain(arguments);
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The server has a session, which ends with the input of the bridge.
fn starts(words: &[String], remote: &Remote) {
    let mut running = Running::start(words);
    running.stdin = None;
    assert_eq!(running.end(), Ended::Code(0));
    assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"));
}

/// Answers npm as a registry does, with these packages and those of other platforms.
fn registry(made: &Made) -> Server {
    let folder = empty("registry");
    let port = process::lasting_port();
    let launcher = manifest("registry-launcher", &made.launcher);
    for name in launcher["optionalDependencies"].as_object().unwrap().keys() {
        let other = json!({ "name": name, "version": launcher["version"], "os": ["another"] });
        publish(&folder, port, other);
    }
    for package in [&made.launcher, &made.platform] {
        let name = package.file_name().unwrap();
        fs::copy(package, folder.join(name)).unwrap();
        publish(&folder, port, manifest("registry-package", package));
    }
    let mut server = Command::new("python3");
    server.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]);
    server.current_dir(&folder);
    Server::start_when(server, move |line| line.contains("Serving HTTP").then_some(port))
}

fn publish(folder: &Path, port: u16, mut manifest: Value) {
    let (name, version) = (manifest["name"].clone(), manifest["version"].clone());
    let (name, version) = (name.as_str().unwrap(), version.as_str().unwrap());
    let tarball = format!("http://127.0.0.1:{port}/{name}-{version}.tgz");
    manifest["dist"] = json!({ "tarball": tarball });
    let tags = json!({ "latest": version });
    let told = json!({ "name": name, "dist-tags": tags, "versions": { version: manifest } });
    fs::write(folder.join(name), told.to_string()).unwrap();
}
