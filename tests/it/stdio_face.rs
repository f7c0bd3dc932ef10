//! Standard input and output: what the host writes, and what it gets.

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::watched::Gate;

#[test]
fn standard_output_holds_messages_and_standard_error_the_log() {
    let remote = Plan::legacy().start();
    let mut host = Launch::plain(&remote.url()).arg("--debug").start();
    host.initialize();
    host.echo(1);
    host.finish();
    assert_eq!(host.lines().len(), 2);
    let errors = host.errors();
    assert!(errors.contains("[debug]") && errors.contains("tools/call"), "{errors}");
}

#[test]
fn who_says_nothing_is_told_that_nothing_came() {
    for (line, told) in [("", true), ("\n", false)] {
        let mut host = Launch::plain("http://127.0.0.1:1/mcp").start();
        host.send_bytes(line);
        host.finish();
        assert_eq!(host.errors().contains("nothing came"), told, "{line:?}: {}", host.errors());
    }
}

#[cfg(unix)]
#[test]
fn lines_that_are_pasted_into_a_terminal_are_all_read() {
    use crate::support::terminal::Terminal;

    let remote = Plan::legacy().start();
    // The limit ends a program that waits for more.
    let program = env!("CARGO_BIN_EXE_mcp-secure-remote");
    let line = format!("timeout --foreground 60 {program} {} --allow-http --silent", remote.url());
    let mut terminal = Terminal::start(std::path::Path::new("/"), &line);
    let first =
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize_params()});
    let ping = |id: u32| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
    terminal.answer("", &format!("{first}\n{}{}{}", ping(2), ping(3), ping(4)));
    let all = "\"id\":4,\"result\"";
    terminal.wait_for(all);
    terminal.answer(all, "\u{4}");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    for id in 1..=3 {
        assert!(shown.contains(&format!("\"id\":{id},\"result\"")), "{id}: {shown}");
    }
}

#[test]
fn an_answer_of_many_lines_becomes_one() {
    let remote = Plan::legacy()
        .on("ping", |call| {
            let id = call.id();
            let text = format!("{{\n  \"jsonrpc\": \"2.0\",\r\n\t\"id\": {id},\n \"result\": {{\"a\":\"x\\ny\"}}\n}}\n");
            Some(match call.number {
                0 => Reply::json(text),
                _ => {
                    let data = text.trim_end().replace("\r\n", "\n").replace('\n', "\ndata: ");
                    Reply::events([Step::bytes(format!("data: {data}\n\n"))])
                }
            })
        })
        .start();
    let host = Host::in_session(&remote);
    for id in [1, 2] {
        assert_eq!(host.call(id, "ping", json!({}))["result"], json!({"a": "x\ny"}));
        assert!(host.lines().last().unwrap().contains(r#""x\ny""#));
    }
}

#[test]
fn a_character_split_over_chunks_stays_whole() {
    let remote = Plan::legacy()
        .on("ping", |call| {
            let text = call.result(json!({"text": "grün €"})).into_bytes();
            let steps = text.chunks(1).map(|byte| Step::bytes(byte.to_vec()));
            Some(Reply { steps: steps.collect(), ..Reply::json("") })
        })
        .start();
    let host = Host::in_session(&remote);
    for byte in "{\"jsonrpc\":\"2.0\",\"id\":\"é\",\"method\":\"ping\"}\n".bytes() {
        host.send_bytes([byte]);
    }
    assert_eq!(host.answer("é")["result"]["text"], "grün €");
}

#[test]
fn garbage_is_answered_and_life_goes_on() {
    let remote = Plan::legacy().start();
    let mut host = Host::in_session(&remote);
    host.line();
    let garbage: [&[u8]; 5] = [b"hello", b"{\"jsonrpc\":", b"\xff\xfe", b"\"\xc3\"", b"{} {}"];
    for line in garbage {
        host.send_bytes([line, b"\n"].concat());
        let answer = host.message();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32700), &Value::Null));
    }
    host.send_bytes("\r\n\n   \n");
    host.send_bytes("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n");
    assert_eq!(host.message()["result"], json!({}));
}

#[test]
fn what_nests_too_deep_is_refused_under_its_id() {
    let remote = Plan::legacy().start();
    let mut host = Host::in_session(&remote);
    host.line();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    host.send_bytes(format!("{deep}\n"));
    let answer = host.message();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &Value::Null));
    host.send_bytes(format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{deep}}}\n"
    ));
    let answer = host.message();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(7)));
    assert_eq!(remote.requests("ping").len(), 0);
}

/// As a shell of Windows writes before the first line of a pipe.
#[test]
fn a_byte_order_mark_before_a_message_stays_behind() {
    let remote = Plan::legacy().start();
    let host = Host::of(&remote);
    let params = initialize_params();
    let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    host.send(format!("\u{feff}{message}"));
    assert!(host.answer(0)["result"].is_object());
    assert_eq!(remote.requests("initialize")[0].body, message.to_string());
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    let mut refused = 0;
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"Method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"x"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        r#"{"jsonrpc":"2.0"}"#,
        "[]",
        "[[]]",
        "7",
    ] {
        host.send(line);
        refused += 1;
    }
    host.call(9, "ping", json!({}));
    let codes: Vec<Value> = host.lines().iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    let codes = codes.iter().filter(|answer: &&Value| answer["error"]["code"] == -32600).count();
    assert_eq!(codes, refused, "{:#?}", host.lines());
    assert_eq!(remote.requests("ping").len(), 1);
}

#[test]
fn bytes_pass_unchanged_in_both_directions() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    let arguments = concat!(
        r#"{"z":123456789012345678901234567890,"a":-0,"f":1.0,"g":1.10,"h":1E5,"#,
        r#""esc":"\u00e9\/\ud83d\ude00\u0000","raw":"é 😀","deep":[[[{}]]] , "b" : null}"#
    );
    let line = format!(
        r#"{{"params":{{"arguments":{arguments},"name":"echo","extra":[1.50]}},"x-unknown":{{"k":1e2}},"method":"tools/call","id":1,"jsonrpc":"2.0"}}"#
    );
    host.send(&line);
    host.answer(1);
    assert_eq!(remote.requests("tools/call")[0].body, line);
    let answer = host.lines().last().unwrap().clone();
    assert!(answer.contains(&format!(r#""structuredContent":{arguments}}}"#)), "{answer}");
}

#[test]
fn ids_keep_their_type_and_text() {
    let gate = Gate::closed();
    let remote = Plan::legacy().on("tools/call", {
        let gate = gate.clone();
        move |_| Some(Reply::events([Step::Wait(gate.clone()), Step::Answer]))
    });
    let remote = remote.start();
    let host = Host::in_session(&remote);
    let ids = ["1", "\"1\"", "123456789012345678901234567890", "-1", "\"\"", "\"\\u00fc\"", "1.5"];
    for id in ids {
        host.send(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"}}}}"#
        ));
    }
    gate.wait_for_visitors(ids.len());
    gate.open();
    host.wait_for_lines(1 + ids.len());
    for id in ids {
        let answers = host.lines().into_iter().filter(|l| l.contains(&format!(r#""id":{id},"#)));
        assert_eq!(answers.count(), 1, "id {id} in {:#?}", host.lines());
    }
}

#[test]
fn a_message_over_the_limit_fails_alone() {
    const LIMIT: usize = 4096;
    let remote = Plan::legacy().start();
    let host =
        Launch::plain(&remote.url()).args(["--max-message-size", &LIMIT.to_string()]).start();
    host.initialize();
    for (id, size) in [(1, LIMIT - 1), (2, LIMIT), (3, LIMIT + 1), (4, 40 * LIMIT)] {
        host.send(ping_of(id, size));
        let answer = host.answer(id);
        if size <= LIMIT {
            assert_eq!(answer["result"], json!({}), "{size}");
        } else {
            assert_eq!(host.failure(id), "too_large", "{size}");
        }
    }
    host.call(5, "ping", json!({}));
    assert_eq!(remote.requests("ping").len(), 3);
}

/// A request of exactly `size` bytes.
fn ping_of(id: u32, size: usize) -> String {
    let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","params":{{"p":""#);
    let filling = "x".repeat(size - start.len() - 3);
    format!("{start}{filling}\"}}}}")
}

#[test]
fn an_answer_over_the_limit_is_an_error_for_its_request() {
    const LIMIT: usize = 4096;
    let answer = |size: usize| {
        move |call: &crate::support::mcp::Call<'_>| {
            let empty = call.result(json!({"p": ""})).len();
            let text = call.result(json!({"p": "x".repeat(size - empty)}));
            assert_eq!(text.len(), size);
            Some(if call.number.is_multiple_of(2) {
                Reply::json(text)
            } else {
                Reply::events([Step::event(&text)])
            })
        }
    };
    let remote = Plan::legacy().on("fits", answer(LIMIT)).on("exceeds", answer(LIMIT + 1)).start();
    let host =
        Launch::plain(&remote.url()).args(["--max-message-size", &LIMIT.to_string()]).start();
    host.initialize();
    for id in [1, 2] {
        assert!(host.call(id, "fits", json!({}))["result"].is_object());
    }
    for id in [3, 4] {
        host.ask(id, "exceeds", json!({}));
        assert_eq!(host.failure(id), "too_large");
    }
    host.echo(5);
}

#[test]
fn sixteen_mebibytes_pass_by_default() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    let text = "x".repeat(16 * 1024 * 1024 - 1024);
    let params = json!({"name": "echo", "arguments": {"text": text}});
    let answer = host.call(1, "tools/call", params);
    assert_eq!(answer["result"]["structuredContent"]["text"], text);
}

#[test]
fn a_last_line_needs_no_line_end() {
    let remote = Plan::legacy().start();
    let mut host = Host::in_session(&remote);
    host.send_bytes(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    host.close_input();
    assert_eq!(host.exit_code(), 0);
    assert_eq!(host.answer(1)["result"], json!({}));
}

#[test]
fn a_batch_is_taken_apart_where_the_version_has_batches() {
    let remote = Plan::legacy().start();
    let host = Host::of(&remote);
    let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {}});
    host.call(0, "initialize", params);
    host.notify("notifications/initialized", json!({}));
    host.send(
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#,
    );
    remote.wait_for("notifications/x", 1);
    assert_eq!(host.answer(1)["result"], json!({}));
    assert_eq!(host.answer(2)["result"], json!({}));
}

#[test]
fn a_batch_is_refused_where_the_version_has_none() {
    let remote = Plan::legacy().start();
    let host = Host::in_session(&remote);
    host.send(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#);
    host.call(2, "ping", json!({}));
    assert_eq!(host.answer(1)["error"]["code"], -32600);
    assert_eq!(remote.requests("batch").len(), 0);
    assert_eq!(remote.requests("ping").len(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_takes_no_more_is_told() {
    let remote = Plan::legacy().start();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"));
    let program = program.args([&*remote.url(), "--allow-http"]).stdout(full);
    let mut child = program
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"garbage\n").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("standard output failed, and answers are lost"), "{told}");
    drop(input);
}
