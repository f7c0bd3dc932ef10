//! The bundle for desktop hosts, as such a host reads it: <https://github.com/modelcontextprotocol/mcpb>,
//! MANIFEST.md, version 0.3.

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::contents::unzip;
use super::made::files;
use super::made::made;
use super::made::root;
use super::made::scratch;
use super::made::succeed;
use super::running::Ended;
use super::running::Running;
use super::support::install::node_package;
use super::support::remote::Remote;
use super::support::remote::Wire;

/// What makes and checks bundles, for [`node_package`].
const MCPB: &str = "@anthropic-ai/mcpb/dist/cli/cli.js";

#[test]
fn a_bundle_asks_for_address_and_files_and_starts_the_program_with_them() {
    let Some(made) = made() else { return };
    let folder = unzip("bundle", bundle(&made.wheel));
    let manifest = manifest(&folder);
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    let answers = BTreeMap::from([
        ("server_url", remote.url.clone()),
        ("certificate", remote.pki.client.certificate.display().to_string()),
        ("key", remote.pki.client.key.display().to_string()),
        ("ca", remote.pki.ca.display().to_string()),
    ]);
    let fill = |text: &Value| filled(text.as_str().unwrap(), &folder, &manifest, &answers);
    let server = &manifest["server"]["mcp_config"];
    let variables = server["env"].as_object().unwrap().iter();
    let mut words = vec!["env".to_owned()];
    words.extend(variables.map(|(name, value)| format!("{name}={}", fill(value))));
    let program = fill(&server["platform_overrides"]["linux"]["command"]);
    make_executable(Path::new(&program));
    words.push(program);
    words.extend(server["args"].as_array().unwrap().iter().map(fill));
    let mut running = Running::start(&words);
    running.stdin = None;
    assert_eq!(running.end(), Ended::Code(0));
}

#[test]
fn the_program_for_bundles_takes_it() {
    let Some(made) = made() else { return };
    let folder = unzip("bundle-3", bundle(&made.wheel));
    let Some(mut mcpb) = node_package(MCPB) else { return };
    mcpb.arg("validate").arg(folder.join("manifest.json"));
    assert!(succeed(mcpb).contains("Manifest schema validation passes"));
}

#[test]
fn a_bundle_has_what_its_specification_demands() {
    let Some(made) = made() else { return };
    let folder = unzip("bundle-2", bundle(&made.wheel));
    let manifest = manifest(&folder);
    assert_eq!(manifest["manifest_version"], "0.3");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    for field in ["name", "description"] {
        assert!(manifest[field].is_string(), "{field}");
    }
    assert!(manifest["author"]["name"].is_string());
    let server = &manifest["server"];
    assert_eq!(server["type"], "binary");
    assert!(folder.join(server["entry_point"].as_str().unwrap()).is_file());
    let overrides = server["mcp_config"]["platform_overrides"].as_object().unwrap();
    let systems = manifest["compatibility"]["platforms"].as_array().unwrap();
    assert_eq!(overrides.len(), systems.len());
    for system in systems.iter().map(|it| it.as_str().unwrap()) {
        let command = overrides[system]["command"].as_str().unwrap();
        let file = command.strip_prefix("${__dirname}/").unwrap();
        assert!(folder.join(file).is_file(), "{file}");
    }
    // What is asked for is used, and the other way round.
    let text = server.to_string();
    let options = manifest["user_config"].as_object().unwrap();
    for (key, option) in options {
        assert!(text.contains(&format!("${{user_config.{key}}}")), "{key}");
        assert!(["file", "string"].contains(&option["type"].as_str().unwrap()), "{key}");
        assert!(option["title"].is_string() && option["description"].is_string(), "{key}");
        // A host leaves the placeholder as it is where nothing was given.
        assert!(option["required"] == true || option["default"] == "", "{key}");
    }
    assert_eq!(text.matches("${user_config.").count(), options.len());
    assert_eq!(options["passphrase"]["sensitive"], true);
}

/// The bundle, and the description for the registry that was made with it.
pub(crate) fn bundle_of(wheel: &Path) -> (&'static Path, PathBuf) {
    let bundle = bundle(wheel);
    (bundle, bundle.with_file_name("server.json"))
}

/// A bundle of the program for Linux in this wheel, in place of the static one.
fn bundle(wheel: &Path) -> &'static Path {
    static BUNDLE: OnceLock<PathBuf> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let programs = unzip("bundled", wheel);
        let scripts = format!("mcp_secure_remote-{}.data/scripts", env!("CARGO_PKG_VERSION"));
        let out = scratch().join("bundles");
        let mut release = Command::new("python3");
        release.arg(root().join("packaging/release")).arg("--out").arg(&out).arg("--programs");
        let target = "x86_64-unknown-linux-static=";
        release.arg(format!("{target}{}", programs.join(&scripts).display()));
        // It makes completions, for which the programs have to run.
        for program in files(&programs.join(&scripts)) {
            make_executable(&program);
        }
        succeed(release);
        out.join(concat!("mcp-secure-remote-", env!("CARGO_PKG_VERSION"), ".mcpb"))
    })
}

/// What `python3 -m zipfile` leaves out.
fn make_executable(program: &Path) {
    fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap()
}

/// As a host fills in what its user gave, or else the default.
fn filled(text: &str, folder: &Path, manifest: &Value, answers: &BTreeMap<&str, String>) -> String {
    let mut text = text.replace("${__dirname}", folder.to_str().unwrap());
    for (key, option) in manifest["user_config"].as_object().unwrap() {
        let default = option["default"].as_str().unwrap_or_default();
        let value = answers.get(key.as_str()).map_or(default, String::as_str);
        text = text.replace(&format!("${{user_config.{key}}}"), value);
    }
    text
}
