//! What `ide` writes, as IDEs and agents read it that others wrote.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::support::bridge;
use super::support::install;
use super::support::process;
use super::support::process::Finished;
use super::support::remote::Remote;
use super::support::remote::Wire;

/// For one command; a large program starts in 2 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Nobody listens there: what a host sends elsewhere than to this machine goes nowhere.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A user with a folder of their own, who works in another.
struct User {
    home: PathBuf,
    work: PathBuf,
    _folder: TempDir,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [home, work] = ["home", "work"].map(|name| folder.path().join(name));
        for folder in [&home, &work] {
            fs::create_dir(folder).unwrap();
        }
        Self { home, work, _folder: folder }
    }

    /// Writes a file of this user.
    fn has(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn ide(&self, words: &[&str]) -> Finished {
        let mut command = Command::new(bridge::program());
        command.arg("ide").args(words);
        let done = self.run(command);
        assert_eq!(done.code, Some(0), "{words:?}: {}{}", done.stdout, done.stderr);
        done
    }

    /// Puts this remote into the file of a client; the words of the bridge.
    fn installs(&self, client: &str, remote: &Remote) -> Vec<String> {
        let words = bridge::words(remote, &[]);
        let flags: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let first = ["install", client, "--name", "example", "--yes"];
        self.ide(&[&first[..], &flags, &["--header", "X-Api-Key: mar\"k\\er"]].concat());
        // In the order in which it is written.
        let [program, url, ca_flag, ca, cert_flag, cert, key_flag, key] = &words[..] else {
            panic!("{words:?}")
        };
        let header = "X-Api-Key: ${MCP_REMOTE_HEADER_X_API_KEY}";
        let words = [program, url, cert_flag, cert, key_flag, key, ca_flag, ca];
        words
            .into_iter()
            .map(String::as_str)
            .chain(["--header", header])
            .map(str::to_owned)
            .collect()
    }

    fn run(&self, mut command: Command) -> Finished {
        command.env_clear().env("HOME", &self.home).current_dir(&self.work);
        command.envs([
            ("PATH", "/usr/bin:/bin"),
            ("TERM", "dumb"),
            ("HTTPS_PROXY", NOWHERE),
            ("NO_PROXY", "localhost,127.0.0.1"),
        ]);
        process::run(command, "", LIMIT)
    }
}

fn demo() -> Remote {
    let mut demo = Command::new(bridge::program());
    demo.args(["demo", "--stdio"]);
    Remote::behind_serve(&demo, Wire::Http)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn gemini_cli_takes_the_entry_as_it_is_and_reaches_the_server_by_it() {
    let Some(mut gemini) = install::host_package(install::GEMINI) else { return };
    gemini.args(["mcp", "list"]);
    let remote = demo();
    let user = User::new();
    let mine = "{\n\t// mine\n\t\"privacy\": { \"usageStatisticsEnabled\": false }, /* off */\n\t\"general\": \
                { \"enableAutoUpdate\": false }\n}";
    let file = user.has(".gemini/settings.json", mine);
    let trusted = json!({user.work.to_str().unwrap(): "TRUST_FOLDER"});
    user.has(".gemini/trustedFolders.json", &trusted.to_string());
    let words = user.installs("gemini", &remote);
    let with = text(&file);

    let seen = user.run(gemini);
    let line = format!("example: {} (stdio) - Connected", words.join(" "));
    let told = seen.stdout + &seen.stderr;
    assert!(told.contains(&line), "`{line}` is not in {told}");
    assert_eq!(text(&file), with, "the host has left it alone");

    user.ide(&["remove", "gemini", "--name", "example", "--yes"]);
    assert_eq!(text(&file), mine);
}

#[test]
fn continue_takes_the_file_of_a_server_by_its_own_schema() {
    let Some(mut driver) = install::host_driver("entry_continue.mjs") else { return };
    let remote = demo();
    let user = User::new();
    let words = user.installs("continue", &remote);
    let file = user.home.join(".continue/mcpServers/example.json");

    driver.arg(&file);
    let seen = user.run(driver);
    let found: Value = serde_json::from_str(&seen.stdout).expect(&seen.stderr);
    let expected = json!({
        "name": "example", "type": "stdio", "command": words[0], "args": words[1..],
        "env": {"MCP_REMOTE_HEADER_X_API_KEY": "mar\"k\\er"},
    });
    assert_eq!(found, json!({"yamlConfigs": [expected], "warnings": []}));

    user.ide(&["remove", "continue", "--name", "example", "--yes"]);
    assert_eq!(fs::read_dir(&user.home).unwrap().count(), 0, "no trace of it");
}
