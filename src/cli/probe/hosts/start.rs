//! How a host starts a server: by this program, directly or through a launcher, or in another way.

use std::path::Path;

use serde_json::Value;

use crate::cli::probe::hosts::container;
use crate::cli::probe::hosts::env_file;
use crate::cli::probe::hosts::values::Values;
use crate::command::ide::entry::Held;
use crate::command::ide::entry::held;
use crate::command::ide::ours;
use crate::report::Report;

/// How a host starts a server.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli::probe) enum Start {
    /// By this program.
    Ours {
        /// What follows its name.
        args: Vec<String>,
        /// Variables that are set for it.
        variables: Vec<(String, String)>,
    },
    /// By another program, in another way, or not as things stand: why, in words.
    Other(String),
    /// By this program, but a file is missing that the host reads.
    Broken(Report),
}

/// Reads what a host has on a server.
pub(super) fn read(entry: &Value, values: &Values<'_>) -> Start {
    let Held { inner, command, rest: from } = held(entry);
    let Some(command) = command else {
        let is_remote = ["url", "httpUrl", "serverUrl"].iter().any(|it| inner[it].is_string());
        let how = if is_remote { "reached by the host itself" } else { "it has no command" };
        return Start::Other(how.to_owned());
    };
    let args = from.get("args").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let args: Vec<String> = args.iter().map(plain).collect();
    let words: Vec<&str> = [command].into_iter().chain(args.iter().map(String::as_str)).collect();
    let filled = |word: &str| values.fill(word, &[]).unwrap_or_else(|_| word.to_owned());
    let Some(at) = ours::position(&words, filled) else {
        return Start::Other(format!("not this program: {command}"));
    };
    if entry["disabled"] == true || entry["enabled"] == false {
        return Start::Other("disabled".to_owned());
    }
    ours(&words, at, from, values).unwrap_or_else(|start| start)
}

/// What this program would get.
fn ours(words: &[&str], at: usize, from: &Value, values: &Values<'_>) -> Result<Start, Start> {
    let mut variables = Vec::new();
    if let Some(path) = from.get("envFile").and_then(Value::as_str) {
        let path = values.fill(path, &[]).map_err(Start::Other)?;
        variables.extend(env_file::read(Path::new(&path)).map_err(Start::Broken)?);
    }
    let env = from.get("env").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in env {
        variables.push((name.clone(), values.fill(&plain(value), &[]).map_err(Start::Other)?));
    }
    let fill = |word: &&str| values.fill(word, &variables);
    let filled: Result<Vec<String>, String> = words.iter().map(fill).collect();
    let filled = filled.map_err(Start::Other)?;
    let (launcher, own) = filled.split_at(at);
    let set = container::values(launcher, ["-e", "--env"]).into_iter();
    let set = set.filter_map(|pair| pair.split_once('='));
    variables.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mounts = container::mounts(launcher);
    let args: Result<Vec<String>, String> =
        own.iter().skip(1).map(|word| container::here(word, &mounts)).collect();
    let args = args.map_err(Start::Other)?;
    for (_, value) in &mut variables {
        *value = container::here(value, &mounts).map_err(Start::Other)?;
    }
    match unset(&args) {
        Some(name) => Err(Start::Broken(
            Report::new(format!("the variable `{name}` is not set"))
                .hint("set it where you start the probe, as it is where your host starts"),
        )),
        None => Ok(Start::Ours { args, variables }),
    }
}

/// A variable that nobody fills in any more. In a header this program does it, or complains.
fn unset(args: &[String]) -> Option<&str> {
    let before = std::iter::once("").chain(args.iter().map(String::as_str));
    let in_header =
        |(before, arg): &(&str, &String)| *before == "--header" || arg.starts_with("--header=");
    let others = before.zip(args).filter(|pair| !in_header(pair));
    others.filter_map(|(_, arg)| Some(arg.split_once("${")?.1.split_once('}')?.0)).next()
}

/// A value as the process gets it: some are numbers, and `null` unsets a variable.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
impl Start {
    /// By this program with these arguments and variables.
    pub(super) fn ours(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let own = |text: &&str| (*text).to_owned();
        let variables = variables.iter().map(|(name, value)| (own(name), own(value)));
        Self::Ours { args: args.iter().map(own).collect(), variables: variables.collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;
    use serde_json::json;

    use super::Start;
    use super::read;
    use crate::cli::environment::Environment;
    use crate::cli::probe::hosts::values::Values;

    fn start(entry: &Value) -> Start {
        let env: Environment =
            [("KEY", "k.pem"), ("BRIDGE", "/opt/mcp-secure-remote")].into_iter().collect();
        read(entry, &Values::new(Path::new("/srv/.vscode/mcp.json"), &env))
    }

    #[test]
    fn behind_every_launcher_the_arguments_are_those_of_this_program() {
        let url = "https://a/mcp-secure-remote";
        for words in [
            &["mcp-secure-remote"][..],
            &["${env:BRIDGE}"],
            &["uvx", "mcp-secure-remote"],
            &["uvx", "--from", "mcp-secure-remote==1", "mcp-secure-remote"],
            &["uvx", "--from=mcp-secure-remote==1", "mcp-secure-remote"],
            &["uv", "tool", "run", "mcp-secure-remote@latest"],
            &["npx", "-y", "@scope/mcp-secure-remote@1"],
            &["npx", "-y", "-p", "mcp-secure-remote", "mcp-secure-remote"],
            &["cmd", "/c", "npx", "-y", "mcp-secure-remote"],
            &["docker", "run", "-i", "--rm", "images.example/x/mcp-secure-remote:1"],
            &["docker", "run", "-i", "--name", "mcp-secure-remote", "mcp-secure-remote"],
        ] {
            let args = [&words[1..], &[url, "--tls-servername", "mcp-secure-remote"]].concat();
            let entry = json!({"command": words[0], "args": args});
            let expected = Start::ours(&[url, "--tls-servername", "mcp-secure-remote"], &[]);
            assert_eq!(start(&entry), expected, "{words:?}");
        }
        let entry = json!({"command": "mcp-secure-remote",
            "args": ["--tls-ca", "/etc/mcp-secure-remote", "https://a/"]});
        assert_eq!(
            start(&entry),
            Start::ours(&["--tls-ca", "/etc/mcp-secure-remote", "https://a/"], &[])
        );
    }

    #[test]
    fn what_is_not_ours_is_skipped_with_the_reason() {
        let ours = |more: Value| {
            let mut entry = json!({"command": "mcp-secure-remote", "args": ["https://a/"]});
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        for (entry, reason) in [
            (json!({"command": "npx", "args": ["-y", "server"]}), "not this program: npx"),
            (json!({"url": "https://c/"}), "reached by the host itself"),
            (json!({"httpUrl": "https://c/"}), "reached by the host itself"),
            (json!({}), "it has no command"),
            (json!(7), "it has no command"),
            (ours(json!({"disabled": true})), "disabled"),
            (ours(json!({"enabled": false})), "disabled"),
            (ours(json!({"env": {"T": "${input:token}"}})), "it asks its user for `token`"),
            (ours(json!({"args": ["${command:pick}"]})), "its host alone knows `${command:pick}`"),
        ] {
            match start(&entry) {
                Start::Other(told) => assert!(told.starts_with(reason), "{entry}: {told}"),
                other => panic!("{entry}: {other:?}"),
            }
        }
        let enabled = ours(json!({"disabled": false, "enabled": true}));
        assert_eq!(start(&enabled), Start::ours(&["https://a/"], &[]));
    }

    #[test]
    fn an_object_within_holds_it_where_the_host_has_one() {
        let expected = Start::ours(&["https://a/"], &[("T", "t")]);
        let inner = json!({"type": "stdio", "command": "mcp-secure-remote", "args": ["https://a/"], "env": {"T": "t"}});
        assert_eq!(start(&json!({"transport": inner, "disabled": false})), expected);
        let off = json!({"transport": inner, "disabled": true});
        assert_eq!(start(&off), Start::Other("disabled".to_owned()));
        let remote = start(&json!({"transport": {"type": "sse", "url": "https://c/"}}));
        assert_eq!(remote, Start::Other("reached by the host itself".to_owned()));
        let older = json!({"path": "mcp-secure-remote", "args": ["https://a/"], "env": {"T": "t"}});
        assert_eq!(start(&json!({"command": older})), expected);
    }

    #[test]
    fn variables_come_from_a_file_the_entry_and_the_container() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vars");
        std::fs::write(&path, "A=file\nB=file\n").unwrap();
        let entry = json!({
            "command": "docker",
            "args": ["run", "-e", "C=${env:KEY}", "-e", "D", "mcp-secure-remote", "https://${A}/${KEY}"],
            "envFile": path,
            "env": {"A": "a.example", "N": 5, "X": null},
        });
        let variables = [
            ("A", "file"),
            ("B", "file"),
            ("A", "a.example"),
            ("N", "5"),
            ("X", ""),
            ("C", "k.pem"),
        ];
        assert_eq!(start(&entry), Start::ours(&["https://a.example/k.pem"], &variables));
    }

    #[test]
    fn what_is_missing_is_named() {
        let with = |args: &[&str]| json!({"command": "mcp-secure-remote", "args": args});
        for (entry, told) in [
            (
                json!({"command": "mcp-secure-remote", "envFile": "/nonexistent/vars"}),
                "/nonexistent/vars",
            ),
            (with(&["https://${HOST}/"]), "the variable `HOST` is not set"),
            (with(&["https://a/", "--tls-ca=x/${CA}"]), "the variable `CA` is not set"),
        ] {
            match start(&entry) {
                Start::Broken(report) => assert!(report.error.contains(told), "{report}"),
                other => panic!("{entry}: {other:?}"),
            }
        }
        // The program itself fills these in.
        let args = ["https://a/", "--header", "A: ${T}", "--header=B: ${T}"];
        assert_eq!(start(&with(&args)), Start::ours(&args, &[]));
    }
}
