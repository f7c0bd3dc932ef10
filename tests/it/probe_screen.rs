//! The probe at a terminal.

use serde_json::json;

use crate::support::mcp::McpRemote;
use crate::support::mcp::Plan;
use crate::support::probing::PROBE;
use crate::support::reply::Reply;
use crate::support::terminal::Terminal;
use crate::support::watched::Gate;

/// A server whose list of tools waits for the gate.
fn slow(gate: &Gate) -> McpRemote {
    let held = gate.clone();
    let plan = Plan::legacy().on("tools/list", move |call| {
        let answer = json!({"jsonrpc": "2.0", "id": call.message["id"], "result": {"tools": []}});
        Some(Reply::json(answer.to_string()).held_by(&held))
    });
    plan.start()
}

#[test]
fn the_step_under_way_has_a_line_of_its_own_that_counts_and_goes_away() {
    let gate = Gate::closed();
    let remote = slow(&gate);
    let folder = tempfile::tempdir().unwrap();
    let line = format!("TERM=xterm '{PROBE}' {} --allow-http", remote.url());
    let mut terminal = Terminal::start(folder.path(), &line);
    terminal.wait_for("\r\u{1b}[K  ...   lists");
    terminal.wait_for("lists     1 s");
    gate.open();
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(shown.contains("\r\u{1b}[K  \u{1b}[32mok  \u{1b}[0m  lists"), "{shown:?}");
    for line in shown.split("\r\n").filter(|line| line.contains("...   ")) {
        let kept = line.rsplit("\r\u{1b}[K").next().unwrap();
        assert!(!kept.contains("...   "), "it is gone from the screen: {line:?}");
    }
}

#[test]
fn without_colour_and_in_a_pipe_nothing_but_text_is_written() {
    let gate = Gate::closed();
    gate.open();
    let remote = slow(&gate);
    let folder = tempfile::tempdir().unwrap();
    for (before, after) in [("NO_COLOR=1", ""), ("", "2>&1 | cat"), ("", "--json 2>&1")] {
        let line = format!("{before} '{PROBE}' {} --allow-http {after}", remote.url());
        let (status, shown) = Terminal::start(folder.path(), &line).end();
        assert!(status.success(), "{shown}");
        assert!(!shown.contains("\u{1b}[3"), "no colour: {shown:?}");
        assert!(before.is_empty() != shown.contains('\u{1b}'), "no live line: {shown:?}");
    }
}
