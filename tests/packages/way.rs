//! The ways in which a host starts the program.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::made::Made;
use super::made::scratch;
use super::made::succeed;
use super::support::bridge;
use super::support::install;
use super::support::install::Python;
use super::support::remote::Remote;

/// A command that stands where the program would.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// The program itself, for comparison.
    Plain,
    Uvx,
    /// npx, where Node stays beside the program.
    NpxBeside,
    /// npx, where Node becomes the program: 22.15 and newer.
    NpxInPlace,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Uvx, Self::NpxBeside, Self::NpxInPlace];

    /// The words before those for the program. Nothing is fetched: all is done offline.
    pub(crate) fn words(self, made: &Made) -> Option<Vec<String>> {
        let words = match self {
            Self::Plain => vec![bridge::program().display().to_string()],
            Self::Uvx => {
                let uvx = Python::Packaging.program("uvx")?.display().to_string();
                let wheel = made.wheel.display().to_string();
                let cache = scratch().join("uv-cache").display().to_string();
                let flags = ["--offline", "--no-config", "--quiet", "--cache-dir"];
                let mut words = surroundings(None);
                words.push(uvx);
                words.extend(flags.map(str::to_owned));
                words.extend([cache, "--from".to_owned(), wheel, PROGRAM.to_owned()]);
                words
            }
            Self::NpxBeside => {
                let mut words = surroundings(None);
                words.push(format!("NODE_OPTIONS=--require={}", without_execve().display()));
                words.extend(npx(made));
                words
            }
            Self::NpxInPlace => {
                let node = install::node()?;
                let mut words = surroundings(node.parent());
                words.extend(npx(made));
                words
            }
        };
        Some(words)
    }

    /// The same with the words that connect to this remote.
    pub(crate) fn to(self, made: &Made, remote: &Remote) -> Option<Vec<String>> {
        let mut words = self.words(made)?;
        words.extend(bridge::words(remote, &[]).into_iter().skip(1));
        Some(words)
    }
}

const PROGRAM: &str = "mcp-secure-remote";

/// `env`, which hands on nothing of ours but the way to programs.
pub(crate) fn surroundings(first: Option<&Path>) -> Vec<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = first.map(Path::to_owned).into_iter().chain(env::split_paths(&path));
    let path = env::join_paths(places).unwrap().into_string().unwrap();
    let home = scratch().join("home");
    fs::create_dir_all(&home).unwrap();
    vec!["env".to_owned(), format!("PATH={path}"), format!("HOME={}", home.display())]
}

fn npx(made: &Made) -> Vec<String> {
    let (platform, launcher) = (made.platform.display(), made.launcher.display());
    let mut words = vec!["npm_config_update_notifier=false".to_owned(), "npx".to_owned()];
    words.extend(["--offline", "--yes", "--loglevel=error"].map(str::to_owned));
    words.push(format!("--cache={}", scratch().join("npm-cache").display()));
    words.extend([format!("--package={platform}"), format!("--package={launcher}")]);
    words.push(PROGRAM.to_owned());
    words
}

/// A script that makes any Node one which cannot become another program.
pub(crate) fn without_execve() -> std::path::PathBuf {
    let file = scratch().join("without-execve.cjs");
    fs::write(&file, "delete process.execve;\n").unwrap();
    file
}

/// Installs these npm packages into a folder, offline.
pub(crate) fn npm_install(folder: &Path, packages: &[&Path], flags: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    let words = surroundings(None);
    let mut npm = Command::new(&words[0]);
    npm.args(&words[1..]).args(["npm", "install", "--offline", "--no-audit", "--no-fund"]);
    npm.arg("--loglevel=error").arg(format!("--cache={}", scratch().join("npm-cache").display()));
    npm.args(flags).arg("--prefix").arg(folder).args(packages).env_clear();
    npm.env("PATH", env::var_os("PATH").unwrap_or_default()).current_dir(folder);
    succeed(npm);
}
