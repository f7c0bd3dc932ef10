//! The support itself: what the other tests rely on.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::raw::RawRemote;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::wire::Fault;
use crate::support::wire::Wire;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn post(address: std::net::SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer
}

#[test]
fn a_host_sees_what_a_program_writes() {
    let mut host = Launch::under(&["sh", "-c", "cat; echo bye >&2; exit 3"]).start();
    host.send(json!({"jsonrpc": "2.0", "id": 7, "result": {}}).to_string());
    assert_eq!(host.answer(7)["id"], 7);
    host.close_input();
    assert_eq!(host.exit_code(), 3);
    host.wait_for_error("bye");
}

#[test]
#[should_panic(expected = "not a JSON-RPC line")]
fn a_host_minds_stray_output() {
    let mut host = Launch::under(&["sh", "-c", "cat"]).start();
    host.send("hello");
    assert_eq!(host.line(), "hello");
    host.finish();
}

#[test]
fn a_remote_answers_and_counts() {
    let remote = Plan::legacy().once("ping", Reply::events([Step::Answer])).start();
    assert!(post(remote.address(), LIST).contains("data: {"));
    assert!(post(remote.address(), LIST).ends_with(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    assert_eq!(remote.requests("ping").len(), 2);
    assert_eq!(remote.connections(), 2);
}

#[test]
#[should_panic(expected = "comes before notifications/initialized")]
fn a_remote_minds_its_rules() {
    let remote = Plan::legacy().start();
    post(remote.address(), r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
}

#[test]
fn a_wire_counts_cuts_and_corrupts() {
    let remote = Plan::legacy().start();
    let through = |up, down| {
        let wire = Wire::start(remote.address(), up, down);
        (post(wire.address(), LIST), wire.passed())
    };
    let (whole, (up, down)) = through(Fault::Drip, Fault::Drip);
    assert_eq!(whole.len(), down);
    assert!(up > LIST.len());
    let (cut, _) = through(Fault::None, Fault::Cut(20));
    assert_eq!(cut, whole[..20]);
    let (corrupt, _) = through(Fault::None, Fault::Corrupt(0));
    assert_eq!(corrupt[..4], *"ITTP");
    let seen = remote.requests("ping").len();
    let (nothing, _) = through(Fault::Reset(up - 1), Fault::None);
    assert_eq!((nothing.as_str(), remote.requests("ping").len()), ("", seen));
}

#[test]
#[should_panic(expected = "a script of the remote panicked")]
fn a_script_reports_its_panic() {
    let remote = RawRemote::start(|connection| {
        connection.request();
        panic!("on purpose");
    });
    post(remote.address(), LIST);
}
