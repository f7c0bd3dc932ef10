//! `server.json`, by the rules of the registry of MCP servers: the schema of 2025-12-11 and
//! <https://github.com/modelcontextprotocol/registry>, docs/reference/server-json.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::bundle::bundle_of;
use super::made::made;
use super::made::root;
use super::made::scratch;
use super::made::succeed;

const SCHEMA: &str = include_str!("server.schema.json");

#[test]
fn the_description_for_the_registry_follows_its_rules() {
    let Some(made) = made() else { return };
    let server = read(&made.folder.join("server.json"));
    check(&server);
    assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
    let name = server["name"].as_str().unwrap();
    let url = server["repository"]["url"].as_str().unwrap();
    assert_eq!(url["https://github.com/".len()..], name["io.github.".len()..]);
    assert_eq!(kinds(&server), ["pypi", "npm"]); // no image was pushed, and no static program built
}

#[test]
fn an_image_and_a_bundle_are_told_to_the_registry() {
    let Some(made) = made() else { return };
    let out = scratch().join("with-image");
    let mut release = Command::new("python3");
    release.arg(root().join("packaging/release")).arg("--out").arg(&out).arg(&made.wheel);
    release.args(["--image", "images.example/mcp-secure-remote:1.2.3"]);
    succeed(release);
    let server = read(&out.join("server.json"));
    check(&server);
    assert_eq!(kinds(&server), ["pypi", "npm", "oci"]);
    let (bundle, server) = bundle_of(&made.wheel);
    let server = read(&server);
    check(&server);
    assert_eq!(kinds(&server), ["pypi", "npm", "mcpb"]);
    let mut sums = Command::new("sha256sum");
    sums.arg(bundle);
    let digest = server["packages"][2]["fileSha256"].as_str().unwrap();
    assert!(succeed(sums).starts_with(digest));
}

#[test]
fn only_variables_that_the_program_knows_are_asked_for() {
    let Some(made) = made() else { return };
    let server = read(&made.folder.join("server.json"));
    let known = include_str!("../../src/cli/tls.rs");
    for package in server["packages"].as_array().unwrap() {
        for variable in package["environmentVariables"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap();
            assert!(known.contains(&format!("\"{name}\"")), "the program does not know {name}");
            assert_eq!(variable["isSecret"] == true, name.ends_with("_PASSPHRASE"), "{variable}");
        }
    }
}

#[test]
fn a_package_says_the_name_that_the_registry_looks_for() {
    let Some(made) = made() else { return };
    let name = read(&made.folder.join("server.json"))["name"].as_str().unwrap().to_owned();
    for (document, line) in [
        ("README.md", format!("<!-- mcp-name: {name} -->")),
        ("Dockerfile", format!("LABEL io.modelcontextprotocol.server.name=\"{name}\" \\")),
    ] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        assert!(text.lines().any(|it| it == line), "{document} has no line {line}");
    }
}

fn check(server: &Value) {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let faults: Vec<_> = schema.iter_errors(server).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

fn kinds(server: &Value) -> Vec<&str> {
    let packages = server["packages"].as_array().unwrap();
    packages.iter().map(|it| it["registryType"].as_str().unwrap()).collect()
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}
