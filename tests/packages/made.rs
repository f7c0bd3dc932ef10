//! The packages of this platform.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::support::install::Python;
use super::support::process;

/// For a release build from nothing, on two slow cores.
const BUILD: Duration = Duration::from_secs(45 * 60);

/// What a release consists of.
pub(crate) struct Made {
    /// All of it.
    pub(crate) folder: PathBuf,
    pub(crate) wheel: PathBuf,
    /// The npm package that users name.
    pub(crate) launcher: PathBuf,
    /// The npm package of this platform.
    pub(crate) platform: PathBuf,
}

/// The packages, made once in a run.
pub(crate) fn made() -> Option<&'static Made> {
    static MADE: OnceLock<Option<Made>> = OnceLock::new();
    MADE.get_or_init(make).as_ref()
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that everything is made in.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs a command that has to succeed; what it printed.
pub(crate) fn succeed(command: Command) -> String {
    let shown = format!("{command:?}");
    let done = process::run(command, "", BUILD);
    assert_eq!(done.code, Some(0), "{shown}\n{}{}", done.stdout, done.stderr);
    done.stdout
}

fn make() -> Option<Made> {
    let folder = scratch().join("packages");
    let _ = fs::remove_dir_all(&folder);
    let wheel = match env::var_os("PACKAGES_WHEEL") {
        Some(wheel) => wheel.into(),
        None => wheel(&folder.join("wheels"))?,
    };
    let dist = folder.join("dist");
    let mut release = Command::new("python3");
    release.arg(root().join("packaging/release")).arg("--out").arg(&dist).arg(&wheel);
    succeed(release);
    let npm = dist.join("npm");
    let launcher = npm.join(concat!("mcp-secure-remote-", env!("CARGO_PKG_VERSION"), ".tgz"));
    let platform = files(&npm).into_iter().find(|file| *file != launcher).unwrap();
    Some(Made { folder: dist, wheel, launcher, platform })
}

/// The wheel of this platform, as a release has it.
fn wheel(folder: &Path) -> Option<PathBuf> {
    let maturin = Python::Packaging.program("maturin")?;
    let mut build = Command::new(&maturin);
    build.args(["build", "--release", "--locked", "--out"]).arg(folder).current_dir(root());
    if cfg!(target_os = "linux") {
        build.args(["--zig", "--compatibility", "manylinux2014"]);
    }
    // maturin asks the first Python on the path for zig.
    let path = env::var_os("PATH").unwrap_or_default();
    let places = [maturin.parent()?.to_owned()].into_iter().chain(env::split_paths(&path));
    build.env("PATH", env::join_paths(places).unwrap());
    succeed(build);
    files(folder).pop()
}

/// The files of a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
