//! How it all ends: the host goes, a signal comes, a remote does not answer.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use crate::support::host::Host;
use crate::support::host::LEGACY;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::watched::Gate;

/// A program that does not end on its own is not gone by then. Hosts expect 2 s, which the limits add up to:
/// a machine with other things to do is not held to that.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn the_end_of_input_ends_session_and_program() {
    let remote = Plan::legacy().start();
    let mut host = Host::in_session(&remote);
    host.echo(1);
    host.close_input();
    assert_eq!(host.exit_code_within(SOON), 0);
    let deleted = remote.requests("DELETE");
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].header("mcp-session-id"), Some("session-1"));
    assert_eq!(deleted[0].header("mcp-protocol-version"), Some(LEGACY));
}

#[test]
fn the_end_of_input_before_any_message_ends_the_program() {
    let remote = Plan::legacy().start();
    let mut host = Host::of(&remote);
    host.finish();
    assert_eq!(remote.order(), Vec::<String>::new());
}

#[test]
#[cfg(unix)]
fn signals_end_session_and_program() {
    for signal in ["TERM", "INT", "HUP"] {
        let gate = Gate::closed();
        let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
        let remote = Plan::legacy().always("tools/call", held).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        gate.wait_for_visitors(1);
        host.signal(signal);
        assert_eq!(host.exit_code_within(SOON), 0, "{signal}");
        assert_eq!(remote.requests("DELETE").len(), 1, "{signal}");
        assert_eq!(host.answers_to(1), 1, "{signal}");
    }
}

/// `nohup` switches the signal off, so that the program outlives its terminal.
#[test]
#[cfg(target_os = "linux")]
fn a_hangup_that_is_switched_off_ends_nothing() {
    let remote = Plan::legacy().start();
    let shell = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let mut host = Launch::under(&shell).args([&*remote.url(), "--allow-http"]).start();
    host.initialize();
    host.signal("HUP");
    host.echo(1);
    host.finish();
    assert!(!host.errors().contains("SIGHUP"));
}

/// Were the second signal not heard, the session would be ended in good order a second later.
#[test]
#[cfg(unix)]
fn a_second_signal_ends_the_program_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT"), ("INT", "TERM")] {
        let name = if first == "INT" { "interrupt" } else { "SIGTERM" };
        let never = Gate::closed();
        let held = Reply::events([Step::Wait(never.clone()), Step::Answer]);
        let remote = Plan::legacy().always("tools/call", held).start();
        let host = Host::in_session(&remote);
        host.ask_echo(1);
        never.wait_for_visitors(1);
        host.signal(first);
        host.wait_for_error(&format!("Received {name}; shutting down."));
        host.signal(second);
        assert_eq!(host.exit_code_within(SOON), 0, "{first}, {second}");
        assert_eq!(remote.requests("DELETE").len(), 0, "{first}, {second}");
        assert_eq!(host.answers_to(1), 0, "{first}, {second}");
    }
}

#[test]
fn a_host_that_never_reads_does_not_hold_up_the_end() {
    let remote = Plan::legacy().start();
    let mut host = Launch::plain(&remote.url()).unread().start();
    host.ask(0, "initialize", initialize_params());
    host.notify("notifications/initialized", json!({}));
    let id = |number: usize| format!("{number}-{}", "x".repeat(1024));
    (1..=300).for_each(|number| host.ask(id(number), "ping", json!({})));
    remote.wait_for("ping", 300);
    host.close_input();
    assert_eq!(host.exit_code_within(SOON), 1);
    assert_eq!(remote.requests("DELETE").len(), 1);
    assert!(host.errors().contains("answers are lost\ncause: the host does not read it"));
}

#[test]
fn the_end_of_input_is_seen_behind_many_requests_that_a_silent_remote_holds_up() {
    let silent = Reply::events([Step::Wait(Gate::closed())]);
    let remote = Plan::legacy().always("initialize", silent).start();
    let mut host = Host::of(&remote);
    host.ask(0, "initialize", initialize_params());
    (1..=500).for_each(|number| host.ask(number, "ping", json!({})));
    host.close_input();
    assert_eq!(host.exit_code_within(SOON), 0);
    let id =
        |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64();
    let mut answered: Vec<_> = host.lines().iter().filter_map(id).collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..=500).collect::<Vec<_>>());
}

/// It has read all that was said so far, so that nothing is lost.
#[test]
fn a_host_that_reads_no_more_ends_session_and_program() {
    let remote = Plan::legacy().start();
    let mut bridge = Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"))
        .args([&*remote.url(), "--allow-http"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bridge.stdin.take().unwrap();
    let mut output = BufReader::new(bridge.stdout.take().unwrap());
    let first =
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize_params()});
    let second = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    writeln!(input, "{first}\n{second}").unwrap();
    output.read_line(&mut String::new()).unwrap();
    remote.wait_for("notifications/initialized", 1);
    // Nothing is on its way: no write tells the bridge.
    drop(output);
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(bridge.wait()));
    assert_eq!(ended.recv_timeout(SOON).expect("it ends").unwrap().code(), Some(0));
    assert_eq!(remote.requests("DELETE").len(), 1);
}

#[test]
fn answers_that_nobody_takes_are_a_failure() {
    let gate = Gate::closed();
    let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
    let remote = Plan::legacy().always("tools/call", held).start();
    let host = Host::in_session(&remote);
    host.ask_echo(1);
    gate.wait_for_visitors(1);
    host.close_output();
    // What reads a line already notices only then that it was to stop.
    host.send("?");
    assert_eq!(host.exit_code_within(SOON), 1);
    assert!(host.errors().contains("standard output failed, and answers are lost"));
    assert_eq!(remote.requests("DELETE").len(), 1);
}

#[test]
fn what_is_in_flight_at_the_end_of_input_is_answered() {
    let gate = Gate::closed();
    let held = Reply::events([Step::Wait(gate.clone()), Step::Answer]);
    let remote = Plan::legacy().always("tools/call", held).start();
    let mut host = Host::in_session(&remote);
    host.ask_echo(1);
    host.ask_echo(2);
    host.close_input();
    gate.wait_for_visitors(2);
    gate.open();
    assert_eq!(host.exit_code_within(SOON), 0);
    assert!(host.answer(1)["result"].is_object() && host.answer(2)["result"].is_object());
}

#[test]
fn a_whole_conversation_may_be_piped_in() {
    let remote = Plan::legacy().start();
    let mut host = Host::of(&remote);
    host.ask(0, "initialize", initialize_params());
    host.notify("notifications/initialized", json!({}));
    (1..=5).for_each(|id| host.ask_echo(id));
    host.close_input();
    assert_eq!(host.exit_code_within(SOON), 0);
    for id in 0..=5 {
        assert!(host.answer(id)["result"].is_object());
    }
}

#[test]
fn a_remote_that_never_answers_does_not_hold_up_the_end() {
    let never = Gate::closed();
    let remote = Plan::legacy()
        .always("tools/call", Reply::events([Step::Wait(never.clone())]))
        .always("DELETE", Reply::status(204).held_by(&never))
        .start();
    let mut host = Host::in_session(&remote);
    host.ask_echo(1);
    never.wait_for_visitors(1);
    host.close_input();
    assert_eq!(host.exit_code_within(SOON), 0);
    assert_eq!(host.answers_to(1), 1);
}
