//! The modern era at our own server: requests that describe themselves, and one process for all that a
//! client sends.

use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::host::MODERN;
use crate::support::http::Answer;
use crate::support::http::Ask;
use crate::support::http::Events;
use crate::support::http::Wire;
use crate::support::pki::Leaf;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::kill;
use crate::support::serve::until;
use crate::support::session::Told;
use crate::support::session::call;
use crate::support::session::call_with_progress;
use crate::support::session::connect;
use crate::support::session::initialize;
use crate::support::session::modern;
use crate::support::session::text;

fn server() -> Serve {
    Serving::plain().child("--modern").start()
}

fn ask(serve: &Serve, leaf: Option<&Leaf>, message: Value) -> Answer {
    connect(serve, leaf).ask(&modern(message))
}

fn tell(serve: &Serve, leaf: Option<&Leaf>, message: Value) -> Told {
    let mut wire = connect(serve, leaf);
    let head = wire.head(&modern(message));
    if head.is_event_stream() {
        return Told::Streamed(Events::new(wire, head));
    }
    let body = String::from_utf8(wire.body()).unwrap();
    Told::Once(Answer { head, body })
}

/// Sends a request whose answer does not come soon, and waits until the server has it.
fn hold(serve: &Serve, leaf: Option<&Leaf>, id: u64) -> Wire {
    let before = serve.received("\"hold\"");
    let mut wire = connect(serve, leaf);
    wire.send(&modern(call(id, "hold", json!({}))));
    until("call in the server", || (serve.received("\"hold\"") > before).then_some(()));
    wire
}

fn answer(mut wire: Wire) -> Value {
    let head = wire.read_head().expect("an answer");
    assert_eq!(head.status, 200);
    serde_json::from_slice(&wire.body()).expect("JSON")
}

#[test]
fn a_request_describes_itself_and_needs_no_session() {
    let serve = server();
    let discover = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}});
    let found = ask(&serve, None, discover);
    assert_eq!(found.head.status, 200);
    assert_eq!(found.json()["result"]["supportedVersions"], json!([MODERN]));
    let echo = ask(&serve, None, call("an id", "echo", json!({"text": "hello"})));
    assert_eq!((text(&echo.json()), &echo.json()["id"]), ("hello", &json!("an id")));
    for answer in [found, echo] {
        assert_eq!(answer.head.header("mcp-session-id"), None, "no session is minted");
    }
}

#[test]
fn headers_of_older_versions_mean_nothing() {
    let serve = server();
    let ask = modern(call(1, "echo", json!({"text": "hello"})))
        .header("mcp-session-id", "of another time")
        .header("last-event-id", "7-7");
    let answer = Wire::to(&serve).ask(&ask);
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.head.header("mcp-session-id"), None);
}

#[test]
fn there_is_nothing_to_get_or_to_delete() {
    let serve = server();
    for method in ["GET", "DELETE"] {
        let ask = Ask::new(method, "/mcp")
            .header("accept", "text/event-stream")
            .header("mcp-protocol-version", MODERN);
        let answer = Wire::to(&serve).ask(&ask);
        assert_eq!(answer.head.status, 405, "{method}");
        assert_eq!(answer.head.header("allow"), Some("POST"));
    }
}

#[test]
fn what_headers_and_body_say_differently_is_refused_and_reaches_nobody() {
    let serve = server();
    let good = modern(call(1, "echo", json!({"text": "hello"})));
    let base64 = |text: &str| format!("=?base64?{text}?=");
    let cases = [
        (good.clone().without("mcp-method"), -32020),
        (good.clone().header("mcp-method", "tools/list"), -32020),
        (good.clone().header("mcp-method", "TOOLS/CALL"), -32020),
        (good.clone().and("mcp-method", "tools/call"), -32020),
        (good.clone().without("mcp-name"), -32020),
        (good.clone().header("mcp-name", "big"), -32020),
        (good.clone().header("mcp-name", "Echo"), -32020),
        (good.clone().header("mcp-name", base64("YmlnCg==")), -32020),
        (good.clone().header("mcp-name", base64("not base64")), -32020),
        (good.clone().without("mcp-protocol-version"), -32020),
        (good.clone().header("mcp-protocol-version", LEGACY), -32020),
    ];
    for (ask, code) in cases {
        let answer = Wire::to(&serve).ask(&ask);
        assert_eq!(answer.head.status, 400, "{ask:?}");
        assert_eq!(answer.json()["error"]["code"], code, "{ask:?}");
        assert_eq!(answer.json()["id"], 1, "{answer:?}");
    }
    assert_eq!(serve.received("hello"), 0);
    let encoded = good.header("mcp-name", base64("ZWNobw=="));
    assert_eq!(text(&Wire::to(&serve).ask(&encoded).json()), "hello");
}

#[test]
fn what_a_request_does_not_say_of_itself_is_missed() {
    let serve = server();
    let version = "io.modelcontextprotocol/protocolVersion";
    let bare = call(1, "echo", json!({"text": "hello"}));
    let post = |message: &Value, version: &str| {
        let ask = Ask::post(message).header("mcp-protocol-version", version);
        let ask = ask.header("mcp-method", "tools/call").header("mcp-name", "echo");
        Wire::to(&serve).ask(&ask)
    };
    let without_meta = post(&bare, MODERN);
    let mut half = bare.clone();
    half["params"]["_meta"] = json!({version: MODERN});
    let without_capabilities = post(&half, MODERN);
    for answer in [without_meta, without_capabilities] {
        assert_eq!(answer.head.status, 400);
        assert_eq!(answer.json()["error"]["code"], -32602, "{answer:?}");
    }
    let mut later = bare;
    later["params"]["_meta"] =
        json!({version: "2099-01-01", "io.modelcontextprotocol/clientCapabilities": {}});
    let unknown = post(&later, "2099-01-01");
    assert_eq!(unknown.head.status, 400);
    assert_eq!(unknown.json()["error"]["code"], -32022, "{unknown:?}");
    assert_eq!(unknown.json()["error"]["data"]["supported"], json!([MODERN]));
    assert_eq!(serve.received("hello"), 0);
}

#[test]
fn errors_of_the_server_show_in_the_status() {
    let serve = server();
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {}});
    assert_eq!(ask(&serve, None, unknown).head.status, 404);
    for (code, status) in [(-32021, 400), (-32022, 400), (-32000, 200), (-32601, 404)] {
        let answer = ask(&serve, None, call(1, "fail", json!({"code": code})));
        assert_eq!(answer.json()["error"]["code"], code);
        assert_eq!(answer.head.status, status, "{code}");
    }
}

#[test]
fn each_identity_has_one_process_for_all_its_requests() {
    let serve = Serving::mutual().child("--modern").start();
    let (one, two) = (serve.client("one"), serve.client("two"));
    let pid =
        |leaf: &Leaf| text(&ask(&serve, Some(leaf), call(1, "pid", json!({}))).json()).to_owned();
    let (first, second) = (pid(&one), pid(&two));
    assert_ne!(first, second);
    assert_eq!((pid(&one), pid(&two)), (first, second));
    assert_eq!(serve.started(), 2);
}

#[test]
fn one_process_serves_everybody_where_the_operator_says_so() {
    let serve = Serving::mutual().switch("--shared").child("--modern").start();
    let (one, two) = (serve.client("one"), serve.client("two"));
    let pid =
        |leaf: &Leaf| text(&ask(&serve, Some(leaf), call(1, "pid", json!({}))).json()).to_owned();
    assert_eq!(pid(&one), pid(&two));
    // Both count from 1, and both get their own answers.
    let (first, second) = (hold(&serve, Some(&one), 1), hold(&serve, Some(&two), 1));
    ask(&serve, Some(&one), call(2, "release", json!({})));
    assert_eq!((answer(first)["id"].clone(), answer(second)["id"].clone()), (json!(1), json!(1)));
}

#[test]
fn equal_ids_of_two_requests_are_told_apart_and_given_back() {
    let serve = server();
    let (first, second) = (hold(&serve, None, 1), hold(&serve, None, 1));
    let ids: Vec<_> = serve.child_log().into_iter().filter(|it| it.contains("\"hold\"")).collect();
    assert_ne!(ids[0], ids[1], "the server sees two ids");
    ask(&serve, None, call(1, "release", json!({})));
    assert_eq!(answer(first)["id"], 1);
    assert_eq!(answer(second)["id"], 1);
}

#[test]
fn progress_comes_under_the_token_that_the_client_gave() {
    let serve = server();
    let held = hold(&serve, None, 1);
    let mut streams = Vec::new();
    for (id, token) in [(1, json!("token")), (1, json!(7))] {
        let mut wire = Wire::to(&serve);
        let head = wire.head(&modern(call_with_progress(id, token.clone(), 3)));
        streams.push((token, Events::new(wire, head)));
    }
    for (token, mut stream) in streams {
        let messages = stream.rest();
        assert_eq!(messages.len(), 4, "{messages:?}");
        assert!(messages[..3].iter().all(|it| it["params"]["progressToken"] == token));
        assert_eq!(text(&messages[3]), "done");
    }
    ask(&serve, None, call(1, "release", json!({})));
    answer(held);
}

#[test]
fn a_client_that_goes_away_cancels_its_request() {
    let serve = server();
    let (leaving, staying) = (hold(&serve, None, 1), hold(&serve, None, 2));
    drop(leaving);
    until("cancel", || (serve.received("notifications/cancelled") == 1).then_some(()));
    let lines = serve.child_log();
    let held = lines.iter().find(|line| line.contains("\"hold\"")).unwrap();
    let held: Value = serde_json::from_str(held).unwrap();
    let cancel = lines.iter().find(|line| line.contains("notifications/cancelled")).unwrap();
    let cancel: Value = serde_json::from_str(cancel).unwrap();
    assert_eq!(cancel["params"]["requestId"], held["id"], "by the id that the server knows");
    ask(&serve, None, call(3, "release", json!({})));
    assert_eq!(answer(staying)["id"], 2);
}

#[test]
fn a_process_that_dies_fails_what_waits_and_the_next_request_starts_another() {
    let serve = server();
    let waiting = hold(&serve, None, 1);
    let pid = text(&ask(&serve, None, call(2, "pid", json!({}))).json()).parse().unwrap();
    kill(pid);
    let failed = answer(waiting);
    assert_eq!(failed["error"]["data"]["kind"], "outcome_unknown", "{failed}");
    let next = ask(&serve, None, call(3, "echo", json!({"text": "again"})));
    assert_eq!(text(&next.json()), "again");
    assert_eq!(serve.started(), 2);
    assert_eq!(serve.stop(), Some(0));
    assert_eq!(serve.log().matches("killed by signal 9").count(), 1, "{}", serve.log());
}

#[test]
fn a_process_that_keeps_dying_is_not_started_again_and_again() {
    let serve = Serving::plain().child("--modern").child("--dies").start();
    let mut busy = None;
    for id in 0..10 {
        let answer = ask(&serve, None, call(id, "echo", json!({"text": "hello"})));
        assert!(answer.head.status >= 500, "{answer:?}");
        if answer.head.status == 503 {
            busy = Some(answer);
        }
    }
    let busy = busy.expect("at last they are told to wait");
    assert!(busy.head.header("retry-after").is_some(), "{busy:?}");
    assert_eq!(busy.json()["error"]["data"]["kind"], "overloaded", "{busy:?}");
    assert!(serve.started() < 5, "{} starts", serve.started());
}

#[test]
fn an_unused_process_ends_and_comes_back_when_it_is_asked() {
    let serve = Serving::plain().flag("--session-idle-timeout", "1s").child("--modern").start();
    ask(&serve, None, call(1, "echo", json!({"text": "one"})));
    until("end of the process", || serve.children().is_empty().then_some(()));
    let again = ask(&serve, None, call(2, "echo", json!({"text": "two"})));
    assert_eq!(text(&again.json()), "two");
    assert_eq!(serve.started(), 2);
}

#[test]
fn a_legacy_server_makes_modern_clients_fall_back() {
    let serve = Serve::plain();
    for id in 1..3 {
        let answer = ask(&serve, None, call(id, "echo", json!({"text": "hello"})));
        assert_eq!(answer.head.status, 400);
        assert_eq!(answer.json()["error"]["code"], -32600, "no error of the modern era");
    }
    assert_eq!(serve.started(), 1, "it is asked for its era once");
    assert_eq!(serve.received("hello"), 0);
    assert_eq!(Wire::to(&serve).ask(&Ask::post(initialize(LEGACY))).head.status, 200);
}

#[test]
fn a_modern_server_tells_legacy_clients_its_versions() {
    let serve = Serving::plain().child("--modern-only").start();
    let answer = Wire::to(&serve).ask(&Ask::post(initialize(LEGACY)));
    assert_eq!(answer.head.status, 400);
    assert_eq!(answer.json()["error"]["code"], -32022);
    assert_eq!(answer.json()["error"]["data"]["supported"], json!([MODERN]));
    assert_eq!(answer.head.header("mcp-session-id"), None);
    until("end of the process", || serve.children().is_empty().then_some(()));
}

#[test]
fn both_eras_have_processes_of_their_own() {
    let serve = server();
    ask(&serve, None, call(1, "echo", json!({"text": "hello"})));
    let legacy = Wire::to(&serve).ask(&Ask::post(initialize(LEGACY)));
    assert_eq!(legacy.head.status, 200);
    assert_eq!(serve.started(), 2);
    assert_eq!(serve.received("initialize\""), 1);
}

#[test]
fn many_clients_of_one_process_get_their_own_answers() {
    let serve = server();
    crate::support::parallel::for_each(0..40, |client| {
        let mut wire = Wire::to(&serve);
        for id in 0..25 {
            let said = format!("{client}/{id}");
            let answer = wire.ask(&modern(call(id, "echo", json!({"text": said}))));
            assert_eq!((text(&answer.json()), &answer.json()["id"]), (&*said, &json!(id)));
        }
    });
    assert_eq!(serve.started(), 1);
}

#[test]
fn a_batch_or_a_response_is_no_part_of_the_modern_era() {
    let serve = server();
    let version = |ask: Ask| ask.header("mcp-protocol-version", MODERN);
    for message in [
        json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]),
        json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
    ] {
        let answer = Wire::to(&serve).ask(&version(Ask::post(message)));
        assert_eq!(answer.head.status, 400, "{answer:?}");
        assert_eq!(answer.json()["error"]["code"], -32600, "{answer:?}");
    }
    assert_eq!(tell(&serve, None, call(1, "echo", json!({"text": "x"}))).all().len(), 1);
}

#[test]
fn a_killed_server_takes_the_shared_process_with_it() {
    let serve = server();
    ask(&serve, None, call(1, "echo", json!({"text": "hello"})));
    let children = serve.children();
    assert_eq!(children.len(), 1);
    serve.signal(Signal::KILL);
    serve.exit();
    until("end of the process", || (!crate::support::serve::is_alive(children[0])).then_some(()));
}
