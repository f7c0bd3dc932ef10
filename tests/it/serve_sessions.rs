//! Sessions of the legacy era at our own server: whose they are, what lives in them, how they end.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Ask;
use crate::support::http::Events;
use crate::support::http::Wire;
use crate::support::operated;
use crate::support::operated::Operated;
use crate::support::parallel;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::is_alive;
use crate::support::serve::kill;
use crate::support::serve::somebody_runs_with;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::initialize;
use crate::support::session::modern;
use crate::support::session::text;

fn pid_of(session: &Session<'_>) -> u32 {
    text(&session.call("pid", "pid", json!({}))).parse().unwrap()
}

#[test]
fn each_initialize_opens_a_session_with_a_process_of_its_own() {
    let serve = Serve::plain();
    let (one, two) = (Session::open(&serve), Session::open(&serve));
    assert_ne!(one.id, two.id);
    for session in [&one, &two] {
        assert!(session.id.len() >= 22, "128 bits take 22 characters of base64: {}", session.id);
        assert!(session.id.bytes().all(|byte| byte.is_ascii_graphic()), "{}", session.id);
    }
    assert_ne!(pid_of(&one), pid_of(&two));
    assert_eq!(text(&one.call(1, "echo", json!({"text": "hello"}))), "hello");
    assert_eq!(serve.started(), 2);
}

#[test]
fn a_request_has_to_name_a_session_that_exists() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let status = |ask: Ask| session.wire().ask(&ask).head.status;
    let named = |id: &str| status(Ask::post(&ping).header("mcp-session-id", id));
    assert_eq!(named(&session.id), 200);
    let without = session.wire().ask(&Ask::post(&ping));
    assert_eq!(without.head.status, 400, "none");
    let hint = without.json()["error"]["data"]["hint"].to_string();
    assert!(hint.contains("send `initialize` first"), "{hint}");
    assert_eq!(named("unknown"), 404);
    assert_eq!(named(&session.id.to_ascii_uppercase()), 404);
    assert_eq!(named(""), 404);
    assert_eq!(named(&"x".repeat(4096)), 400, "too long");
    assert_eq!(named("with\u{1}control"), 400);
    let twice = session.sign(Ask::post(&ping)).and("mcp-session-id", &session.id);
    assert_eq!(status(twice), 400, "twice");
    for method in ["GET", "DELETE"] {
        let ask = Ask::new(method, "/mcp").header("accept", "text/event-stream");
        assert_eq!(status(ask.clone()), 400, "{method} without an id");
        assert_eq!(status(ask.header("mcp-session-id", "unknown")), 404, "{method}");
    }
    assert_eq!(serve.received("ping"), 1);
}

#[test]
fn a_version_header_is_optional_but_must_not_be_wrong() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let ask = session.sign(Ask::post(ping)).without("mcp-protocol-version");
    assert_eq!(session.wire().ask(&ask).head.status, 200);
    for wrong in ["2023-01-01", "1", "", "latest"] {
        let ask = ask.clone().header("mcp-protocol-version", wrong);
        let answer = session.wire().ask(&ask);
        assert_eq!(answer.head.status, 400, "{wrong:?}");
        let answer = answer.json();
        assert_eq!(answer["id"], 1, "{answer}");
        let cause = answer["error"]["data"]["cause"].as_str().unwrap();
        assert!(cause.contains("2025-11-25, 2026-07-28"), "{cause}");
    }
    // Once somebody has asked, it is known that the server does not speak that one.
    let modern = modern(call(1, "echo", json!({})));
    assert_eq!(session.wire().ask(&modern).head.status, 400);
    let refused = session.wire().ask(&ask.header("mcp-protocol-version", "1"));
    assert!(refused.body.contains("2025-11-25") && !refused.body.contains("2026"), "{refused:?}");
    assert_eq!(serve.received("ping"), 1);
}

#[test]
fn a_delete_ends_the_session_and_its_process() {
    let serve = Serve::plain();
    let (session, other) = (Session::open(&serve), Session::open(&serve));
    let pid = pid_of(&session);
    let mut stream = session.listen();
    assert!(matches!(session.delete(), 200 | 204));
    assert_eq!(session.status(), 404);
    assert_eq!(session.delete(), 404);
    assert_eq!(stream.rest(), Vec::<Value>::new());
    until("end of the process", || (!is_alive(pid)).then_some(()));
    assert_eq!(other.status(), 200);
    assert_eq!(serve.received(&format!("end {pid}")), 1, "its input was closed");
}

#[test]
fn a_call_that_is_cancelled_before_anything_came_of_it_ends_and_its_session_goes_on() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    for id in 0..20 {
        let mut wire = session.wire();
        wire.send(&session.sign(Ask::post(call(id, "hold", json!({})))));
        until("the call", || (serve.received("\"hold\"") == id + 1).then_some(()));
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        assert_eq!(session.post(cancel).head.status, 202);
        let head = wire.read_head().expect("an answer");
        assert_eq!(head.status, 200);
        assert_eq!(Events::new(wire, head).rest(), Vec::<Value>::new());
    }
    assert_eq!(session.status(), 200);
}

#[test]
fn a_call_that_runs_when_its_session_ends_is_answered_with_an_error() {
    let serve = Serving::plain().flag("--session-lifetime", "3s").start();
    let (deleted, expires) = (Session::open(&serve), Session::open(&serve));
    let mut calls =
        [&deleted, &expires].map(|it| it.tell(call("it", "hold", json!({}))).streamed());
    assert_eq!(deleted.delete(), 204);
    for (stream, cause) in calls.iter_mut().zip(["the client ended it", "its time is over"]) {
        let told = stream.rest();
        let [answer] = &told[..] else { panic!("{told:?}") };
        assert_eq!(answer["id"], "it");
        assert_eq!(answer["error"]["data"]["kind"], "outcome_unknown", "{answer}");
        assert_eq!(answer["error"]["data"]["cause"], cause, "{answer}");
    }
}

#[test]
fn a_batch_that_is_none_is_refused_whole() {
    let serve = Serve::plain();
    let session = Session::open_as(&serve, None, "2025-03-26");
    let echo = |id| call(id, "echo", json!({"text": "one"}));
    for batch in [json!([echo(1), echo(2), echo(1)]), json!([echo(1), initialize("2025-03-26")])] {
        // Its head alone: what is taken for a batch may never end.
        assert_eq!(session.wire().head(&session.sign(Ask::post(batch))).status, 400);
    }
    assert_eq!(serve.received("echo"), 0);
    assert_eq!(text(&session.tell(json!([echo(1)])).all()[0]), "one");
}

#[test]
fn no_request_is_taken_in_the_moment_after_a_delete() {
    let serve = Serve::plain();
    parallel::for_each(0..60, |number| {
        let session = Session::open(&serve);
        let mut wire = session.wire();
        let delete = session.sign(Ask::new("DELETE", "/mcp"));
        assert_eq!(wire.ask(&delete).head.status, 204);
        // On the same connection, so that not even a handshake lies between them.
        let next = match number % 3 {
            0 => Ask::post(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})),
            1 => Ask::post(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
            _ => Ask::stream("/mcp"),
        };
        assert_eq!(wire.head(&session.sign(next)).status, 404, "{number}");
    });
}

#[test]
fn a_session_belongs_to_the_certificate_that_opened_it() {
    let serve = Serving::mutual().start();
    let (owner, stranger) = (serve.client("owner"), serve.client("stranger"));
    let session = Session::open_as(&serve, Some(&owner), LEGACY);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for ask in [Ask::post(ping), Ask::stream("/mcp"), Ask::new("DELETE", "/mcp")] {
        let answer = Wire::of(&serve, &stranger).ask(&session.sign(ask.clone()));
        assert_eq!(answer.head.status, 404, "{ask:?}");
        assert!(answer.body.contains("no such session"), "{answer:?}");
    }
    serve.wait_for_log("a peer used the session of another one");
    assert!(serve.log().contains("stranger ("), "the log says who");
    assert_eq!(session.status(), 200);
    assert_eq!(serve.started(), 1);
}

#[test]
fn session_ids_stand_in_no_log() {
    let serve = Serving::plain().switch("--debug").start();
    let session = Session::open(&serve);
    session.call(1, "echo", json!({"text": "hello"}));
    session.delete();
    serve.wait_for_log("a session ends");
    assert!(!serve.log().contains(&session.id));
    assert!(serve.child_log().iter().all(|line| !line.contains(&session.id)));
}

#[test]
fn notifications_and_responses_are_accepted_without_a_body() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let silent = [
        json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}),
        json!({"jsonrpc": "2.0", "id": "nobody asked", "result": {}}),
    ];
    for message in silent {
        let answer = session.post(message);
        assert_eq!((answer.head.status, answer.body.as_str()), (202, ""));
    }
    until("messages", || (serve.received("nobody asked") == 1).then_some(()));
    assert_eq!(serve.received("list_changed"), 1);
}

#[test]
fn the_process_gets_one_compact_line_a_message() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let body = "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": 1,\n  \"method\": \"ping\"\n}\n";
    let answer = session.wire().ask(&session.sign(Ask::post(body)));
    assert_eq!(answer.json()["result"], json!({}));
    for line in serve.child_log().iter().filter(|line| !line.starts_with("start ")) {
        let message: Value = serde_json::from_str(line).expect("a message a line");
        assert_eq!(message["jsonrpc"], "2.0");
    }
    assert_eq!(serve.child_log().len(), 4, "{:?}", serve.child_log());
}

#[test]
fn what_is_no_message_is_answered_and_reaches_no_process() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let cases = [
        ("{", -32700),
        ("", -32700),
        ("1", -32600),
        ("[]", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"pong"}"#, -32600),
        (&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{deep}}}"#), -32600),
    ];
    for (body, code) in cases {
        let answer = session.wire().ask(&session.sign(Ask::post(body)));
        assert_eq!(answer.head.status, 400, "{body}");
        let given = answer.json()["error"]["code"].as_i64().unwrap();
        assert!(given == code || (code == -32600 && given == -32700), "{body}: {answer:?}");
    }
    assert_eq!(serve.child_log().len(), 3, "{:?}", serve.child_log());
}

#[test]
fn a_process_that_dies_answers_what_waits_and_ends_its_session_alone() {
    let serve = Serve::plain();
    let (session, other) = (Session::open(&serve), Session::open(&serve));
    let waiting = session.tell(call(1, "hold", json!({})));
    let deadly = session.tell(call(2, "exit", json!({"status": 7})));
    for answer in [waiting.last(), deadly.last()] {
        let error = &answer["error"];
        assert_eq!(error["data"]["kind"], "outcome_unknown", "{answer}");
        assert_eq!(error["data"]["source"], "mcp-secure-remote", "{answer}");
        assert!(answer.to_string().contains('7'), "the status is told: {answer}");
    }
    until("end of the session", || (session.status() == 404).then_some(()));
    assert_eq!(other.status(), 200);
    assert_eq!(serve.started(), 2, "nobody starts it again");
}

#[test]
fn a_process_that_a_signal_ends_is_told_like_one_that_exits() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let pid = pid_of(&session);
    let mut waiting = session.tell(call(1, "hold", json!({}))).streamed();
    kill(pid);
    assert_eq!(waiting.message()["error"]["data"]["kind"], "outcome_unknown");
    assert_eq!(waiting.next(), None);
    until("end of the session", || (session.status() == 404).then_some(()));
    until("a reaped process", || serve.children().is_empty().then_some(()));
}

#[test]
fn a_process_that_ends_at_its_start_is_an_answer_to_the_client() {
    let serve = Serving::plain().child("--dies").start();
    let answer = Wire::to(&serve).ask(&Ask::post(initialize(LEGACY)));
    let error = &answer.json()["error"];
    assert!(error["data"]["source"] == "mcp-secure-remote", "{answer:?}");
    assert!(answer.body.contains("does not like it here"), "its last words: {answer:?}");
    assert_eq!(answer.head.header("mcp-session-id"), None, "there is no session");
    assert_eq!(serve.started(), 1);
}

#[test]
fn a_command_that_cannot_be_run_fails_initialize_by_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let script = folder.path().join(name);
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        script.display().to_string()
    };
    let orphaned = script("orphaned", "#!/no/such/program\n");
    let mute = script("mute", "echo of which shell\n");
    for (command, hint) in [
        (&[&*orphaned][..], "first line (`#!`)"),
        (&[&*mute], "as in `#!/bin/sh`"),
        (&["sh", "-c", "no-such-program"], "check its name"),
    ] {
        let mut serve = operated::command(operated::PROGRAM);
        serve.args(["serve", "--listen=127.0.0.1:0", "--"]).args(command);
        let serve = Operated::start(&mut serve);
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let ping =
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "_meta": meta }});
        let modern = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "ping")];
        for (message, headers) in [(initialize(LEGACY), &[][..]), (ping, &modern)] {
            let reply = operated::post(serve.address(), headers, &message).unwrap();
            let data = &reply.json()["error"]["data"];
            assert_eq!((reply.status, &data["kind"]), (502, &json!("not_sent")), "{reply:?}");
            assert_eq!(data["retrySafe"], true, "{reply:?}");
            assert!(data["hint"].as_str().unwrap().contains(hint), "{reply:?}");
        }
    }
}

#[test]
fn noise_of_the_process_goes_into_the_log() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let messages = session.tell(call(1, "noise", json!({}))).all();
    assert_eq!(messages.len(), 1, "{messages:?}");
    serve.wait_for_log("Welcome to the scripted server!");
    serve.wait_for_log("a word on standard error");
}

#[test]
fn an_idle_session_ends_and_an_open_stream_is_use() {
    let serve = Serving::plain().flag("--session-idle-timeout", "3s").start();
    let (listening, idle) = (Session::open(&serve), Session::open(&serve));
    let mut stream = listening.listen();
    let waiting = idle.id.clone();
    until("end of the idle one", || (serve.children().len() == 1).then_some(()));
    assert_eq!(idle.status(), 404, "{waiting}");
    serve.wait_for_log("a session ends: it was not used");
    assert_eq!(text(&listening.call(1, "announce", json!({}))), "done");
    assert_eq!(stream.message()["method"], "notifications/tools/list_changed");
    drop(stream);
    until("end of the other one", || serve.children().is_empty().then_some(()));
    assert_eq!(listening.status(), 404);
}

#[test]
fn a_call_that_runs_is_use_for_as_long_as_its_client_waits() {
    let serve = Serving::plain().flag("--session-idle-timeout", "3s").start();
    let (working, idle) = (Session::open(&serve), Session::open(&serve));
    let waiting = working.tell(call(1, "hold", json!({})));
    until("end of the idle one", || (serve.children().len() == 1).then_some(()));
    assert_eq!(idle.status(), 404);
    assert_eq!(text(&working.call(2, "release", json!({}))), "done");
    assert_eq!(text(&waiting.last()), "released");
}

#[test]
fn a_session_ends_after_its_lifetime_whatever_it_does() {
    let serve = Serving::plain().flag("--session-lifetime", "1s").start();
    let session = Session::open(&serve);
    let mut stream = session.listen();
    assert_eq!(stream.rest(), Vec::<Value>::new());
    until("end of the process", || serve.children().is_empty().then_some(()));
    assert_eq!(session.status(), 404);
}

#[test]
fn a_batch_is_taken_where_the_version_has_batches() {
    let serve = Serve::plain();
    let batch = json!([
        call("a", "echo", json!({"text": "one"})),
        {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
        call("b", "echo", json!({"text": "two"})),
    ]);
    let session = Session::open_as(&serve, None, "2025-03-26");
    let answers = session.tell(batch.clone()).all();
    let answer = |id: &str| answers.iter().find(|answer| answer["id"] == id).map(text);
    assert_eq!((answer("a"), answer("b")), (Some("one"), Some("two")), "{answers:?}");
    assert_eq!(serve.received("list_changed"), 1);

    for version in ["2025-06-18", LEGACY] {
        let session = Session::open_as(&serve, None, version);
        let answer = session.post(batch.clone());
        assert_eq!(answer.head.status, 400, "{version}");
    }
    assert_eq!(serve.received("list_changed"), 1);
}

#[test]
fn what_would_confuse_a_session_is_refused() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let waiting = session.tell(call(1, "hold", json!({})));
    let again = session.post(call(1, "echo", json!({"text": "twice"})));
    assert_eq!(again.head.status, 400, "an id in use");
    let nested = session.post(initialize(LEGACY));
    assert_eq!(nested.head.status, 400, "a session within a session");
    session.call(2, "release", json!({}));
    assert_eq!(text(&waiting.last()), "released");
    assert_eq!((serve.received("twice"), serve.received("initialize\"")), (0, 1));
}

#[test]
fn ids_keep_their_type() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let one = session.tell(call(1, "hold", json!({})));
    let text_one = session.tell(call("1", "hold", json!({})));
    session.call(2, "release", json!({}));
    assert_eq!(one.last()["id"], json!(1));
    assert_eq!(text_one.last()["id"], json!("1"));
}

#[test]
fn a_cancelled_request_is_over_for_its_client() {
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let mut waiting = session.tell(call(1, "hold", json!({}))).streamed();
    let params = json!({"requestId": 1});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    assert_eq!(session.post(cancel).head.status, 202);
    assert_eq!(waiting.rest(), Vec::<Value>::new(), "the stream ends without an answer");
    until("the cancel", || (serve.received("notifications/cancelled") == 1).then_some(()));
    // Its id is free again, and what the server says too late reaches nobody.
    let again = session.tell(call(1, "hold", json!({})));
    session.call(2, "release", json!({}));
    let answers = again.all();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn a_client_that_leaves_during_initialize_leaves_no_session_behind() {
    let serve = Serving::plain().child("--mute").start();
    let mut wire = Wire::to(&serve);
    wire.send(&Ask::post(initialize(LEGACY)));
    until("a process", || (serve.received("initialize") == 1).then_some(()));
    drop(wire);
    until("its end", || serve.children().is_empty().then_some(()));
}

#[test]
fn a_killed_server_leaves_no_process_behind() {
    let serve = Serve::plain();
    let sessions: Vec<_> = (0..5).map(|_| Session::open(&serve)).collect();
    let pids: HashSet<_> = sessions.iter().map(pid_of).collect();
    assert_eq!(pids.len(), 5);
    serve.signal(Signal::KILL);
    serve.exit();
    let log = serve.path("child.log");
    until("end of all", || (!somebody_runs_with(Path::new(&log))).then_some(()));
    // The command line of a process goes a moment before the process does.
    until("end of each", || pids.iter().all(|pid| !is_alive(*pid)).then_some(()));
}
