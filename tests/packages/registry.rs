//! `server.json`, by the rules of the registry of MCP servers: the schema of 2025-12-11 and
//! <https://github.com/modelcontextprotocol/registry>, docs/reference/server-json.

use std::fs;

use serde_json::Value;

use super::made::made;
use super::made::root;

#[test]
fn the_description_for_the_registry_follows_its_rules() {
    let Some(made) = made() else { return };
    let server = read(&made.folder.join("server.json"));
    assert_eq!(
        server["$schema"],
        "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    );
    let name = server["name"].as_str().unwrap();
    assert!(name.starts_with("io.github.") && name.matches('/').count() == 1, "{name}");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    assert!(name.chars().all(allowed) && (3..=200).contains(&name.len()), "{name}");
    for (field, most) in [("title", 100), ("description", 100), ("version", 255)] {
        let text = server[field].as_str().unwrap();
        assert!((1..=most).contains(&text.len()), "{field}: {text}");
    }
    assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
    let url = server["repository"]["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://github.com/") && url[19..] == name["io.github.".len()..],
        "{url}"
    );
    let packages = server["packages"].as_array().unwrap();
    let kinds: Vec<_> = packages.iter().map(|it| it["registryType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["pypi", "npm"]); // no image was pushed, and no static program built
    packages.iter().for_each(check_package);
}

#[test]
fn a_package_says_the_name_that_the_registry_looks_for() {
    let Some(made) = made() else { return };
    let name = read(&made.folder.join("server.json"))["name"].as_str().unwrap().to_owned();
    let project = fs::read_to_string(root().join("README.md")).unwrap();
    for line in project.lines().filter(|line| line.contains("mcp-name:")) {
        assert!(line.contains(&format!("mcp-name: {name}")), "{line}");
    }
}

fn check_package(package: &Value) {
    assert_eq!(package["transport"]["type"], "stdio");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    assert!(package["identifier"].is_string(), "{package}");
    for argument in package["packageArguments"].as_array().unwrap() {
        assert_eq!(argument["type"], "positional");
        assert!(argument["valueHint"].is_string(), "{argument}");
    }
    let known = include_str!("../../src/cli/tls.rs");
    for variable in package["environmentVariables"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        assert!(known.contains(&format!("\"{name}\"")), "the program does not know {name}");
        let format = variable.get("format").map(|it| it.as_str().unwrap());
        assert!(matches!(format, None | Some("filepath")), "{variable}");
        assert_eq!(variable["isSecret"] == true, name.ends_with("_PASSPHRASE"), "{variable}");
    }
}

fn read(file: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}
