//! What this machine has to say: its folders, the path of this program, and who started it.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::ide::warning;
use crate::cli::resolve::Warning;
use crate::cli::usage::UsageError;
use crate::command::ide;
use crate::command::ide::container;
use crate::command::ide::entry::Os;
use crate::command::ide::entry::Spec;
use crate::command::ide::entry::Via;
use crate::command::ide::hosts::Folders;
use crate::command::ide::ours;
use crate::report::Report;

/// Whether a variable is one of ours.
pub(super) fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.to_ascii_uppercase().starts_with(ide::VARIABLES))
}

/// The folder that this program was started in.
pub(super) fn folder() -> Result<String, Refusal> {
    let folder = std::path::absolute(".").ok();
    let folder = folder.and_then(|folder| folder.to_str().map(str::to_owned));
    let unknown = || {
        Report::new("cannot use this folder")
            .cause("its path is unknown or not UTF-8")
            .hint("go to another one")
    };
    folder.ok_or_else(|| Refusal::Failed(unknown()))
}

/// The folders of this machine.
pub(super) fn folders(env: &Environment) -> Result<Folders, Refusal> {
    let os = Os::here();
    let text = |name: &str| env.var(name).and_then(OsStr::to_str).map(str::to_owned);
    let variable = if os == Os::Windows { "USERPROFILE" } else { "HOME" };
    let home = text(variable).filter(|home| os.is_absolute(home)).ok_or_else(|| {
        let report = Report::new("cannot find the files of IDEs and agents")
            .cause(format!("the variable {variable} is not set to a folder"));
        Refusal::Failed(report.hint(format!("set {variable} to your home folder")))
    })?;
    let config = match os {
        // The XDG Base Directory Specification has relative ones ignored.
        Os::Linux => text("XDG_CONFIG_HOME").filter(|folder| os.is_absolute(folder)),
        Os::Windows => text("APPDATA"),
        Os::Macos => None,
    };
    let config = config.unwrap_or_else(|| match os {
        Os::Linux => format!("{home}/.config"),
        Os::Macos => format!("{home}/Library/Application Support"),
        Os::Windows => format!("{home}\\AppData\\Roaming"),
    });
    let (claude, codex) = (text("CLAUDE_CONFIG_DIR"), text("CODEX_HOME"));
    Ok(Folders { os, home, config, claude, codex, project: folder()? })
}

/// The folders of another machine, by the names of variables.
pub(super) fn elsewhere(os: Os) -> Folders {
    let (home, config) = match os {
        Os::Linux => ("~", "~/.config"),
        Os::Macos => ("~", "~/Library/Application Support"),
        Os::Windows => ("%USERPROFILE%", "%APPDATA%"),
    };
    let (home, config, project) = (home.to_owned(), config.to_owned(), ".".to_owned());
    Folders { os, home, config, claude: None, codex: None, project }
}

/// What this program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// No container of Docker or Podman.
    Machine,
    /// A container with a shell, in which an IDE or agent may run, too.
    Container,
    /// A container without one, as that of this program's image: nothing else runs there.
    Image,
}

/// What is below this root.
pub(super) fn surroundings(root: &Path) -> Surroundings {
    let is_there = |path: &str| root.join(path).exists();
    match is_there(".dockerenv") || is_there("run/.containerenv") {
        false => Surroundings::Machine,
        true if is_there("bin/sh") => Surroundings::Container,
        true => Surroundings::Image,
    }
}

const OUTSIDE: &str =
    "run it where the client runs, with `--via docker` if that is to start a container";

impl Surroundings {
    /// Whether it makes sense to install something here, for who has not said how the host starts it.
    pub(super) fn check(self) -> Result<(), UsageError> {
        if self != Self::Image {
            return Ok(());
        }
        let text = "No client runs in this container, and its files are gone with it";
        Err(UsageError::new(text).hint(OUTSIDE))
    }

    /// What users should know who have not said how the host starts the bridge.
    pub(super) fn warning(self) -> Option<Warning> {
        let text = "this is a container: a client outside of it cannot start the program here";
        (self != Self::Machine).then(|| warning(format!("{text}; {OUTSIDE}")))
    }
}

/// Variables for this program that are set here and would not be for the host.
pub(super) fn set_here(env: &Environment, spec: &Spec) -> Option<Warning> {
    let is_in = |name: &String| spec.env.iter().any(|(known, _)| known == name);
    let set = env.all().filter(|(name, value)| is_ours(name) && !value.is_empty());
    let names = set.filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !is_in(name)).collect();
    names.sort();
    if names.is_empty() {
        return None;
    }
    let text = "set here alone: the client does not get it; use the flag, which goes into its file";
    Some(warning(format!("{} is {text}", names.join(", "))))
}

/// How the host starts the bridge.
pub(super) fn via(
    typed: Option<&str>,
    image: Option<String>,
    os: Os,
    args: &[OsString],
    env: &Environment,
    warnings: &mut Vec<Warning>,
) -> Result<Via, UsageError> {
    if image.is_some() && typed != Some("docker") {
        return Err(UsageError::new("--image requires --via docker."));
    }
    let program = program(args, env);
    match typed {
        Some("uvx") => Ok(Via::Uvx),
        Some("npx") => Ok(Via::Npx),
        Some("docker") => {
            let image = image.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
            if !container::is_image(&image) {
                return Err(UsageError::new(
                    "--image must be the name of an image, in small letters",
                )
                .hint("for example `registry.example/team/mcp-secure-remote:1`"));
            }
            Ok(Via::Docker { image, user: user(os) })
        }
        Some("binary") | None if os != Os::here() => {
            let ending = if os == Os::Windows { ".exe" } else { "" };
            let name = format!("{}{ending}", env!("CARGO_PKG_NAME"));
            warnings
                .push(warning(format!("write the absolute path of `{name}` there as the command")));
            Ok(Via::Binary(name))
        }
        Some("binary") | None => {
            let launcher = program.as_deref().and_then(launcher).filter(|_| typed.is_none());
            if let Some(launcher) = launcher {
                return Ok(launcher);
            }
            let path = program.as_deref().and_then(Path::to_str).map(str::to_owned);
            let unknown = || UsageError::new("The path of this program is unknown or not UTF-8");
            path.map(Via::Binary).ok_or_else(unknown)
        }
        Some(_) => Err(UsageError::new("--via must be one of binary, uvx, npx, docker")),
    }
}

/// The path of this program as the user knows it: a link to it stays when its version goes.
fn program(args: &[OsString], env: &Environment) -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let is_here = |path: &PathBuf| {
        let name = path.file_name().is_some_and(|name| ours::is_ours(&name.to_string_lossy()));
        name && path.canonicalize().ok() == here.canonicalize().ok()
    };
    let typed = Path::new(args.first()?);
    let known = if typed.components().count() > 1 {
        std::path::absolute(typed).ok().filter(is_here)
    } else {
        let folders = env.var("PATH").map(std::env::split_paths).into_iter().flatten();
        let named = folders
            .map(|folder| folder.join(typed).with_extension(std::env::consts::EXE_EXTENSION));
        named.filter(|path| path.is_absolute()).find(is_here)
    };
    Some(known.unwrap_or(here))
}

/// What has fetched the program that is at this path, into a folder that is cleaned up some day.
fn launcher(program: &Path) -> Option<Via> {
    let mut parts = program.components().filter_map(|part| part.as_os_str().to_str());
    parts.find_map(|part| match part {
        "_npx" => Some(Via::Npx),
        _ if part.starts_with("archive-v") || part.starts_with("environments-v") => Some(Via::Uvx),
        _ => None,
    })
}

/// Who may read the files: the container's own user may not. Elsewhere than on Linux the files of a
/// container are read by a machine between, as whoever started that.
#[cfg(unix)]
fn user(os: Os) -> Option<String> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    (os == Os::Linux && Os::here() == Os::Linux).then(|| format!("{user}:{group}"))
}

#[cfg(not(unix))]
fn user(_: Os) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Surroundings;
    use super::launcher;
    use super::surroundings;
    use crate::command::ide::entry::Via;

    #[test]
    fn nothing_is_installed_from_a_container_that_has_no_room_for_a_client() {
        for (files, expected) in [
            (&["bin/sh"][..], Surroundings::Machine),
            (&[".dockerenv", "bin/sh"], Surroundings::Container),
            (&["run/.containerenv"], Surroundings::Image),
        ] {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            let found = surroundings(root.path());
            assert_eq!(found, expected, "{files:?}");
            assert_eq!(found.check().is_err(), found == Surroundings::Image);
            let shown = found.warning().map(|it| it.text);
            assert_eq!(shown.is_none(), found == Surroundings::Machine);
            assert!(shown.is_none_or(|it| it.contains("`--via docker`")));
        }
    }

    #[test]
    fn a_program_that_a_launcher_has_fetched_is_started_by_it_again() {
        for (path, expected) in [
            ("/u/.npm/_npx/0a1b/node_modules/linux-x64/bin/mcp-secure-remote", Some(Via::Npx)),
            ("/u/.cache/uv/archive-v0/x1/bin/mcp-secure-remote", Some(Via::Uvx)),
            ("/u/.cache/uv/environments-v2/x1/bin/mcp-secure-remote", Some(Via::Uvx)),
            ("/u/.local/share/uv/tools/mcp-secure-remote/bin/mcp-secure-remote", None),
            ("/usr/lib/node_modules/mcp-secure-remote/bin/mcp-secure-remote", None),
        ] {
            assert_eq!(launcher(Path::new(path)), expected, "{path}");
        }
    }
}
