//! The bridge, as a host starts it.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::pki::Identity;
use super::process;
use super::remote::Remote;

/// For one exchange with a remote on this machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The program under test, or what `PEERS_BRIDGE` names.
pub(crate) fn program() -> PathBuf {
    match env::var_os("PEERS_BRIDGE") {
        Some(other) => other.into(),
        None => env!("CARGO_BIN_EXE_mcp-secure-remote").into(),
    }
}

/// The words that connect to this remote with the client certificate that it trusts.
pub(crate) fn words(remote: &Remote, flags: &[&str]) -> Vec<String> {
    words_as(remote, &remote.pki.client, flags)
}

/// The same with another certificate.
pub(crate) fn words_as(remote: &Remote, client: &Identity, flags: &[&str]) -> Vec<String> {
    let mut words = vec![program().display().to_string(), remote.url.clone()];
    for (flag, file) in [
        ("--tls-ca", &remote.pki.ca),
        ("--tls-cert", &client.certificate),
        ("--tls-key", &client.key),
    ] {
        words.extend([flag.to_owned(), file.display().to_string()]);
    }
    words.extend(flags.iter().map(ToString::to_string));
    words
}

/// The command of these words, which gets nothing from the environment: no proxy, no certificate.
pub(crate) fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear();
    command
}

/// Writes one line to a bridge and closes its standard input; what it answered.
pub(crate) fn exchange(words: &[String], line: &str) -> Value {
    let done = process::run(command(words), &format!("{line}\n"), LIMIT);
    serde_json::from_str(done.stdout.trim())
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", done.stdout, done.stderr))
}

/// The first request of a host in the legacy era.
pub(crate) fn initialize(id: impl Into<Value>) -> String {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": "initialize", "params": params })
        .to_string()
}

/// Notes the exit code of a command that a host starts and waits for: no SDK tells it.
pub(crate) struct Witness {
    file: PathBuf,
}

impl Witness {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { file: folder.join("exit-codes") }
    }

    /// These words, so wrapped that their exit code is noted. A host that loses patience kills the
    /// wrapper, and nothing is noted.
    pub(crate) fn wrap(&self, words: Vec<String>) -> Vec<String> {
        let script = r#"file=$1; shift; "$@"; echo $? >> "$file""#;
        let mut wrapped = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        wrapped.push(self.file.display().to_string());
        wrapped.extend(words);
        wrapped
    }

    /// The exit codes of all that ended by themselves, in order.
    pub(crate) fn codes(&self) -> Vec<i32> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}
