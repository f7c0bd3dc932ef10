//! Streams, exit codes and secrets of the real program.

use std::process::Command;
use std::process::Output;
use std::process::Stdio;

const URL: &str = "https://127.0.0.1:1/mcp";

/// The program with these arguments and none of the variables that it knows.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"));
    let known = |name: &str| {
        let name = name.to_ascii_uppercase();
        name.starts_with("MCP_REMOTE_") || name.ends_with("_PROXY")
    };
    for (name, _) in std::env::vars().filter(|(name, _)| known(name)) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().expect("the program starts")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("UTF-8")
}

#[test]
fn an_argument_error_is_exit_code_2_and_leaves_standard_output_alone() {
    for args in [
        &[][..],
        &["--unknown"],
        &["-x"],
        &[URL, "--tls-cert"],
        &[URL, "--header=a\r\nb: c"],
        &[URL, "--header=A: b\r\nX: y"],
        &["http://127.0.0.1/"],
        &[URL, "--tls-pfx=a", "--tls-cert=b", "--tls-key=c"],
        &["demo", "--tls-ca=x"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let text = stderr(&output);
        assert!(text.starts_with("Argument error: "), "{text}");
        let is_demo = args.first() == Some(&"demo");
        let usage = if is_demo { "demo [--stdio]" } else { "<server-url> [options]" };
        assert!(text.contains(&format!("\nUsage: mcp-secure-remote {usage}\n")), "{text}");
    }
}

#[test]
fn a_file_that_is_missing_is_exit_code_1_with_cause_and_hint() {
    let output = run(&[URL, "--header-file", "/nonexistent/headers"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    let start = "error: unable to read `/nonexistent/headers`\ncause: no such file\nhint:  ";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn help_and_version_go_to_standard_output_alone() {
    for args in [["--help"], ["-h"], ["--version"], ["-V"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{args:?}");
    }
    let version = format!("mcp-secure-remote {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["-V"]).stdout, version.as_bytes());
}

#[test]
fn the_json_log_holds_nothing_but_objects_with_the_same_four_members() {
    let flags = ["--log-format=json", "--debug", "--tls-no-verify", "--tls-ca=/nonexistent"];
    let output = run(&[&[URL], &flags[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> = stderr(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert!(lines.len() >= 3, "a warning, the configuration and the failure: {lines:?}");
    for line in &lines {
        let members: Vec<_> = line.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["fields", "level", "message", "ts"]);
    }
    let last = &lines[lines.len() - 1];
    assert_eq!(last["level"], "ERROR");
    assert_eq!(last["fields"]["cause"], "no such file");
}

#[test]
fn silent_leaves_errors_and_the_warning_about_verification() {
    let secret = ["--header=Cookie: x", "--silent"];
    let output = run(&[&[URL], &secret[..]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let output = run(&[&[URL, "--tls-no-verify"], &secret[..]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).starts_with("WARNING: TLS server certificate verification disabled."));
    assert_eq!(stderr(&output).lines().count(), 1);
}

#[test]
fn no_secret_is_logged_at_debug_level_with_backtraces() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the text is written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let headers = file("headers", "Authorization: Bearer marker-1\nX-Plain: ${PLAIN}\n");
    let passphrase = file("passphrase", "marker-2\n");
    let bundle = file("client.p12", "marker-3, not a bundle");
    let output = program(&["https://127.0.0.1:1/mcp?key=marker-4", "--debug"])
        .args(["--header-file", &headers, "--header", "Cookie: marker-5"])
        .args(["--tls-pfx", &bundle, "--tls-passphrase-file", &passphrase])
        .env("PLAIN", "marker-6")
        .env("HTTPS_PROXY", "http://user:marker-7@127.0.0.1:1")
        .env("RUST_BACKTRACE", "full")
        .env("RUST_LOG", "trace")
        .output()
        .expect("the program starts");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty());
    assert!(text.contains("authorization") && text.contains("[debug] "), "{text}");
    assert!(!text.contains("marker"), "{text}");
}

#[test]
fn no_argument_error_repeats_a_secret() {
    for args in [
        &["https://user:marker@host/"][..],
        &["https://user:mar/marker@host:x/"],
        &["https://host:x/?key=marker"],
        &[URL, "--header", "Authorization", "Bearer", "marker"],
        &[URL, "--header", "Authorization:", "Bearer", "marker"],
        &["--header", "Authorization:", "marker"],
        &[URL, "--header", "Bearer marker9"],
        &[URL, "--header", "Authorization: marker\u{e9}"],
        &[URL, "--header", "Content-Type: marker"],
        &[URL, "--header=A: ${marker:-marker", "--debug"],
        &[URL, "--tls-passphrase", "correct", "horse", "marker"],
        &[URL, "--tls-passphrase", "marker"],
        &[URL, "--tls-passphrase", "-marker"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!stderr(&output).contains("marker"), "{args:?}: {}", stderr(&output));
    }
}

#[cfg(unix)]
#[test]
fn the_program_is_the_probe_where_it_is_called_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("mcp-secure-remote-client");
    let program = env!("CARGO_BIN_EXE_mcp-secure-remote");
    std::os::unix::fs::symlink(program, &link).expect("a link");
    let output = Command::new(link).arg("--version").output().expect("the program starts");
    let version = format!("mcp-secure-remote-client {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(output.stdout, version.as_bytes());
}

#[cfg(unix)]
#[test]
fn closed_standard_streams_are_no_crash() {
    let script = r#""$0" "$@" 2>&-; echo $?; "$0" --help >&- 2>&-; echo $?"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mcp-secure-remote")])
        .args([URL, "--debug", "--tls-no-verify", "--header-file=/nonexistent"])
        .output()
        .expect("a shell");
    assert_eq!(str::from_utf8(&output.stdout), Ok("1\n0\n"));
}
