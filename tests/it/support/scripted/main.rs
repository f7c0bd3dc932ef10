//! A small MCP server over stdio that does what the name of a tool says. It is compiled by the tests
//! themselves, with the standard library alone, so that thousands of it start quickly.
//!
//! `--log FILE` notes each start and each line that comes in, of all processes; `--modern` serves
//! 2026-07-28 besides the legacy era, `--modern-only` nothing else; `--deaf` ignores the end of its
//! input and SIGTERM's default is all that ends it; `--dies` ends at once; `--mute` never answers
//! `initialize`.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufRead;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

static LOG: OnceLock<File> = OnceLock::new();
/// The ids of calls that wait for `release`.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The id of the call that asked the client.
static ASKING: Mutex<Option<String>> = Mutex::new(None);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if let Some(at) = args.iter().position(|arg| arg == "--log") {
        let log = OpenOptions::new().append(true).create(true).open(&args[at + 1]).expect("a log");
        LOG.get_or_init(|| log);
    }
    note(&format!("start {}", std::process::id()));
    if has("--dies") {
        eprintln!("Error: this server does not like it here");
        std::process::exit(3);
    }
    let eras =
        Eras { modern: has("--modern") || has("--modern-only"), legacy: !has("--modern-only") };
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        note(&line);
        take(&line, eras);
    }
    note(&format!("end {}", std::process::id()));
    if has("--deaf") {
        // It is there to be killed, and does not stay for ever if nobody does.
        thread::sleep(Duration::from_secs(600));
    }
}

#[derive(Clone, Copy)]
struct Eras {
    modern: bool,
    legacy: bool,
}

fn take(line: &str, eras: Eras) {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let id = value(line, "id").map(str::to_owned);
    let Some(method) = value(line, "method") else { return answered(line) };
    let Some(id) = id else { return };
    match method {
        "\"initialize\"" if has("--mute") => {}
        "\"initialize\"" if !eras.legacy => fail(
            &id,
            r#"{"code":-32022,"message":"unsupported","data":{"supported":["2026-07-28"]}}"#,
        ),
        "\"initialize\"" => {
            let version = value(line, "protocolVersion").unwrap_or("\"2025-11-25\"");
            answer(
                &id,
                &format!(
                    r#"{{"protocolVersion":{version},"capabilities":{{"tools":{{}},"logging":{{}}}},"serverInfo":{{"name":"scripted","version":"1"}}}}"#
                ),
            );
        }
        "\"server/discover\"" if eras.modern => answer(
            &id,
            &format!(
                r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"scripted","version":"1"}}}}"#
            ),
        ),
        "\"tools/call\"" => call(line, id),
        "\"tools/list\"" => {
            answer(&id, r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#)
        }
        "\"ping\"" => answer(&id, "{}"),
        _ => fail(&id, r#"{"code":-32601,"message":"Method not found"}"#),
    }
}

fn call(line: &str, id: String) {
    let name = last_value(line, "name").unwrap_or_default().trim_matches('"');
    let number = |key: &str| value(line, key).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    match name {
        "echo" => text(&id, value(line, "text").unwrap_or("\"\"")),
        "pid" => text(&id, &format!("\"{}\"", std::process::id())),
        "fail" => fail(
            &id,
            &format!(
                r#"{{"code":{},"message":"as you wish"}}"#,
                value(line, "code").unwrap_or("-1")
            ),
        ),
        "progress" => {
            let token = value(line, "progressToken").unwrap_or("null");
            for step in 0..number("steps") {
                notify("progress", &format!(r#""progressToken":{token},"progress":{step}"#));
            }
            text(&id, "\"done\"");
        }
        "log" => {
            notify("message", r#""level":"info","data":"said during a call""#);
            text(&id, "\"done\"");
        }
        "announce" => {
            for _ in 0..number("times").max(1) {
                write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
            }
            text(&id, "\"done\"");
        }
        "ask" => {
            *ASKING.lock().unwrap() = Some(id);
            write(
                r#"{"jsonrpc":"2.0","id":"question","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}"#,
            );
        }
        "hold" => HELD.lock().unwrap().push(id),
        "release" => {
            for held in HELD.lock().unwrap().drain(..) {
                text(&held, "\"released\"");
            }
            text(&id, "\"done\"");
        }
        "gated" => {
            let gate = value(line, "gate").unwrap_or_default().trim_matches('"').to_owned();
            let bytes = number("bytes");
            thread::spawn(move || {
                while !Path::new(&gate).exists() {
                    thread::sleep(Duration::from_millis(2));
                }
                text(&id, &format!("\"{}\"", "x".repeat(bytes)));
            });
        }
        "big" => text(&id, &format!("\"{}\"", "x".repeat(number("bytes")))),
        "flood" => {
            let piece = "x".repeat(number("bytes"));
            for step in 0..number("steps") {
                notify("message", &format!(r#""level":"info","data":"{step} {piece}""#));
            }
            text(&id, "\"done\"");
        }
        "noise" => {
            write("Welcome to the scripted server!");
            write("{\"not\": \"a message\"}");
            write("");
            eprintln!("a word on standard error");
            text(&id, "\"done\"");
        }
        "babble" => {
            text(&id, "\"done\"");
            let lines = format!("{}\n", "x".repeat(number("bytes"))).repeat(2000);
            thread::spawn(move || while io::stdout().write_all(lines.as_bytes()).is_ok() {});
        }
        "exit" => std::process::exit(number("status") as i32),
        "abort" => std::process::abort(),
        _ => fail(&id, r#"{"code":-32602,"message":"no such tool"}"#),
    }
}

/// The client has answered the question of `ask`.
fn answered(line: &str) {
    let said = value(line, "text").unwrap_or("\"nothing\"");
    if let Some(id) = ASKING.lock().unwrap().take() {
        text(&id, said);
    }
}

fn text(id: &str, text: &str) {
    answer(id, &format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#));
}

fn answer(id: &str, result: &str) {
    write(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#));
}

fn fail(id: &str, error: &str) {
    write(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
}

fn notify(what: &str, params: &str) {
    write(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/{what}","params":{{{params}}}}}"#));
}

fn write(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody may be there any more.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

fn note(line: &str) {
    if let Some(mut log) = LOG.get() {
        let _ = log.write_all(format!("{line}\n").as_bytes());
    }
}

/// The first value of a key, a string with its quotes or a number: the tests send compact JSON whose
/// keys stand in the order of the alphabet.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    scalar(line, line.find(&format!("\"{key}\":"))? + key.len() + 3)
}

fn last_value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    scalar(line, line.rfind(&format!("\"{key}\":"))? + key.len() + 3)
}

fn scalar(line: &str, at: usize) -> Option<&str> {
    let rest = line.get(at..)?.trim_start();
    let end = match rest.strip_prefix('"') {
        Some(text) => text.find('"')? + 2,
        None => rest.find([',', '}', ']'])?,
    };
    rest.get(..end)
}
