//! The file of `serve --config`, as `serve --check` understands it.

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::faces::program;

/// A folder with this text in `serve.toml`.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("serve.toml"), text).expect("written");
    folder
}

fn check(file: &Path, more: &[&str]) -> Output {
    let file = file.to_str().expect("UTF-8");
    let args = [&["serve", "--check", "--config", file][..], more].concat();
    program(&args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

/// What is printed for a file that is right.
#[track_caller]
fn in_force(config: &str, more: &[&str]) -> String {
    let folder = folder(config);
    let output = check(&folder.path().join("serve.toml"), more);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|its_line| its_line == line), "no `{line}` in\n{text}");
}

#[test]
fn the_file_has_the_names_of_the_flags() {
    let config = "listen = ['127.0.0.1:1', '[::1]:2']\nshared = true\nmax-sessions = 10\n\
        idle-timeout = '7s'\nmax-body-size = '1MiB'\nsilent = false\ncommand = ['sh', '-c', 'cat']\n";
    let text = in_force(config, &[]);
    has(&text, "listen = [\"127.0.0.1:1\", \"[::1]:2\"]");
    has(&text, "shared = true");
    has(&text, "max-sessions = 10");
    has(&text, "idle-timeout = \"7s\"");
    has(&text, "silent = false");
    has(&text, "command = [\"sh\", \"-c\", \"cat\"]");
    // A default.
    has(&text, "max-connections = 2048");
}

#[test]
fn what_is_typed_wins_over_the_file_and_the_file_over_a_variable() {
    let config = "listen = ['127.0.0.1:1', '127.0.0.1:2']\nmax-sessions = 10\nmax-starting = 3\n\
        command = ['false']\ntls-min-version = 'TLSv1.3'\n";
    let text = in_force(config, &["--listen=127.0.0.1:3", "--max-sessions=20", "--", "sh"]);
    has(&text, "listen = [\"127.0.0.1:3\"]");
    has(&text, "max-sessions = 20");
    has(&text, "max-starting = 3");
    has(&text, "command = [\"sh\"]");
    for (config, code) in [(config, 0), ("command = ['sh']\n", 2)] {
        let folder = folder(config);
        let mut command = program(&["serve", "--check", "--config"]);
        command.arg(folder.path().join("serve.toml"));
        let output = command.env("MCP_REMOTE_TLS_MIN_VERSION", "nonsense").output();
        assert_eq!(output.expect("the program starts").status.code(), Some(code), "{config}");
    }
}

#[test]
fn a_relative_path_begins_at_the_folder_of_the_file() {
    let folder = folder("directory = 'work'\ncommand = ['./server']\n");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(path("work")).expect("a folder");
    fs::copy("/bin/sh", path("server")).expect("a program");
    let output = check(&folder.path().join("serve.toml"), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    has(text(&output.stdout), &format!("directory = {:?}", path("work")));
    assert!(text(&output.stdout).contains(&path("server").replace("/server", "")));
}

#[test]
fn what_is_printed_is_a_file_that_means_the_same_and_holds_no_secret() {
    let config = "command = ['sh', 'a \"b\" c']\nenv = ['TOKEN=marker']\npass-env = ['X']\n\
        allow-host = ['a.example']\nadmin = '127.0.0.1:0'\n";
    let text = in_force(config, &["--env", "KEY=marker", "--kill-timeout", "1500ms"]);
    assert!(!text.contains("marker"), "{text}");
    has(&text, "# values are not shown: env = [\"KEY=***\"]");
    let again = in_force(&text, &[]);
    let without_comment = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_comment(&again), without_comment(&text));
}

#[test]
fn a_variable_that_is_to_be_passed_and_is_not_set_is_warned_about() {
    let folder =
        folder("command = ['true']\npass-env = ['TEST_SET', 'TEST_UNSET', 'TEST_GIVEN']\n");
    let file = folder.path().join("serve.toml");
    let file = file.to_str().expect("UTF-8");
    let mut command = program(&["serve", "--check", "--env=TEST_GIVEN=1", "--config", file]);
    let output = command.env("TEST_SET", "1").output().expect("the program starts");
    let said = text(&output.stderr);
    let warned: Vec<_> = said.lines().filter(|line| line.contains("no such variable")).collect();
    let [line] = warned[..] else { panic!("{said}") };
    assert!(line.contains("WARNING: --pass-env TEST_UNSET: "), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn what_is_wrong_in_the_file_is_told_by_its_line() {
    for (config, words) in [
        (
            "shared = true\nmax-sesions = 1\n",
            "line 2: unknown key `max-sesions`\nhint:  did you mean `max-sessions`?",
        ),
        ("cert = 'x'\n", "line 1: unknown key `cert`\nhint:  did you mean `tls-cert`?"),
        ("\nconfig = 'x'\n", "line 2: unknown key `config`"),
        ("[tls]\ncert = 'x'\n", "line 1: unknown key `tls`"),
        ("shared = 1\n", "line 1: `shared` must be true or false"),
        ("listen = '127.0.0.1:1'\n", "line 1: `listen` must be a list of texts"),
        ("max-sessions = true\n", "line 1: `max-sessions` must be a text or a number"),
        ("command = []\n", "line 1: `command` must be a list of texts"),
        ("shared = true\nshared = false\n", "line 2: duplicate key"),
        ("shared = \n", "line 1: "),
        ("\n\nmax-sessions = 0\n", "line 3: --max-sessions must be a number"),
        ("listen = ['127.0.0.1']\n", "line 1: --listen must be an address and a port"),
        ("allow-host = ['a', 'b/c']\n", "line 1: --allow-host must be a host name or an address"),
        (
            "allow-origin = ['https://a/']\n",
            "line 1: --allow-origin must be a scheme and a host: `https://a/`\nhint:  an origin has \
             no path: `https://a`\n",
        ),
        ("pass-env = ['A=secret']\n", "line 1: --pass-env must be the name of a variable: A\n"),
        ("admin = '0.0.0.0:1'\n", "line 1: Refusing to show --admin on 0.0.0.0:1."),
    ] {
        let folder = folder(config);
        let output = check(&folder.path().join("serve.toml"), &["--", "sh"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{config}: {said}");
        assert!(output.stdout.is_empty(), "{config}");
        assert!(said.contains(&format!("serve.toml, {words}")), "{config}: {said}");
        assert!(said.contains("Usage: mcp-secure-remote serve "), "{said}");
    }
}

#[test]
fn what_a_file_names_and_cannot_be_used_is_told_by_its_line() {
    for (config, words) in [
        ("shared = true\ncommand = ['./none']\n", "hint:  check `command` in FILE, line 2;"),
        (
            "tls-cert = 'a'\ntls-key = 'b'\ncommand = ['sh']\n",
            "hint:  check `tls-cert` in FILE, line 1; relative paths begin at its folder\n",
        ),
        ("command = ['sh']\ndirectory = 'none'\n", "hint:  check `directory` in FILE, line 2;"),
        (
            "tls-cert = 'a'\ntls-key = 'b'\ntls-passphrase-file = 'c'\ncommand = ['sh']\n",
            "hint:  check `tls-passphrase-file` in FILE, line 3;",
        ),
    ] {
        let folder = folder(config);
        let file = folder.path().join("serve.toml");
        let output = check(&file, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{config}: {said}");
        let words = words.replace("FILE", &file.display().to_string());
        assert!(said.contains(&words), "{config}: {said}");
        assert!(!said.contains("editors"), "{said}");
    }
    // What is typed is not in the file.
    let folder = folder("tls-cert = 'a'\ncommand = ['sh']\n");
    let output = check(&folder.path().join("serve.toml"), &["--tls-cert=x", "--tls-key=y"]);
    let said = text(&output.stderr);
    assert!(said.contains("a relative one begins where this program was started"), "{said}");
}

#[test]
fn a_file_that_cannot_be_used_is_exit_code_1() {
    let folder = folder("command = ['sh']\n");
    let missing = check(&folder.path().join("none.toml"), &[]);
    let large = folder.path().join("large.toml");
    fs::write(&large, "#".repeat(70_000)).expect("written");
    let large = check(&large, &[]);
    let certificate = check(&folder.path().join("serve.toml"), &["--tls-cert=a", "--tls-key=b"]);
    let program = check(&folder.path().join("serve.toml"), &["--", "/nonexistent/program"]);
    for (output, words) in [
        (missing, "no such file"),
        (large, "over 65536 bytes"),
        (certificate, "no such file"),
        (program, "/nonexistent/program"),
    ] {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
    }
}
