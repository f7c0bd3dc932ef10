//! Which hosts have a file here, and which servers of ours are in it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::command::ide::entry::Entry;
use crate::command::ide::files;
use crate::command::ide::hosts::Folders;
use crate::command::ide::hosts::HOSTS;
use crate::command::ide::hosts::Host;
use crate::command::ide::hosts::Scope;
use crate::command::ide::merge;

/// A file of a host.
#[derive(Debug)]
pub struct Listed {
    /// The host.
    pub host: &'static Host,
    /// Whose file it is.
    pub scope: Scope,
    /// The file; where a host has one for each server, its name stands as `NAME`.
    pub path: String,
    /// What is in it.
    pub state: State,
}

/// What is in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    NoFile,
    /// These servers are ours.
    Ours(Vec<String>),
    /// It cannot be read.
    Unusable(String),
}

/// The files of all hosts on this machine.
pub fn list(folders: &Folders) -> Vec<Listed> {
    let path = |host: &Host, scope| Some(host.file(scope, folders, "NAME")?.path);
    let mut all = Vec::new();
    for host in &HOSTS {
        let user = path(host, Scope::User);
        // In the user's own folder the two are one.
        let project = path(host, Scope::Project).filter(|path| Some(path) != user.as_ref());
        for (scope, path) in [(Scope::User, user), (Scope::Project, project)] {
            let Some(path) = path else { continue };
            let state = state(host, &path);
            all.push(Listed { host, scope, path, state });
        }
    }
    all
}

fn state(host: &Host, path: &str) -> State {
    let mut names = Vec::new();
    let mut is_there = false;
    for path in existing(path) {
        let text = match files::read(&path) {
            Ok(None) => continue,
            Ok(Some(text)) => text,
            Err(report) => return State::Unusable(report.cause.unwrap_or(report.error)),
        };
        is_there = true;
        match merge::servers(host, &text) {
            Ok(servers) => {
                let ours = servers.iter().filter(|(_, value)| Entry::is_in(value));
                names.extend(ours.map(|(name, _)| name.clone()));
            }
            Err(unfit) => return State::Unusable(unfit),
        }
    }
    if is_there { State::Ours(names) } else { State::NoFile }
}

/// The file, or all in the folder of a host that has one for each server.
fn existing(path: &str) -> Vec<PathBuf> {
    let path = Path::new(path);
    let is_pattern = path.file_stem().is_some_and(|stem| stem == "NAME");
    let Some(folder) = path.parent().filter(|_| is_pattern) else { return vec![path.to_owned()] };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension() == path.extension());
    files.sort();
    files
}
