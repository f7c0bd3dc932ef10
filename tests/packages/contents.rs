//! What is in the packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::made::files;
use super::made::made;
use super::made::root;
use super::made::scratch;
use super::made::succeed;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn every_package_has_the_version_of_cargo_toml() {
    let Some(made) = made() else { return };
    let named: Vec<_> =
        names(&made.folder).into_iter().chain(names(&made.folder.join("npm"))).collect();
    let fixed = ["SHA256SUMS", "mcp-secure-remote.rb", "npm", "server.json"];
    for name in named.iter().filter(|name| !fixed.contains(&name.as_str())) {
        assert!(name.contains(&format!("-{VERSION}")), "{name}");
    }
    let launcher = manifest("launcher", &made.launcher);
    assert_eq!(launcher["version"], VERSION);
    assert_eq!(manifest("platform", &made.platform)["version"], VERSION);
    for (name, version) in launcher["optionalDependencies"].as_object().unwrap() {
        assert_eq!(version, VERSION, "{name}");
    }
    let formula = fs::read_to_string(made.folder.join("mcp-secure-remote.rb")).unwrap();
    assert!(formula.contains(&format!("version \"{VERSION}\"")), "{formula}");
}

#[test]
fn the_wheel_has_both_programs_and_a_tag_for_old_systems() {
    let Some(made) = made() else { return };
    let name = made.wheel.file_name().unwrap().to_str().unwrap();
    if cfg!(target_os = "linux") {
        assert!(name.contains("-py3-none-manylinux2014_"), "{name}");
    }
    let folder = unzip("wheel", &made.wheel);
    let programs = folder.join(format!("mcp_secure_remote-{VERSION}.data/scripts"));
    let both: BTreeSet<_> = names(&programs).into_iter().collect();
    assert_eq!(both, ["mcp-secure-remote", "mcp-secure-remote-client"].map(str::to_owned).into());
}

#[test]
fn npm_runs_nothing_at_installation_and_knows_where_a_program_belongs() {
    let Some(made) = made() else { return };
    let (launcher, platform) =
        (manifest("launcher-2", &made.launcher), manifest("platform-2", &made.platform));
    for package in [&launcher, &platform] {
        assert!(package.get("scripts").is_none(), "{package}");
        assert!(package.get("dependencies").is_none(), "{package}");
    }
    for name in ["mcp-secure-remote", "mcp-secure-remote-client"] {
        assert_eq!(launcher["bin"][name], format!("{name}.js"));
    }
    let optional = launcher["optionalDependencies"].as_object().unwrap();
    assert!(optional.contains_key(platform["name"].as_str().unwrap()));
    assert!(platform["os"].is_array() && platform["cpu"].is_array(), "{platform}");
    if cfg!(target_os = "linux") {
        assert_eq!(platform["libc"], serde_json::json!(["glibc"]));
    }
    // What the launcher looks for is what there is.
    let code = fs::read_to_string(root().join("npm/launch.js")).unwrap();
    let known = code.split('"').filter(|word| word.starts_with("mcp-secure-remote-"));
    let known: BTreeSet<_> = known.filter(|word| !word.ends_with("client")).collect();
    assert_eq!(known, optional.keys().map(String::as_str).collect());
}

#[test]
fn the_archive_has_programs_documents_completions_and_manual_pages() {
    let Some(made) = made() else { return };
    let archive =
        files(&made.folder).into_iter().find(|file| file.to_str().unwrap().ends_with(".tar.gz"));
    let folder = untar("archive", &archive.unwrap());
    let folder = files(&folder).remove(0);
    for file in [
        "LICENSE",
        "README.md",
        "completions/bash/mcp-secure-remote",
        "completions/fish/mcp-secure-remote-client.fish",
        "completions/zsh/_mcp-secure-remote",
        "man/mcp-secure-remote-serve.1",
        "man/mcp-secure-remote.1",
    ] {
        assert!(folder.join(file).metadata().unwrap().len() > 100, "{file}");
    }
    let mut program = Command::new(folder.join("mcp-secure-remote-client"));
    program.arg("--version");
    assert_eq!(succeed(program), format!("mcp-secure-remote-client {VERSION}\n"));
}

#[test]
fn the_sums_are_those_of_the_files() {
    let Some(made) = made() else { return };
    let sums = fs::read_to_string(made.folder.join("SHA256SUMS")).unwrap();
    let count = names(&made.folder).len() + names(&made.folder.join("npm")).len();
    assert_eq!(sums.lines().count(), count - 2, "all but the folder and the sums themselves");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(&made.folder);
    succeed(check);
}

#[test]
fn the_bill_of_materials_has_every_dependency_of_the_program_and_none_of_the_tests() {
    let Some(made) = made() else { return };
    let file = made.folder.join(format!("mcp-secure-remote-{VERSION}.cdx.json"));
    let bill: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let components = bill["components"].as_array().unwrap();
    let has = |name: &str| components.iter().any(|it| it["name"] == name);
    for shipped in ["rustls", "aws-lc-sys", "tokio", "clap", "win32job"] {
        assert!(has(shipped), "{shipped}");
    }
    for other in ["trycmd", "proptest", "mcp-secure-remote"] {
        assert!(!has(other), "{other}");
    }
    let references: BTreeSet<_> =
        components.iter().map(|it| it["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), components.len(), "a reference stands twice");
    for component in components {
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
    }
}

/// What npm is told of a package.
pub(crate) fn manifest(name: &str, package: &Path) -> Value {
    let text = fs::read_to_string(untar(name, package).join("package/package.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let name = |file: PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    files(folder).into_iter().map(name).collect()
}

fn untar(name: &str, archive: &Path) -> PathBuf {
    let folder = empty(name);
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(&folder);
    succeed(tar);
    folder
}

/// Python is what the release is made with.
pub(crate) fn unzip(name: &str, archive: &Path) -> PathBuf {
    let folder = empty(name);
    let mut zip = Command::new("python3");
    zip.args(["-m", "zipfile", "-e"]).arg(archive).arg(&folder);
    succeed(zip);
    folder
}

pub(crate) fn empty(name: &str) -> PathBuf {
    let folder = scratch().join("unpacked").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
