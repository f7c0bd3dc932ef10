//! The step of what was asked for: files, variables and choices, as they are in force.

use std::path::Path;

use crate::command::probe::ProbeConfig;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Step;
use crate::tls::ClientOptions;

/// What is in force, whoever has said it.
pub(super) fn entry(config: &ProbeConfig) -> Entry {
    let bridge = &config.bridge;
    let mut entry = Entry::new(Step::Arguments).fact("strategy", bridge.strategy.as_str());
    let mut choices = vec![bridge.strategy.as_str().to_owned()];
    if bridge.remote.url.scheme() == "https" {
        let version = bridge.tls.min_version.as_str();
        entry = entry.fact("minTlsVersion", version).fact("files", files(&bridge.tls));
        choices.push(format!("{version} or later"));
        choices.push(trusted(&bridge.tls));
    }
    let headers: Vec<String> = bridge.remote.headers.keys().map(|name| format!("{name}")).collect();
    if !headers.is_empty() {
        choices.push(format!("with {}", headers.join(", ")));
    }
    if !config.variables.is_empty() {
        choices.push(format!("set: {}", config.variables.join(", ")));
    }
    let entry = entry
        .line(choices.join("; "))
        .fact("headers", headers)
        .fact("variables", config.variables.clone());
    config.warnings.iter().fold(entry, Entry::warn)
}

fn files(tls: &ClientOptions) -> Vec<String> {
    let identity = tls.identity.iter().flat_map(|source| source.paths());
    let lists = tls.crls.iter().map(|path| &**path);
    identity.chain(tls.ca.as_deref()).chain(lists).map(shown).collect()
}

fn trusted(tls: &ClientOptions) -> String {
    match &tls.ca {
        _ if tls.skip_verify => "any server is trusted".to_owned(),
        None => "the system's CAs are trusted".to_owned(),
        Some(path) if tls.ca_only => format!("the CAs in `{}` alone are trusted", shown(path)),
        Some(path) => format!("the system's CAs and those in `{}` are trusted", shown(path)),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
