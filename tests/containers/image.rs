//! What is in the image, and what is not.

use serde_json::Value;

use super::engine::Engine;
use super::engine::Target;
use super::engine::engine;

/// Bytes.
const LARGEST: u64 = 15_000_000;

#[test]
fn the_image_is_at_most_15_mb_and_holds_the_program_and_nothing_to_run_but_it() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    let size: u64 =
        engine.said(&["image", "inspect", "--format={{.Size}}", image]).parse().unwrap();
    assert!(size <= LARGEST, "{size} bytes");
    let files = files(engine, image);
    let expected = [
        "LICENSE",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/mcp-secure-remote",
        "usr/bin/mcp-secure-remote-client",
    ];
    assert_eq!(files, expected);
}

#[test]
fn the_image_says_what_it_is_and_runs_as_nobody() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    let config = engine.said(&["image", "inspect", "--format={{json .Config}}", image]);
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["User"], "65532:65532");
    let label = |name: &str| config["Labels"][name].as_str().unwrap_or_default().to_owned();
    assert!(label("io.modelcontextprotocol.server.name").starts_with("io.github."));
    assert_eq!(label("org.opencontainers.image.version"), "1.2.3");
    assert_eq!(label("org.opencontainers.image.licenses"), "MIT");
}

#[test]
fn both_programs_run_without_a_writable_root_any_right_or_a_network() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    let bare = ["run", "--rm", "--read-only", "--cap-drop=ALL", "--network=none"];
    let version = env!("CARGO_PKG_VERSION");
    let said = engine.said(&[&bare[..], &[image, "--version"]].concat());
    assert_eq!(said, format!("mcp-secure-remote {version}"));
    let probe = ["--entrypoint=mcp-secure-remote-client", image, "--version"];
    let said = engine.said(&[&bare[..], &probe].concat());
    assert_eq!(said, format!("mcp-secure-remote-client {version}"));
    let said = engine.said(&[&bare[..], &[image, "demo"]].concat());
    assert!(said.contains("the session is deleted at the server"), "{said}");
}

#[test]
fn exit_codes_are_those_of_the_program() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    for (words, code) in [
        (&["--help"][..], 0),
        (&["--no-such-flag"], 2),
        (&["https://host.example/mcp", "--tls-cert=/certs/none", "--tls-key=/certs/none"], 1),
    ] {
        let done = engine.run(&[&["run", "--rm", "--network=none", image], words].concat(), "");
        assert_eq!(done.code, Some(code), "{words:?}: {}", done.stderr);
    }
}

/// The files of an image, without those that the engine puts there.
fn files(engine: &Engine, image: &str) -> Vec<String> {
    let container = engine.said(&["create", image]);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar").display().to_string();
    engine.said(&["export", "--output", &archive, &container]);
    engine.said(&["rm", &container]);
    let mut tar = std::process::Command::new("tar");
    let list = tar.args(["-t", "-f", &archive]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let engines = ["etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"];
    let is_ours = |name: &&str| {
        !name.ends_with('/')
            && !name.starts_with("dev/")
            && !name.starts_with('.')
            && !engines.contains(name)
    };
    let mut files: Vec<String> = list.lines().filter(is_ours).map(str::to_owned).collect();
    files.sort();
    files
}
