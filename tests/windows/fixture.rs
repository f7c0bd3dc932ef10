//! The MCP server of these tests, which is a Windows program: this test program itself, with words behind `--`.

use std::env;
use std::io;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread;

use serde_json::Value;
use serde_json::json;

use crate::witness::BEAT;
use crate::witness::Witness;

/// The arguments in front of those that the server gets: they name the test that plays it.
const CALL: [&str; 3] = ["fixture::plays_a_server_when_it_is_told_to", "--exact", "--"];

/// What is different from a server that behaves.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Plain,
    /// It starts another program, and does not wait for it.
    Tree,
    /// As that, and it does not end with its input.
    Deaf,
}

/// The words of a command line that starts the server.
pub(crate) fn command(witness: &Witness, way: Way) -> Vec<String> {
    let mut words = vec![program().to_str().unwrap().to_owned()];
    words.extend(CALL.map(str::to_owned));
    let way = match way {
        Way::Plain => "plain",
        Way::Tree => "tree",
        Way::Deaf => "deaf",
    };
    words.extend([witness.address(), way.to_owned()]);
    words
}

/// A `.cmd` file in `folder` that starts the server with its own arguments behind, as `npx.cmd` does.
pub(crate) fn script(folder: &Path, name: &str, witness: &Witness) -> PathBuf {
    let words: Vec<_> =
        command(witness, Way::Plain).iter().map(|word| format!("\"{word}\"")).collect();
    let script = folder.join(name);
    std::fs::write(&script, format!("@echo off\r\n{} %*\r\n", words.join(" "))).unwrap();
    script
}

fn program() -> PathBuf {
    env::current_exe().unwrap()
}

/// No test: without words it does nothing. What the test runner writes before is noise on standard output, as
/// wrappers write it, and must not disturb the conversation.
#[test]
fn plays_a_server_when_it_is_told_to() {
    let words: Vec<String> = env::args().skip_while(|word| word != "--").skip(1).collect();
    match &words[..] {
        [] => return,
        [address, way, arguments @ ..] => play(address, way, arguments),
        other => panic!("{other:?}"),
    }
    // Nothing of the test runner comes after it.
    std::process::exit(0);
}

#[allow(clippy::zombie_processes, reason = "it is left on purpose")]
fn play(address: &str, way: &str, arguments: &[String]) {
    if way == "left" {
        report(address, "grandchild");
        for_ever();
    }
    if way != "plain" {
        let mut left = Command::new(program());
        left.args(CALL).args([address, "left"]).stdin(Stdio::null());
        left.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    }
    report(address, "child");
    for line in io::stdin().lines() {
        answer(&line.unwrap(), arguments);
    }
    if way == "deaf" {
        for_ever();
    }
}

/// From now on the other end sees whether this process lives.
fn report(address: &str, role: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    writeln!(stream, "{role}").unwrap();
    thread::spawn(move || {
        while stream.write_all(b".").is_ok() {
            thread::sleep(BEAT);
        }
    });
}

fn for_ever() -> ! {
    loop {
        thread::park();
    }
}

fn answer(line: &str, arguments: &[String]) {
    let message: Value = serde_json::from_str(line).unwrap();
    let Some(id) = message.get("id") else { return };
    let outcome = match message["method"].as_str().unwrap() {
        "initialize" => json!({ "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {}, "serverInfo": { "name": "fixture", "version": "1" } }),
        "tools/call" => json!({ "arguments": arguments, "given": message["params"]["arguments"],
            "variables": variables() }),
        _ => json!({}),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": outcome });
    io::stdout().write_all(format!("{answer}\n").as_bytes()).unwrap();
}

/// The names of all variables.
fn variables() -> Vec<String> {
    env::vars_os().map(|(name, _)| name.to_string_lossy().to_ascii_uppercase()).collect()
}
