//! The delivery promise under a wire that fails at every byte: exactly one answer for each request,
//! and at most one execution.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::host::modern;
use crate::support::launch::Launch;
use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::parallel;
use crate::support::secure::Pki;
use crate::support::watched::Gate;
use crate::support::wire::Fault;
use crate::support::wire::Wire;

/// A way to reach a remote.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    plan: fn() -> Plan,
    is_modern: bool,
}

const LEGACY_JSON: Case = Case { name: "legacy, JSON", plan: Plan::legacy, is_modern: false };
const LEGACY_EVENTS: Case =
    Case { name: "legacy, events", plan: || Plan::legacy().answers_in_events(), is_modern: false };
const LEGACY_RESUMABLE: Case = Case {
    name: "legacy, resumable events",
    plan: || Plan::legacy().resumable(),
    is_modern: false,
};
const MODERN_JSON: Case = Case { name: "modern, JSON", plan: Plan::modern, is_modern: true };
const MODERN_EVENTS: Case =
    Case { name: "modern, events", plan: || Plan::modern().answers_in_events(), is_modern: true };
const SSE: Case = Case { name: "HTTP+SSE", plan: Plan::sse, is_modern: false };

const ALL: [Case; 6] =
    [LEGACY_JSON, LEGACY_EVENTS, LEGACY_RESUMABLE, MODERN_JSON, MODERN_EVENTS, SSE];

fn call_params(is_modern: bool) -> Value {
    let params = json!({"name": "echo", "arguments": {"a": 1}});
    if is_modern { modern(params) } else { params }
}

/// D01, D02 and D03 for one request.
#[track_caller]
fn check(about: &str, host: &Host, remote: &McpRemote, id: i32) {
    let answer = host.answer(id);
    assert_eq!(host.answers_to(id), 1, "{about}: answers to {id}");
    let executed = remote.executions(id);
    assert!(executed <= 1, "{about}: {id} was executed {executed} times");
    let kind = &answer["error"]["data"]["kind"];
    assert!(kind != "not_sent" || executed == 0, "{about}: {id} was sent: {answer}");
    let called = answer["result"].get("structuredContent").is_some();
    assert!(!called || executed == 1, "{about}: {id} was never executed: {answer}");
}

/// A bridge in a session over a wire that can be armed.
struct Line {
    case: Case,
    remote: McpRemote,
    wire: Wire,
    host: Host,
    // Of the same length all the time, so that the bytes of all calls have the same numbers.
    last_id: i32,
}

impl Line {
    fn open(case: Case) -> Self {
        let remote = (case.plan)().start();
        let wire = Wire::start(remote.address(), Fault::None, Fault::None);
        let host = Launch::plain(&wire.url(&remote.url())).start();
        let mut line = Self { case, remote, wire, host, last_id: 10_000 };
        if case.is_modern {
            line.host.call(0, "server/discover", modern(json!({})));
        } else {
            line.host.initialize();
        }
        line.call();
        line
    }

    /// Asks for a call, and gives its id once it has an answer.
    fn call(&mut self) -> i32 {
        self.last_id += 1;
        self.host.call(self.last_id, "tools/call", call_params(self.case.is_modern));
        self.last_id
    }

    /// How many bytes go up and down for one call.
    fn measure(&mut self) -> (usize, usize) {
        self.wire.arm(Fault::None, Fault::None);
        self.call();
        self.wire.passed()
    }

    /// A call while this goes wrong.
    fn strike(&mut self, up: Fault, down: Fault) {
        let about = format!("{} (up {up:?}, down {down:?})", self.case.name);
        self.wire.arm(up, down);
        let id = self.call();
        self.wire.arm(Fault::None, Fault::None);
        check(&about, &self.host, &self.remote, id);
        self.recover(&about);
    }

    /// Calls until one succeeds. Over HTTP+SSE the stream may have to be opened anew; over
    /// Streamable HTTP a call may still cross the end of a connection that the fault has hit.
    fn recover(&mut self, about: &str) {
        for _ in 0..200 {
            let id = self.call();
            check(about, &self.host, &self.remote, id);
            if self.host.answer(id)["result"].is_object() {
                return;
            }
            assert!(self.host.exits_within(Duration::from_millis(20)).is_none());
        }
        panic!("{about}: the bridge does not recover: {}", self.host.answer(self.last_id));
    }

    fn close(mut self) {
        self.host.finish();
        // Where `notifications/initialized` was lost, the remote is right to complain.
        self.remote.take_complaints();
    }
}

/// Every `step`-th fault of this kind while a call is under way, in both directions.
fn strike_calls(case: Case, step: usize, fault: fn(usize) -> Fault) {
    let (up, down) = Line::open(case).measure();
    let upward = (0..up).step_by(step).map(|at| (fault(at), Fault::None));
    let downward = (0..down).step_by(step).map(|at| (Fault::None, fault(at)));
    let all: Vec<(Fault, Fault)> = upward.chain(downward).collect();
    parallel::for_each(all.chunks(100), |some| {
        let mut line = Line::open(case);
        some.iter().for_each(|(up, down)| line.strike(up.clone(), down.clone()));
        line.close();
    });
}

/// Every `step`-th fault while the bridge finds out what the remote speaks. Each needs a bridge of
/// its own.
fn strike_first_messages(case: Case, step: usize, fault: fn(usize) -> Fault) {
    let (up, down) = first_message(case, Fault::None, Fault::None);
    let upward = (0..up).step_by(step).map(|at| (fault(at), Fault::None));
    let downward = (0..down).step_by(step).map(|at| (Fault::None, fault(at)));
    parallel::for_each(upward.chain(downward), |(up, down)| {
        first_message(case, up, down);
    });
}

/// `notifications/initialized` over a wire of which the way down fails, and a call right behind it.
/// Gives how many bytes came down, with the answer to the call.
fn initialized(case: Case, down: Fault) -> usize {
    let about = format!("{} (down {down:?})", case.name);
    let remote = (case.plan)().start();
    let wire = Wire::start(remote.address(), Fault::None, Fault::None);
    let mut host = Launch::plain(&wire.url(&remote.url())).start();
    host.call(0, "initialize", initialize_params());
    wire.arm(Fault::None, down);
    host.notify("notifications/initialized", json!({}));
    host.call(1, "tools/call", call_params(false));
    // The remote has it, in whatever state its reply came back: once, and before the call.
    let order = remote.order();
    let told = order.iter().filter(|what| *what == "notifications/initialized");
    assert_eq!(told.count(), 1, "{about}: {order:?}");
    check(&about, &host, &remote, 1);
    host.finish();
    let complaints = remote.take_complaints();
    assert!(complaints.is_empty(), "{about}: {complaints:?} {order:?}");
    wire.passed().1
}

fn first_message(case: Case, up: Fault, down: Fault) -> (usize, usize) {
    let about = format!("{} (up {up:?}, down {down:?})", case.name);
    let remote = (case.plan)().start();
    let wire = Wire::start(remote.address(), up, down);
    let strategy = if case.name == SSE.name { "sse-first" } else { "http-first" };
    let launch = Launch::plain(&wire.url(&remote.url())).args(["--transport", strategy]);
    let mut host = launch.start();
    if case.is_modern {
        host.call(0, "server/discover", modern(json!({})));
    } else {
        host.call(0, "initialize", initialize_params());
    }
    let passed = wire.passed();
    host.close_input();
    assert_eq!(host.exit_code(), 0, "{about}");
    check(&about, &host, &remote, 0);
    let complaints = remote.take_complaints();
    assert!(complaints.is_empty(), "{about}: {complaints:?} {:?}", remote.order());
    passed
}

#[test]
fn a_wire_cut_at_any_byte_of_a_legacy_call() {
    strike_calls(LEGACY_JSON, 1, Fault::Cut);
    strike_calls(LEGACY_EVENTS, 1, Fault::Cut);
}

#[test]
fn a_wire_cut_at_any_byte_of_a_legacy_call_that_can_be_resumed() {
    strike_calls(LEGACY_RESUMABLE, 1, Fault::Cut);
}

#[test]
fn a_wire_cut_at_any_byte_of_a_modern_call() {
    strike_calls(MODERN_JSON, 1, Fault::Cut);
    strike_calls(MODERN_EVENTS, 1, Fault::Cut);
}

#[test]
fn a_wire_cut_at_any_byte_of_a_call_over_the_old_transport() {
    strike_calls(SSE, 1, Fault::Cut);
}

#[test]
fn a_wire_cut_at_any_byte_of_the_first_message() {
    for case in [LEGACY_EVENTS, MODERN_JSON, SSE] {
        strike_first_messages(case, 1, Fault::Cut);
    }
}

#[test]
fn a_wire_cut_at_any_byte_of_the_reply_to_initialized() {
    for case in [LEGACY_JSON, LEGACY_EVENTS] {
        let down = initialized(case, Fault::None);
        parallel::for_each(0..down, |at| {
            initialized(case, Fault::Cut(at));
        });
    }
}

#[test]
fn a_wire_that_resets() {
    for case in ALL {
        strike_calls(case, 7, Fault::Reset);
        strike_first_messages(case, 53, Fault::Reset);
    }
}

#[test]
fn a_wire_that_closes_one_direction() {
    for case in ALL {
        strike_calls(case, 7, Fault::HalfClose);
        strike_first_messages(case, 59, Fault::HalfClose);
    }
}

#[test]
fn a_wire_that_carries_single_bytes_or_is_slow_changes_nothing() {
    for case in ALL {
        let mut line = Line::open(case);
        for fault in [Fault::Drip, Fault::Delay(Duration::from_millis(20))] {
            line.wire.arm(fault.clone(), fault);
            let id = line.call();
            assert!(line.host.answer(id)["result"].is_object(), "{}", case.name);
        }
        line.close();
    }
}

/// A flipped bit may change the meaning of a request, and make either side wait for bytes that
/// never come. There is one answer all the same, at the latest when the host goes.
#[test]
fn a_wire_that_flips_bits() {
    for case in [LEGACY_JSON, LEGACY_RESUMABLE, MODERN_EVENTS, SSE] {
        let (up, down) = (1500, 900);
        let upward = (0..up).step_by(37).map(|at| (Fault::Corrupt(at), Fault::None));
        let downward = (0..down).step_by(17).map(|at| (Fault::None, Fault::Corrupt(at)));
        parallel::for_each(upward.chain(downward), |(up, down)| {
            let about = format!("{} (up {up:?}, down {down:?})", case.name);
            let remote = (case.plan)().start();
            let wire = Wire::start(remote.address(), up, down);
            let mut host = Launch::plain(&wire.url(&remote.url())).start();
            host.tolerate_stray_lines();
            if case.is_modern {
                host.ask(0, "server/discover", modern(json!({})));
            } else {
                host.ask(0, "initialize", initialize_params());
                host.notify("notifications/initialized", json!({}));
            }
            host.ask(1, "tools/call", call_params(case.is_modern));
            host.close_input();
            host.exit_code();
            remote.take_complaints();
            for id in [0, 1] {
                assert_eq!(host.answers_to(id), 1, "{about}: answers to {id}");
                assert!(remote.executions(id) <= 1, "{about}");
            }
        });
    }
}

/// Many calls in flight when it happens, on one HTTP/2 connection or on many of HTTP/1.1.
#[test]
fn a_break_under_load_is_one_answer_for_each() {
    let pki = Pki::new();
    let calls = 30;
    for protocol in ["http/1.1", "h2"] {
        parallel::for_each((0..60).map(|n| 3000 + n * 150), |at| {
            let gate = Gate::closed();
            let plan = Plan::modern().behind(pki.acceptor(&[protocol])).answers_in_events();
            let remote = plan.start();
            let fault = if at % 4 == 0 { Fault::Reset(at) } else { Fault::Cut(at) };
            let (up, down) =
                if at % 300 == 0 { (fault, Fault::None) } else { (Fault::None, fault) };
            let about = format!("{protocol} (up {up:?}, down {down:?})");
            let wire = Wire::start(remote.address(), up, down);
            let mut host = Launch::new(&wire.url(&remote.url())).args(pki.flags()).start();
            gate.open();
            for id in 0..calls {
                host.ask(id, "tools/call", call_params(true));
            }
            (0..calls).for_each(|id| drop(host.answer(id)));
            host.finish();
            (0..calls).for_each(|id| check(&about, &host, &remote, id));
        });
    }
}

/// D06: the bridge is killed at 200 points of its conversation.
#[test]
fn a_killed_bridge_has_executed_nothing_twice() {
    // A fixed sequence, spread over the session by a multiplier of Knuth.
    let points = (0..200_u32).map(|n| n.wrapping_mul(2_654_435_761) as usize);
    parallel::for_each(points.enumerate(), |(number, point)| {
        let case = ALL[number % ALL.len()];
        let gate = Gate::closed();
        let stall = Fault::Stall(point % 1500, gate.clone());
        let (up, down) = if number % 2 == 0 { (stall, Fault::None) } else { (Fault::None, stall) };
        let remote = (case.plan)().start();
        let wire = Wire::start(remote.address(), up, down);
        let host = Launch::plain(&wire.url(&remote.url())).start();
        if case.is_modern {
            host.ask(0, "server/discover", modern(json!({})));
        } else {
            host.ask(0, "initialize", initialize_params());
            host.notify("notifications/initialized", json!({}));
        }
        (1..=10).for_each(|id| host.ask(id, "tools/call", call_params(case.is_modern)));
        gate.wait_for_visitors(1);
        host.signal("KILL");
        gate.open();
        host.wait_for_exit();
        (1..=10).for_each(|id| assert!(remote.executions(id) <= 1, "{} {point}", case.name));
    });
}

/// D07 over everything that there is.
#[test]
fn messages_are_the_same_bytes_at_both_ends() {
    let arguments = r#"{"z":123456789012345678901234567890,"a":-0,"f":1.0,"e":"\u00e9\/","d":1E5}"#;
    let pki = Pki::new();
    for case in ALL {
        for protocol in [None, Some("http/1.1"), Some("h2")] {
            let plan = (case.plan)();
            let remote = match protocol {
                Some(protocol) => plan.behind(pki.acceptor(&[protocol])).start(),
                None => plan.start(),
            };
            let host = match protocol {
                Some(_) => Launch::new(&remote.url()).args(pki.flags()).start(),
                None => Host::of(&remote),
            };
            if !case.is_modern {
                host.initialize();
            }
            let meta = if case.is_modern {
                r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","x":1.50}"#
            } else {
                ""
            };
            let line = format!(
                r#"{{"params":{{"arguments":{arguments},"name":"echo"{meta}}},"id":"i","x":[1.10],"method":"tools/call","jsonrpc":"2.0"}}"#
            );
            host.send(&line);
            host.answer("i");
            let about = (case.name, protocol);
            assert_eq!(remote.requests("tools/call").pop().unwrap().body, line, "{about:?}");
            let answer = host.lines().pop().unwrap();
            let expected = format!(r#""content":[],"structuredContent":{arguments}}}}}"#);
            assert_eq!(
                answer.trim_end().split_once(r#""content""#).unwrap().1,
                &expected[9..],
                "{about:?}"
            );
        }
    }
}
