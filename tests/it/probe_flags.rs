//! The probe on its own: its name, its help, its terminal, and how it ends.

use serde_json::Value;
use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::probing::PROBE;
use crate::support::probing::Probing;
use crate::support::reply::Reply;
use crate::support::terminal::Terminal;
use crate::support::watched::Gate;

/// What a call prints that asks nobody.
fn printed(arg: &str) -> String {
    let probed = Probing::of(arg).run();
    assert_eq!((probed.code, &*probed.err), (Some(0), ""), "{arg}: {probed:?}");
    probed.out
}

#[test]
fn it_has_a_name_and_a_version_of_its_own() {
    let expected = format!("mcp-secure-remote-client {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed("--version"), expected);
    assert_eq!(printed("-V"), expected);
}

#[test]
fn its_help_says_its_usage_by_the_name_it_was_started_by_and_all_that_counts() {
    let help = printed("--help");
    assert_eq!(printed("-h"), help);
    let usage = "Usage: mcp-secure-remote-client <server-url> [options]
       mcp-secure-remote-client --all <file> [options]\n";
    assert!(help.contains(usage), "{help}");
    for told in ["MCP_REMOTE_TLS_CERT,", "HTTPS_PROXY", "NO_COLOR", "130 interrupted"] {
        assert!(help.contains(told), "{told}: {help}");
    }
    let probed = Probing::of("--unknown").run();
    assert_eq!((probed.code, &*probed.out), (Some(2), ""), "{probed:?}");
    let usage = "\nUsage: mcp-secure-remote-client <server-url> [options]
Every option is explained by `mcp-secure-remote-client --help`\n";
    assert!(probed.err.ends_with(usage), "{probed:?}");
}

#[test]
fn an_interrupt_is_exit_code_130_and_json_is_one_object_all_the_same() {
    let gate = Gate::closed();
    let held = gate.clone();
    let plan = Plan::legacy().on("tools/list", move |_| Some(Reply::json("{}").held_by(&held)));
    let remote = plan.start();
    let probing = Probing::of(&remote.url()).args(["--allow-http", "--json", "--timeout", "1h"]);
    let probed = probing.run_and(|pid| {
        gate.wait_for_visitors(1);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    });
    assert_eq!((probed.code, &*probed.err), (Some(130), ""), "{probed:?}");
    let found: Value = serde_json::from_str(&probed.out).unwrap();
    assert_eq!(found["failure"]["error"], "the probe was interrupted at `lists`", "{found:#}");
    assert_eq!(remote.requests("DELETE").len(), 1, "the session is left in good order");
}

#[test]
fn strict_says_that_a_warning_is_the_reason() {
    let plan = Plan::legacy().on("tools/list", |call| {
        let answer = json!({"jsonrpc": "2.0", "id": call.message["id"], "result": {"tools": [7]}});
        Some(Reply::json(answer.to_string()))
    });
    let remote = plan.start();
    let told = "\na warning is a failure with `--strict`: exit code 1\n";
    let probed = Probing::of(&remote.url()).args(["--allow-http", "--strict"]).run();
    assert!(probed.code == Some(1) && probed.err.ends_with(told), "{probed:?}");
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    assert!(probed.code == Some(0) && !probed.err.contains("--strict"), "{probed:?}");
}

/// What stands on a terminal of so many columns.
fn on_terminal(columns: u32, terminal: &str, url: &str) -> String {
    let set = format!("stty cols {columns}; unset NO_COLOR; TERM={terminal}");
    let line = format!("{set} '{PROBE}' {url} --allow-http");
    let folder = tempfile::tempdir().unwrap();
    Terminal::start(folder.path(), &line).end().1
}

#[test]
fn lines_are_as_long_as_the_terminal_allows_and_not_longer() {
    let name = "漢字 ".repeat(40);
    let plan = Plan::legacy().on("initialize", move |call| {
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": {},
            "serverInfo": {"name": name, "version": "1"}});
        let answer = json!({"jsonrpc": "2.0", "id": call.message["id"], "result": result});
        Some(Reply::json(answer.to_string()).header("mcp-session-id", "s"))
    });
    let remote = plan.start();
    for (columns, widest) in [(50, 50), (20, 40), (90, 90), (300, 100)] {
        let shown = on_terminal(columns, "xterm", &remote.url());
        // These characters take two columns, a blank one: so many pairs beside the steps.
        let pairs = (widest - 18 + 1) / 5;
        let line = vec!["漢字"; pairs].join(" ");
        assert!(shown.contains(&format!(" {line}\r\n")), "{columns}: {shown}");
        assert!(!shown.contains(&format!("{line} 漢字")), "{columns}: {shown}");
    }
}

#[test]
fn marks_have_colours_on_a_terminal_that_knows_them() {
    let remote = Plan::legacy().start();
    assert!(on_terminal(80, "xterm", &remote.url()).contains("\u{1b}[32mok"));
    assert!(!on_terminal(80, "dumb", &remote.url()).contains('\u{1b}'));
}
