//! Secrets stay where they are: not in logs, errors or files.

use serde_json::json;
use tempfile::TempDir;

use crate::support::host::Host;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::pki;
use crate::support::reply::Reply;
use crate::support::secure::Pki;

const MARKS: [&str; 6] =
    ["mark-header", "mark-file", "mark-variable", "mark-passphrase", "mark-query", "mark-body"];

/// Everything that a user could read: the log, the answers.
#[track_caller]
fn nothing_is_told(host: &Host) {
    let told = host.errors();
    assert!(!told.is_empty());
    for mark in MARKS {
        assert!(!told.contains(mark), "`{mark}` on standard error:\n{told}");
    }
    for line in host.lines() {
        let of_ours = line.contains("mcp-secure-remote");
        assert!(!of_ours || MARKS.iter().all(|mark| !line.contains(mark)), "{line}");
    }
}

/// A bridge that knows all the secrets and says as much as it can.
fn talkative(remote: &McpRemote, pki: &Pki, folder: &TempDir) -> Launch {
    let headers = pki::write(folder, "headers", "X-Token: mark-file\n");
    Launch::new(&format!("{}?key=mark-query", remote.url()))
        .args(pki.flags())
        .args(["--debug", "--header", "Authorization: Bearer mark-header"])
        .args(["--header", "X-Key: ${SECRET}", "--header-file"])
        .arg(headers)
        .env("SECRET", "mark-variable")
        .env("MCP_REMOTE_TLS_PASSPHRASE", "mark-passphrase")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
}

#[test]
fn the_log_of_a_session_holds_no_secret() {
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    for protocol in ["http/1.1", "h2"] {
        let remote = Plan::legacy().behind(pki.acceptor(&[protocol])).start();
        let mut host = talkative(&remote, &pki, &folder).start();
        host.initialize();
        host.call(1, "tools/call", json!({"name": "echo", "arguments": {"a": "mark-body"}}));
        host.finish();
        nothing_is_told(&host);
        // They did go where they belong.
        let call = remote.requests("tools/call").pop().unwrap();
        assert_eq!(call.header("authorization"), Some("Bearer mark-header"));
        assert_eq!(call.header("x-token"), Some("mark-file"));
        assert_eq!(call.header("x-key"), Some("mark-variable"));
        assert!(call.path.contains("key=mark-query"));
    }
}

#[test]
fn an_error_holds_no_secret() {
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    for status in [302, 401, 403, 404, 429, 500] {
        let remote = Plan::legacy()
            .behind(pki.acceptor(&["h2"]))
            .always("initialize", Reply::status(status).header("location", "/elsewhere"))
            .start();
        let mut host = talkative(&remote, &pki, &folder).start();
        host.call(0, "initialize", json!({"p": "mark-body"}));
        host.close_input();
        host.exit_code();
        nothing_is_told(&host);
    }
    // Nobody there, and not TLS.
    let remote = Plan::legacy().start();
    let url = remote.url().replace("http:", "https:");
    drop(remote);
    let host = Launch::new(&url)
        .args(["--debug", "--header", "Authorization: Bearer mark-header"])
        .start();
    host.call(0, "initialize", json!({"p": "mark-body"}));
    nothing_is_told(&host);
}

#[test]
fn a_wrong_passphrase_is_not_repeated() {
    let pki = Pki::new();
    let folder = TempDir::new().unwrap();
    let passphrase = pki::write(&folder, "passphrase", "mark-passphrase\n");
    let bundle = pki::fixture("openssl3.p12");
    for secret in [
        vec!["--tls-passphrase".to_owned(), "mark-passphrase".to_owned()],
        vec!["--tls-passphrase-file".to_owned(), passphrase.display().to_string()],
    ] {
        let host = Launch::new("https://localhost:1/mcp")
            .args(["--debug", "--tls-pfx"])
            .arg(&bundle)
            .args(secret)
            .arg("--tls-ca")
            .arg(pki.path("ca.crt"))
            .env("RUST_BACKTRACE", "full")
            .start();
        assert_eq!(host.exit_code(), 1);
        nothing_is_told(&host);
    }
}

#[test]
fn a_secret_on_the_command_line_draws_a_warning() {
    for (flags, better) in [
        (["--header", "Authorization: Bearer mark-header"], "--header-file"),
        (["--header", "X-Api-Key: mark-header"], "${"),
    ] {
        let remote = Plan::legacy().start();
        let mut host = Launch::plain(&remote.url()).args(flags).start();
        host.initialize();
        host.finish();
        let told = host.errors().to_lowercase();
        assert!(told.contains("warning") && told.contains(better), "{told}");
        nothing_is_told(&host);
    }
}

/// X07 and C05: a whole session with an encrypted bundle makes no file.
#[test]
#[cfg(target_os = "linux")]
fn a_session_makes_no_file() {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        eprintln!("SKIPPED: strace is missing");
        return;
    }
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    let trace = folder.path().join("trace");
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let trace_file = trace.display().to_string();
    let calls = "trace=open,openat,creat,rename,renameat2,link,linkat,symlink,mkdir,mknod,execve";
    let tool = ["strace", "-f", "-qq", "-o", trace_file.as_str(), "-e", calls];
    let mut host = Launch::under(&tool)
        .arg(remote.url())
        .args(pki.flags())
        .env("PATH", &std::env::var("PATH").unwrap())
        .start();
    host.initialize();
    host.echo(1);
    host.close_input();
    assert_eq!(host.exit_code(), 0);
    let trace = std::fs::read_to_string(trace).unwrap();
    let made = ["O_CREAT", "O_WRONLY", "O_RDWR", "O_TMPFILE", "creat(", "rename", "link", "mkdir"];
    let suspicious: Vec<&str> = trace
        .lines()
        .filter(|line| made.iter().any(|word| line.contains(word)))
        .filter(|line| !line.contains("/dev/null") && !line.contains("/dev/tty"))
        .collect();
    assert!(suspicious.is_empty(), "{suspicious:#?}");
    let programs = trace.lines().filter(|line| line.contains("execve(")).count();
    assert_eq!(programs, 1, "no program is run but the bridge itself");
}

/// What other users see in the list of processes is not ours to hide; what we write is.
#[test]
fn nothing_of_a_message_is_logged() {
    let remote = Plan::legacy().start();
    let mut host = Launch::plain(&remote.url()).args(["--debug", "--log-format", "json"]).start();
    host.initialize();
    let params = json!({"name": "echo", "arguments": {"a": "mark-body"}});
    assert!(host.call("mark-id", "tools/call", params)["result"].is_object());
    host.finish();
    nothing_is_told(&host);
    assert!(host.errors().lines().all(|line| line.starts_with('{')), "{}", host.errors());
}
