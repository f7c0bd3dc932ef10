//! HTTP+SSE at our own server: a stream for what the server says, POSTs for what the client says.

use serde_json::Value;
use serde_json::json;

use crate::support::http::Ask;
use crate::support::http::Events;
use crate::support::http::Wire;
use crate::support::pki::Leaf;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::kill;
use crate::support::serve::until;
use crate::support::session::call;
use crate::support::session::connect;
use crate::support::session::initialize;
use crate::support::session::text;

struct Client<'a> {
    serve: &'a Serve,
    leaf: Option<&'a Leaf>,
    endpoint: String,
    events: Events,
}

impl<'a> Client<'a> {
    #[track_caller]
    fn open(serve: &'a Serve, leaf: Option<&'a Leaf>) -> Self {
        let mut wire = connect(serve, leaf);
        let head = wire.head(&Ask::stream("/sse"));
        assert_eq!(head.status, 200, "{head:?}");
        let mut events = Events::new(wire, head);
        let first = events.next().expect("an event");
        assert_eq!(first.name.as_deref(), Some("endpoint"), "{first:?}");
        Self { serve, leaf, endpoint: first.data, events }
    }

    fn post(&self, message: Value) -> u16 {
        let ask = Ask::post_to(&self.endpoint, message);
        connect(self.serve, self.leaf).ask(&ask).head.status
    }

    #[track_caller]
    fn handshake(&mut self) {
        assert_eq!(self.post(initialize("2024-11-05")), 202);
        assert_eq!(self.events.message()["result"]["protocolVersion"], "2024-11-05");
    }
}

#[test]
fn a_session_passes_over_a_stream_and_posts() {
    let serve = Serve::plain();
    let mut client = Client::open(&serve, None);
    client.handshake();
    assert_eq!(client.post(call(1, "echo", json!({"text": "hello"}))), 202);
    let event = client.events.next().unwrap();
    assert_eq!(event.name.as_deref(), Some("message"));
    assert_eq!(event.id, None, "the old transport has no ids of events");
    let answer: Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(text(&answer), "hello");
    assert_eq!(client.post(call(2, "ask", json!({}))), 202);
    let question = client.events.message();
    assert_eq!(question["method"], "sampling/createMessage");
    let content = json!({"type": "text", "text": "yes"});
    let result = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"content": content}});
    assert_eq!(client.post(result), 202);
    assert_eq!(text(&client.events.message()), "yes");
    assert_eq!(client.events.head.header("x-accel-buffering"), Some("no"));
}

#[test]
fn the_endpoint_is_a_path_below_the_outer_prefix() {
    let serve = Serving::plain().flag("--path-prefix", "/tools/files").start();
    let mut wire = Wire::to(&serve);
    let head = wire.head(&Ask::stream("/tools/files/sse"));
    let endpoint = Events::new(wire, head).next().unwrap().data;
    assert!(endpoint.starts_with("/tools/files/messages?sessionId="), "{endpoint}");
}

#[test]
fn the_end_of_the_stream_ends_the_session_and_its_process() {
    let serve = Serve::plain();
    let mut client = Client::open(&serve, None);
    client.handshake();
    let endpoint = client.endpoint.clone();
    drop(client);
    until("end of the process", || serve.children().is_empty().then_some(()));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(Wire::to(&serve).ask(&Ask::post_to(&endpoint, ping)).head.status, 404);
}

#[test]
fn the_end_of_the_process_ends_the_stream() {
    let serve = Serve::plain();
    let mut client = Client::open(&serve, None);
    client.handshake();
    assert_eq!(client.post(call(1, "hold", json!({}))), 202);
    until("call", || (serve.received("\"hold\"") == 1).then_some(()));
    kill(serve.children()[0]);
    let failed = client.events.message();
    assert_eq!(failed["error"]["data"]["kind"], "outcome_unknown", "{failed}");
    assert_eq!(client.events.next(), None);
    assert_eq!(client.post(call(2, "echo", json!({"text": "late"}))), 404);
}

#[test]
fn the_messages_of_a_stranger_are_not_taken() {
    let serve = Serving::mutual().start();
    let (owner, stranger) = (serve.client("owner"), serve.client("stranger"));
    let mut client = Client::open(&serve, Some(&owner));
    client.handshake();
    let foreign = Ask::post_to(&client.endpoint, call(1, "echo", json!({"text": "foreign"})));
    assert_eq!(Wire::of(&serve, &stranger).ask(&foreign).head.status, 404);
    serve.wait_for_log("a peer used the session of another one");
    for endpoint in ["/messages", "/messages?sessionId=", "/messages?sessionId=unknown"] {
        let ask = Ask::post_to(endpoint, call(1, "echo", json!({"text": "foreign"})));
        assert!(matches!(Wire::of(&serve, &owner).ask(&ask).head.status, 400 | 404), "{endpoint}");
    }
    assert_eq!(client.post(call(2, "echo", json!({"text": "own"}))), 202);
    assert_eq!(text(&client.events.message()), "own");
    assert_eq!(serve.received("foreign"), 0);
}

#[test]
fn each_path_has_its_one_method() {
    let serve = Serve::plain();
    let cases = [("POST", "/sse", "GET"), ("DELETE", "/sse", "GET"), ("GET", "/messages", "POST")];
    for (method, path, allowed) in cases {
        let answer = Wire::to(&serve).ask(&Ask::new(method, path));
        assert_eq!(answer.head.status, 405, "{method} {path}");
        assert_eq!(answer.head.header("allow"), Some(allowed));
    }
    assert_eq!(Wire::to(&serve).ask(&Ask::new("GET", "/")).head.status, 404);
    assert_eq!(serve.started(), 0);
}
