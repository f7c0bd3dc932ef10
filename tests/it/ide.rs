//! Entries in the configuration of hosts, and the bridge that starts from them.

mod forms;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::host::Host;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::probing::Probing;
use crate::support::reply::Reply;
use crate::support::secure::Pki;
use crate::support::terminal::Terminal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");

/// A user with a folder of their own, and nothing else in the environment.
struct User(TempDir);

/// What a command has said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.0.path().join(rest)
    }

    fn text(&self, rest: &str) -> String {
        fs::read_to_string(self.path(rest)).unwrap()
    }

    fn ide(&self, words: &[&str]) -> Said {
        self.ide_with(&[], words)
    }

    fn ide_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Said {
        let mut command = Command::new(PROGRAM);
        command.arg("ide").args(words).env_clear().env("HOME", self.0.path());
        command.envs(variables.iter().copied()).current_dir(self.0.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn well(&self, words: &[&str]) -> Said {
        let said = self.ide(words);
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
        said
    }
}

/// Each client with its files: the user's, the project's, and where in them the servers are.
const CLIENTS: [(&str, &str, Option<&str>, &str); 12] = [
    ("claude-desktop", ".config/Claude/claude_desktop_config.json", None, "mcpServers"),
    ("claude-code", ".claude.json", Some(".mcp.json"), "mcpServers"),
    ("cursor", ".cursor/mcp.json", Some(".cursor/mcp.json"), "mcpServers"),
    ("windsurf", ".codeium/windsurf/mcp_config.json", None, "mcpServers"),
    (
        "cline",
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
        None,
        "mcpServers",
    ),
    ("cline-cli", ".cline/data/settings/cline_mcp_settings.json", None, "mcpServers"),
    (
        "continue",
        ".continue/mcpServers/example.json",
        Some(".continue/mcpServers/example.json"),
        "mcpServers",
    ),
    ("zed", ".config/zed/settings.json", Some(".zed/settings.json"), "context_servers"),
    ("vscode", ".config/Code/User/mcp.json", Some(".vscode/mcp.json"), "servers"),
    ("jetbrains", ".junie/mcp/mcp.json", Some(".junie/mcp/mcp.json"), "mcpServers"),
    ("gemini", ".gemini/settings.json", Some(".gemini/settings.json"), "mcpServers"),
    ("codex", ".codex/config.toml", Some(".codex/config.toml"), "mcp_servers"),
];

/// A file, as another parser than the program's reads it.
fn whole(file: &str, text: &str) -> Value {
    if file.ends_with(".toml") {
        toml::from_str(text).unwrap()
    } else {
        serde_json::from_str(text).unwrap()
    }
}

/// Its entry `example`.
fn entry(file: &str, text: &str, key: &str) -> Value {
    whole(file, text)[key]["example"].clone()
}

/// Does what a host does with it.
fn start(entry: &Value) -> Host {
    assert_eq!(entry["command"], PROGRAM, "{entry}");
    let args = entry["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let env = entry["env"].as_object().into_iter().flatten();
    let launch = Launch::bare().args(args);
    env.fold(launch, |launch, (name, value)| launch.env(name, value.as_str().unwrap())).start()
}

#[cfg(target_os = "linux")]
#[test]
fn the_bridge_starts_from_the_entry_of_each_client_and_the_probe_finds_it() {
    let remote = Plan::legacy().start();
    let url = remote.url();
    for (client, file, _, key) in CLIENTS {
        let user = User::new();
        let words = ["--name", "example", &url, "--allow-http", "--header", "X-Api-Key: marker"];
        let said = user.well(&[&["install", client, "--yes"], &words[..]].concat());
        assert!(said.err.contains("  ok    session"), "it is probed first: {said:?}");
        assert!(!said.out.contains("marker"), "{said:?}");
        let text = user.text(file);
        let shown = user.well(&[&["show", client], &words[..]].concat());
        assert_eq!(shown.out, text, "{client}");
        forms::check(client, &whole(file, &text));
        let found = entry(file, &text, key);
        assert!(!found["args"].to_string().contains("marker"), "{found}");
        let mut host = start(&found);
        host.initialize();
        host.finish();
        let heard = remote.requests("initialize");
        assert_eq!(heard.last().unwrap().header("x-api-key"), Some("marker"), "{client}");
        let (code, rows) = Probing::all(user.path(file).to_str().unwrap()).json();
        assert_eq!((code, &rows[0]["name"]), (Some(0), &"example".into()), "{rows:#}");
        assert_eq!(rows[0]["findings"]["ok"], true, "{rows:#}");
        let listed = user.well(&["list"]).out;
        assert_eq!(listed.matches("  ours: example\n").count(), 1, "{client}: {listed}");
        user.well(&["remove", client, "--name", "example", "--yes"]);
        assert_eq!(fs::read_dir(user.0.path()).unwrap().count(), 0, "{client}");
    }
}

#[test]
fn a_project_has_a_file_of_its_own_where_its_client_reads_one() {
    for (client, _, project, _) in CLIENTS {
        let user = User::new();
        let words = ["--name", "example", "https://a.example/mcp", "--header", "Cookie: x"];
        let words = [&words[..], &["--no-probe", "--yes", "--project"]].concat();
        let said = user.ide(&[&["install", client], &words[..]].concat());
        match project {
            Some(file) => {
                assert_eq!(said.code, Some(0), "{said:?}");
                assert_eq!(said.err.matches("often shared with others").count(), 1, "{said:?}");
                assert!(user.path(file).is_file(), "{client}");
                let waits = ["claude-code", "zed", "codex"].contains(&client);
                assert_eq!(said.err.contains("once you trust it there"), waits, "{said:?}");
            }
            None => {
                assert_eq!(said.code, Some(2), "{said:?}");
                assert!(said.err.contains("keeps no servers in a project"), "{said:?}");
            }
        }
    }
}

#[test]
fn each_system_and_launcher_has_its_snippet() {
    let user = User::new();
    for (client, file, _, key) in CLIENTS {
        for os in ["linux", "macos", "windows"] {
            for via in ["binary", "uvx", "npx", "docker"] {
                let folder = if os == "windows" { r"C:\pki\" } else { "/pki/" };
                let ca = format!("{folder}ca.crt");
                let words = ["show", client, "--os", os, "--via", via, "--name", "example"];
                let server = ["https://a.example/mcp", "--tls-ca", &ca];
                let headers = ["--header", "X-Api-Key: marker", "--header", "A: ${TOKEN}"];
                let said = user.well(&[&words[..], &server[..], &headers[..]].concat());
                let text = whole(file, &said.out);
                forms::check(client, &text);
                let found = &text[key]["example"];
                let (command, args) = started(os, via, folder);
                assert_eq!(found["command"], command, "{found}");
                assert_eq!(found["args"], serde_json::json!(args), "{found}");
                let secret = serde_json::json!({"MCP_REMOTE_HEADER_X_API_KEY": "marker"});
                assert_eq!(found["env"], secret, "{found}");
                // It passes on what it is told to, and the others all that they have, or little.
                let asked = if client == "codex" { "[\"TOKEN\"]" } else { "null" };
                assert_eq!(found["env_vars"].to_string(), asked, "{found}");
                let is_poor = ["claude-desktop", "cline"].contains(&client);
                let told = "passes few of its variables on; use `--header-file` for TOKEN";
                assert_eq!(said.err.contains(told), is_poor, "{said:?}");
                assert!(said.err.contains(" reads it from "), "{said:?}");
            }
        }
    }
    let said = user.well(&["show", "generic", "--name", "example", "https://a.example/mcp"]);
    assert!(!said.err.contains("reads it from"), "{said:?}");
    let text = whole("x.json", &said.out);
    forms::check("generic", &text);
    assert_eq!(text["mcpServers"]["example"]["command"], PROGRAM);
}

/// How a client on `os` starts the bridge with a file of this folder, and two headers.
fn started(os: &str, via: &str, folder: &str) -> (String, Vec<String>) {
    let here = if cfg!(target_os = "macos") { "macos" } else { "linux" };
    let package = format!("mcp-secure-remote@{}", env!("CARGO_PKG_VERSION"));
    let user = fs::metadata("/proc/self").ok();
    let user = user.map(|it| format!("{}:{}", MetadataExt::uid(&it), MetadataExt::gid(&it)));
    let mount = format!("{}:/certs:ro", folder.strip_suffix(['/', '\\']).unwrap());
    let variables = ["-e", "MCP_REMOTE_HEADER_X_API_KEY", "-e", "TOKEN", "mcp-secure-remote"];
    let (command, first): (&str, Vec<&str>) = match (via, os) {
        ("binary", _) if os == here => (PROGRAM, vec![]),
        ("binary", "windows") => ("mcp-secure-remote.exe", vec![]),
        ("binary", _) => ("mcp-secure-remote", vec![]),
        ("uvx", _) => ("uvx", vec![&package]),
        ("npx", "windows") => ("cmd", vec!["/c", "npx", "-y", &package]),
        ("npx", _) => ("npx", vec!["-y", &package]),
        _ => {
            let mut args = vec!["run", "-i", "--rm", "-v", &mount];
            if let Some(user) = user.as_ref().filter(|_| os == "linux") {
                args.extend(["--user", user]);
            }
            ("docker", [&args[..], &variables[..]].concat())
        }
    };
    let ca = format!("{}ca.crt", if via == "docker" { "/certs/" } else { folder });
    let own = ["https://a.example/mcp", "--tls-ca", &ca];
    let headers =
        ["--header", "X-Api-Key: ${MCP_REMOTE_HEADER_X_API_KEY}", "--header", "A: ${TOKEN}"];
    let args = first.into_iter().chain(own).chain(headers).map(str::to_owned);
    (command.to_owned(), args.collect())
}

#[test]
fn a_certificate_that_was_named_by_a_relative_path_is_found_wherever_the_host_starts_the_bridge() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["http/1.1"])).start();
    let user = User::new();
    fs::create_dir(user.path("pki")).unwrap();
    for name in ["client.crt", "client.key", "ca.crt"] {
        fs::copy(pki.path(name), user.path("pki").join(name)).unwrap();
    }
    let url = remote.url();
    let flags = ["--tls-cert", "pki/client.crt", "--tls-key", "./pki/client.key", "--tls-ca"];
    let words = ["install", "claude-code", "--name", "example", &url];
    user.well(&[&words[..], &flags[..], &["pki/ca.crt", "--yes", "--project"]].concat());
    let mut host = start(&entry(".json", &user.text(".mcp.json"), "mcpServers"));
    host.initialize();
    host.finish();
    // Without it, nobody is let in, and nothing is installed.
    let said =
        user.ide(&["install", "cursor", "--name", "example", &url, "--tls-ca", "pki/ca.crt"]);
    assert!(said.code == Some(1) && said.err.contains("nothing was installed"), "{said:?}");
}

#[test]
fn a_server_that_cannot_be_used_is_not_installed() {
    let remote = Plan::legacy().always("initialize", Reply::status(403)).start();
    let user = User::new();
    let url = remote.url();
    let words = ["install", "cursor", "--name", "x", &url, "--allow-http", "--yes"];
    let said = user.ide(&words);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("nothing was installed") && said.err.contains("403"), "{said:?}");
    assert!(!user.path(".cursor").exists());
    user.well(&[&words[..], &["--no-probe"]].concat());
    assert!(user.path(".cursor/mcp.json").is_file());
}

#[test]
fn without_a_terminal_the_change_is_shown_and_not_made() {
    let user = User::new();
    let words = ["install", "vscode", "--name", "x", "https://a.example/", "--no-probe"];
    let said = user.ide(&words);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.out.contains("+  \"servers\": {\n") && said.err.contains("`--yes`"), "{said:?}");
    assert_eq!(fs::read_dir(user.0.path()).unwrap().count(), 0);
    user.well(&[&words[..], &["--yes"]].concat());
    let before = user.text(".config/Code/User/mcp.json");
    let said = user.ide(&["remove", "vscode", "--name", "x"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(user.text(".config/Code/User/mcp.json"), before);
}

#[test]
fn at_a_terminal_somebody_is_asked() {
    for (answer, code) in [("y\n", 0), ("n\n", 1), ("\n", 1)] {
        let user = User::new();
        let home = user.0.path().display();
        let line = format!(
            "env -i PATH=/usr/bin:/bin HOME='{home}' '{PROGRAM}' ide install cursor --name x https://a.example/ \
             --no-probe"
        );
        let mut terminal = Terminal::start(user.0.path(), &line);
        terminal.answer("Change the file so? [y/N] ", answer);
        let (status, shown) = terminal.end();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert_eq!(user.path(".cursor/mcp.json").exists(), code == 0, "{shown}");
        assert_eq!(shown.contains("nothing was changed"), code == 1, "{shown}");
    }
}

#[test]
fn what_is_installed_at_the_same_time_is_all_there() {
    let user = User::new();
    for verb in ["install", "remove"] {
        let names: Vec<String> = (0..8).map(|number| format!("n{number}")).collect();
        let start = |name: &String| {
            let mut command = Command::new(PROGRAM);
            command.args(["ide", verb, "cursor", "--yes", "--name", name]);
            if verb == "install" {
                command.args(["https://a.example/", "--no-probe"]);
            }
            command.env_clear().env("HOME", user.0.path()).current_dir(user.0.path());
            command.stdout(Stdio::null()).spawn().unwrap()
        };
        let mut running: Vec<_> = names.iter().map(start).collect();
        for child in &mut running {
            assert!(child.wait().unwrap().success());
        }
        if verb == "install" {
            let servers = whole("x.json", &user.text(".cursor/mcp.json"))["mcpServers"].clone();
            assert_eq!(servers.as_object().unwrap().len(), names.len());
        }
    }
    assert!(!user.path(".cursor/mcp.json").exists());
}

#[test]
fn what_was_secret_is_nowhere_after_it_was_removed() {
    let user = User::new();
    fs::create_dir(user.path(".cursor")).unwrap();
    fs::write(user.path(".cursor/mcp.json"), "{}").unwrap();
    let words = ["install", "cursor", "--name", "n", "https://a.example/", "--no-probe", "--yes"];
    let secrets = ["--tls-pfx", "p", "--tls-passphrase", "a", "--header", "Authorization: b"];
    let first = user.well(&[&words[..], &secrets].concat());
    assert!(first.err.contains("a secret comes into it"), "{first:?}");
    let second = user.well(&[&words[..], &["--debug"]].concat());
    assert!(second.out.contains("brought up to date"), "{second:?}");
    assert!(!second.err.contains("a secret comes into it"), "{second:?}");
    user.well(&["remove", "cursor", "--name", "n", "--yes"]);
    assert_eq!(user.text(".cursor/mcp.json"), "{}");
    assert_eq!(fs::read_dir(user.path(".cursor")).unwrap().count(), 1);
}

#[test]
fn a_hand_made_file_is_as_it_was_after_install_and_remove() {
    let user = User::new();
    let mine = "\u{feff}// mine\r\n{\r\n\t\"context_servers\": {\r\n\t\t\"a\": { \"command\": \"x\", }, /* a */\r\n\
                \t},\r\n\t\"theme\": \"One\", // dark\r\n}";
    let file = user.path(".config/zed/settings.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, mine).unwrap();
    let words = ["install", "zed", "--name", "n", "https://a.example/", "--no-probe", "--yes"];
    let secrets = ["--tls-pfx", "p", "--tls-passphrase", "a", "--header", "Cookie: b"];
    user.well(&[&words[..], &secrets[..]].concat());
    let now = user.text(".config/zed/settings.json");
    let entry = "\r\n\t\t\"n\": {\r\n\t\t\t\"source\": \"custom\",\r\n\t\t\t\"command\": \"";
    assert!(now.contains(&format!("}}, /* a */{entry}")), "{now}");
    let said = user.well(&["remove", "zed", "--name", "n", "--yes"]);
    assert!(said.out.contains("the file is as it was before"), "{said:?}");
    assert_eq!(user.text(".config/zed/settings.json"), mine);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn flags_come_back_in_one_order_with_absolute_paths_and_without_secrets() {
    let user = User::new();
    for name in ["c.crt", "c.key", "h"] {
        fs::write(user.path(name), "").unwrap();
    }
    let said = user.ide_with(
        &[("TOKEN", "t"), ("MCP_REMOTE_TLS_CA", "/elsewhere")],
        &[
            "show",
            "cursor",
            "--debug",
            "--tls-passphrase=-secret-",
            "--header",
            "Cookie: marker",
            "--tls-key",
            "c.key",
            "--name",
            "example",
            "--log-format=json",
            "https://a.example/mcp",
            "--tls-cert",
            "./c.crt",
            "--tls-min-version",
            "TLSv1.3",
            "--connect-timeout",
            "5s",
            "--request-timeout",
            "1m",
            "--max-message-size",
            "1MiB",
            "--transport",
            "http-only",
            "--header",
            "A: ${TOKEN}",
            "--header",
            "cookie: marker2",
            "--header-file",
            "h",
            "--no-reinitialize",
            "--tls-servername",
            "b.example",
            "--tls-no-verify",
            "--allow-http",
            "--tls-crl",
            "1",
            "--tls-crl",
            "2",
            "--tls-ca",
            "ca",
            "--tls-ca-only=yes",
        ],
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    let found = entry("x.json", &said.out, "mcpServers");
    let args: Vec<&str> =
        found["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let home = user.0.path().to_str().unwrap();
    let expected = format!(
        "https://a.example/mcp|--tls-cert|{home}/c.crt|--tls-key|{home}/c.key|--tls-ca|{home}/ca|\
         --tls-ca-only=yes|--tls-crl|{home}/1|--tls-crl|{home}/2|--tls-servername|b.example|\
         --tls-min-version|TLSv1.3|--tls-insecure-skip-verify|--header|A: ${{TOKEN}}|--header|\
         cookie: ${{MCP_REMOTE_HEADER_COOKIE}}|--header-file|{home}/h|--transport|http-only|--allow-http|\
         --connect-timeout|5s|--request-timeout|1m|--max-message-size|1MiB|--no-reinitialize|--debug|\
         --log-format|json"
    );
    assert_eq!(args.join("|"), expected);
    let env = serde_json::json!({"MCP_REMOTE_HEADER_COOKIE": "marker2", "MCP_REMOTE_TLS_PASSPHRASE": "-secret-"});
    assert_eq!(found["env"], env);
    assert!(!said.err.contains("marker") && !said.err.contains("secret-"), "{said:?}");
    for told in [
        "WARNING: the passphrase stands in the configuration",
        "WARNING: the value of header 'cookie' stands in the configuration",
        "WARNING: TOKEN is not put into the configuration",
        "WARNING: MCP_REMOTE_TLS_CA is set here alone",
    ] {
        assert!(said.err.contains(told), "{told}: {said:?}");
    }
}

#[test]
fn headers_of_the_same_variable_get_one_each() {
    let user = User::new();
    let words = ["show", "cursor", "--name", "example", "https://a.example/"];
    let headers = ["--header", "X-Api-Key: one", "--header", "X_Api_Key: two"];
    let found = entry("x.json", &user.well(&[&words[..], &headers].concat()).out, "mcpServers");
    let name = "MCP_REMOTE_HEADER_X_API_KEY";
    assert_eq!(found["env"], serde_json::json!({name: "one", format!("{name}_2"): "two"}));
    assert_eq!(found["args"][4], format!("X_Api_Key: ${{{name}_2}}"));
}

#[test]
fn the_server_is_tried_as_the_client_will_reach_it() {
    let remote = Plan::legacy().start();
    let user = User::new();
    let url = remote.url();
    let words = ["install", "cursor", "--name", "x", &url, "--allow-http", "--yes"];
    // The client does not get it.
    let said = user.ide_with(&[("MCP_REMOTE_TLS_MIN_VERSION", "SSLv3")], &words);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("WARNING: MCP_REMOTE_TLS_MIN_VERSION is set here"), "{said:?}");
}

#[test]
fn what_a_user_should_know_is_told() {
    let user = User::new();
    let show = |words: &[&str]| {
        let first = ["show", words[0], "--name", "example"];
        user.well(&[&first[..], &words[1..]].concat()).err
    };
    let inside = "`localhost` is the container itself";
    assert!(show(&["cursor", "https://localhost/", "--via", "docker"]).contains(inside));
    assert!(!show(&["cursor", "https://localhost/"]).contains(inside));
    assert!(show(&["gemini", "https://a.example/"]).contains("in folders alone that you trust"));
    assert!(show(&["cline", "https://a.example/"]).contains("reads the file of `cline-cli`"));
    let relative = ["cursor", "https://a.example/", "--os", "windows", "--tls-ca", "ca.crt"];
    assert!(show(&relative).contains("`ca.crt` is not absolute on windows"));
    let told = "Gemini CLI fills in `$NAME`";
    for words in [
        &["https://a.example/$x"][..],
        &["https://a.example/", "--tls-ca", "/$x/ca"],
        &["https://a.example/", "--header", "A: $x"],
    ] {
        let said = show(&[&["gemini"], words].concat());
        assert_eq!(said.matches(told).count(), 1, "{said}");
        assert!(!show(&[&["cursor"], words].concat()).contains(told));
    }
    assert!(!show(&["gemini", "https://a.example/", "--header", "A: ${x}"]).contains(told));
    let query = "a secret in the query of the URL";
    assert!(show(&["cursor", "https://a.example/?token=x"]).contains(query));
    assert!(show(&["cursor", "https://a.example/?token=x", "--tls-ca", "none"]).contains(query));
    fs::create_dir(user.path(".cursor")).unwrap();
    fs::write(user.path(".cursor/mcp.json"), "{").unwrap();
    let listed = user.well(&["list"]).out;
    assert_eq!(listed.matches("cannot be read: it is not JSON: ").count(), 1, "{listed}");
}

#[test]
fn a_link_to_the_program_is_kept() {
    let user = User::new();
    fs::create_dir(user.path("bin")).unwrap();
    let link = user.path("bin/mcp-secure-remote");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let bin = user.path("bin");
    for program in [link.to_str().unwrap(), "bin/mcp-secure-remote", "mcp-secure-remote"] {
        let mut command = Command::new(&link);
        std::os::unix::process::CommandExt::arg0(&mut command, program);
        command.args(["ide", "show", "cursor", "--name", "example", "https://a.example/"]);
        command.env_clear().env("HOME", user.0.path()).env("PATH", &bin);
        let output = command.current_dir(user.0.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(entry("x.json", &text, "mcpServers")["command"], link.to_str().unwrap());
    }
}

#[test]
fn what_is_wrong_is_told_before_anything_is_done() {
    let user = User::new();
    let url = "https://a.example/";
    for (words, told) in [
        (&[][..], "Missing command: list, show, install or remove"),
        (&["install"], "Missing <client>"),
        (&["install", "emacs", "--name", "x", url], "Unknown client: emacs"),
        (&["install", "cursor", url], "Missing --name <name>"),
        (&["install", "cursor", "--name", "a b", url], "--name must be made of letters"),
        (&["install", "cursor", "--name", "../x", url], "--name must be made of letters"),
        (
            &["install", "cursor", "--name", "x"],
            "Missing required positional argument: <server-url>",
        ),
        (&["install", "cursor", "--name", "x", "ftp://a/"], "Server URL must use http(s)"),
        (
            &["install", "cursor", "--name", "x", url, "--tls-cert", "a"],
            "Both --tls-cert and --tls-key",
        ),
        (&["install", "generic", "--name", "x", url], "has no file that is known here"),
        (&["show", "cursor", "--name", "x", url, "--via", "snap"], "--via must be one of"),
        (&["show", "cursor", "--name", "x", url, "--os", "beos"], "--os must be one of"),
        (&["show", "cursor", "--name", "x", url, "--image", "y"], "--image requires --via docker."),
        (
            &["show", "cursor", "--name", "x", url, "--via", "docker", "--image", "y"],
            "would not be known again",
        ),
        (
            &[
                "show",
                "cursor",
                "--name",
                "x",
                url,
                "--via",
                "docker",
                "--image",
                "a b/mcp-secure-remote",
            ],
            "--image must be the name of an image",
        ),
        (
            &["show", "cursor", "--name", "x", url, "--via", "docker", "--tls-ca", "/a,b/ca.crt"],
            "Docker cannot mount `/a,b`",
        ),
        (&["remove", "cursor", "--name", ""], "--name must be made of letters"),
        (&["remove", "continue", "--name", "../x"], "--name must be made of letters"),
        (
            &["show", "cursor", "--name", "x", "https://a/?b&c", "--via", "npx", "--os", "windows"],
            "would obey a character",
        ),
        (
            &["remove", "cursor", "--name", "x", "--project", "--file", "y"],
            "Use either --project OR --file, not both.",
        ),
        (&["remove", "cursor", "--name", "x", url], "Unexpected positional argument"),
        (
            &["install", "gemini", "--name", "x", url, "--header", "X-Api-Key: a$b", "--no-probe"],
            "Gemini CLI would change the value of MCP_REMOTE_HEADER_X_API_KEY",
        ),
        (
            &["show", "claude-code", "--name", "x", url, "--tls-passphrase", "${HOME}"],
            "Claude Code would change the value of MCP_REMOTE_TLS_PASSPHRASE",
        ),
        (&["install", "cursor", "--name", "x", url, "--header", "A: b", "marker"], "***"),
    ] {
        let said = user.ide(words);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{words:?}: {said:?}");
        assert!(said.err.contains(told), "{words:?}: {said:?}");
        assert!(said.err.contains("Usage: mcp-secure-remote ide"), "{said:?}");
    }
    assert_eq!(fs::read_dir(user.0.path()).unwrap().count(), 0);
    let said = user.ide(&["remove", "cursor", "--name", "x", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let missing = ["install", "cursor", "--name", "x", url, "--header-file", "none", "--yes"];
    let said = user.ide(&missing);
    assert!(said.code == Some(1) && said.err.contains("no such file"), "{said:?}");
    assert!(!user.path(".cursor").exists());
}

#[test]
fn what_is_listed_can_be_removed_by_its_name() {
    let user = User::new();
    fs::create_dir(user.path(".cursor")).unwrap();
    let text = r#"{"mcpServers": {"a.b c": {"command": "mcp-secure-remote"}}}"#;
    fs::write(user.path(".cursor/mcp.json"), text).unwrap();
    assert!(user.well(&["list"]).out.contains("  ours: a.b c\n"));
    user.well(&["remove", "cursor", "--name", "a.b c", "--yes"]);
    assert_eq!(user.text(".cursor/mcp.json"), r#"{"mcpServers": {}}"#);
}

#[test]
fn another_file_can_be_named() {
    let user = User::new();
    fs::write(user.path("mine.json"), "{}").unwrap();
    let words = ["--name", "x", "--file", "mine.json", "--yes"];
    user.well(&[&["install", "generic", "https://a.example/", "--no-probe"], &words[..]].concat());
    assert!(user.text("mine.json").contains("\"mcpServers\""));
    user.well(&[&["remove", "generic"], &words[..]].concat());
    assert_eq!(user.text("mine.json"), "{}");
    let words = ["--name", "x", "--file", "new/mine.json", "--yes"];
    user.well(&[&["install", "generic", "https://a.example/", "--no-probe"], &words[..]].concat());
    user.well(&[&["remove", "generic"], &words[..]].concat());
    let left = fs::read_dir(user.path("new")).unwrap().count();
    assert_eq!(left, 0, "the file is gone, its folder is the user's");
    let moved = user.path("moved");
    let codex = [("CODEX_HOME", moved.to_str().unwrap())];
    let words = ["install", "codex", "--name", "x", "https://a.example/", "--no-probe", "--yes"];
    assert_eq!(user.ide_with(&codex, &words).code, Some(0));
    assert!(moved.join("config.toml").is_file());
}
