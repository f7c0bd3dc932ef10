//! The demonstration, as a newcomer runs it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"));
    command.arg("demo").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

fn assert_complete(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The parts have to stand in `transcript` in this order.
fn assert_in_order(transcript: &str, parts: &[&str]) {
    let mut rest = transcript;
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("`{part}` is missing or too early in:\n{transcript}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_demonstration_shows_a_session_and_a_refusal_and_ends_with_code_0() {
    let output = demo().output().expect("the program starts");
    let transcript = assert_complete(&output);
    assert_in_order(
        transcript,
        &[
            "https://127.0.0.1:",
            "With the client certificate of demo-client",
            "  initialize        demo-server, MCP 2025-11-25 ",
            "  tools/list        add, count ",
            "  tools/call add    2 + 3 = 5 ",
            "  tools/call count  progress 1 of 5 ",
            "  tools/call count  progress 2 of 5 ",
            "  tools/call count  progress 3 of 5 ",
            "  tools/call count  progress 4 of 5 ",
            "  tools/call count  progress 5 of 5 ",
            "  tools/call count  counted to 5 ",
            "  end of input      the session is deleted",
            "Without a certificate",
            "  initialize        refused ",
            "  error: no secure connection to 127.0.0.1:",
            "  cause: the server ",
            "demands a client certificate",
            "  hint:  pass one with `--tls-cert`",
        ],
    );
    assert!(transcript.lines().all(|line| line.chars().count() <= 80), "{transcript}");
}

#[test]
fn progress_comes_while_the_call_runs() {
    let output = demo().output().expect("the program starts");
    let transcript = assert_complete(&output);
    let millis = |what: &str| -> f64 {
        let line = transcript.lines().find(|line| line.contains(what)).expect(what);
        let number = line.trim_end_matches(" ms").rsplit(' ').next().expect(what);
        number.parse().expect(what)
    };
    // Four pauses of the server lie between the two.
    assert!(millis("progress 1 of 5") + 10.0 < millis("counted to 5"), "{transcript}");
}

#[test]
fn the_demonstration_needs_neither_a_proxy_nor_the_variables_of_the_bridge() {
    let mut command = demo();
    command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("ALL_PROXY", "http://127.0.0.1:1");
    command.env("MCP_REMOTE_TLS_CA", "/nonexistent");
    assert_complete(&command.output().expect("the program starts"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_transcript_that_cannot_be_written_is_exit_code_1_with_a_cause() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let output = demo().stdout(full).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stderr);
    assert!(report.starts_with("error: cannot write to standard output\ncause: "), "{report}");
}

#[test]
fn the_server_of_the_demonstration_speaks_stdio_too_and_ends_with_its_input() {
    let messages = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"initialize","params":{"protocolVersion":"2099-01-01"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":3}}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"count","arguments":{"to":2},"_meta":{"progressToken":7}}}"#,
        "no message",
    ];
    let mut command = demo();
    command.arg("--stdio").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("the program starts");
    let mut input = server.stdin.take().expect("a pipe");
    for message in messages {
        writeln!(input, "{message}").expect("it reads");
    }
    drop(input);
    let output = server.wait_with_output().expect("it ends");
    let said = assert_complete(&output);
    assert_in_order(said, &[r#""id":1,"result":"#, r#""name":"demo-server""#, "2 + 3 = 5"]);
    for (id, version) in [(1, "2025-11-25"), (3, "2025-06-18"), (4, "2025-11-25")] {
        let answer = said.lines().find(|line| line.contains(&format!("\"id\":{id},")));
        let named = format!("\"protocolVersion\":\"{version}\"");
        assert!(answer.is_some_and(|line| line.contains(&named)), "{id}: {said}");
    }
    let counted = [r#""progress":1,"total":2"#, r#""progress":2,"total":2"#, "counted to 2"];
    assert_in_order(said, &counted);
    assert!(said.contains("-32700"), "{said}");
    assert_eq!(said.lines().count(), 8, "{said}");
}
