//! A host that others wrote, with the bridge in a container.

use std::env;
use std::process::Command;

use serde_json::Value;

use super::bridge::ask;
use super::desk::Desk;
use super::engine::Engine;
use super::engine::LIMIT;
use super::engine::Target;
use super::engine::engine;
use super::support::bridge;
use super::support::host::Host;
use super::support::process;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn a_host_on_the_python_sdk_has_its_whole_tour_by_a_container() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let folder = remote.pki.folder.path().display().to_string();
    // The files have the same paths inside; they are open to their owner alone.
    let (mount, user) = (format!("{folder}:{folder}:ro"), user());
    let run = ["run", "--rm", "-i", "--network=host", "--read-only", "--cap-drop=ALL"];
    let mut words = docker(engine);
    words
        .extend(run.iter().chain(&["-v", &mount, "--user", &user, image]).map(|it| it.to_string()));
    words.extend(bridge::words(&remote, &[]).into_iter().skip(1));
    let Some(seen) = Host::PythonV1.tour_of(words, remote.pki.folder.path()) else { return };
    seen.assert_tour();
    assert_eq!(seen.exits, [0], "it did not end by itself\n{}", seen.stderr);
    assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"));
}

#[test]
fn the_entry_for_docker_starts_the_bridge() {
    let Some(engine) = engine() else { return };
    engine.image(Target::Bridge);
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let mut show = Command::new(bridge::program());
    show.args(["ide", "show", "generic", "--name", "example", "--via", "docker"]);
    show.args(&bridge::words(&remote, &[])[1..]).env_clear().env("HOME", "/nowhere");
    let shown = process::run(show, "", LIMIT);
    let file: Value = serde_json::from_str(&shown.stdout).expect(&shown.stderr);
    let entry = &file["mcpServers"]["example"];
    assert_eq!(entry["command"], "docker");
    let words: Vec<&str> =
        entry["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let desk = Desk::new(engine, "entry");
    let mut host = desk.bash("exec docker \"$@\"");
    host.arg("host").args(words);
    let done = ask(host);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    assert!(done.stdout.contains("\"result\""), "{}", done.stdout);
    assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"));
}

/// `docker` and what it needs of the environment, as words: a host hands on nothing.
fn docker(engine: &Engine) -> Vec<String> {
    let command = engine.docker(&[]);
    let ours = env::vars().filter(|(name, _)| {
        matches!(&**name, "HOME" | "PATH" | "XDG_RUNTIME_DIR") || name.starts_with("DOCKER_")
    });
    let set =
        command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut words = vec!["env".to_owned()];
    // Of a name that is given twice the last one counts.
    words.extend(ours.chain(set).map(|(name, value)| format!("{name}={value}")));
    words.push(command.get_program().display().to_string());
    words
}

fn user() -> String {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    format!("{}:{}", user.as_raw(), group.as_raw())
}
