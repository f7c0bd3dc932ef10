//! The probe of all servers in the configuration of a host.

use serde_json::Value;
use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::probing::Probing;
use crate::support::reply::Reply;
#[cfg(unix)]
use crate::support::watched::Gate;

fn file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

#[test]
fn all_servers_of_a_host_are_probed_and_shown_in_one_table() {
    let good = Plan::legacy().start();
    let bad = Plan::legacy().always("initialize", Reply::status(403)).start();
    let config = file(&format!(
        r#"{{ // what a host keeps
            "theme": "dark",
            "mcpServers": {{
                "good": {{"command": "/usr/bin/mcp-secure-remote", "args": ["{}", "--allow-http"]}},
                "bad": {{"command": "uvx", "args": ["mcp-secure-remote", "{}", "--allow-http"]}},
                "wrong": {{"command": "mcp-secure-remote", "args": ["ftp://x/"]}},
                "other": {{"command": "npx", "args": ["-y", "server"]}},
            }}
        }}"#,
        good.url(),
        bad.url(),
    ));
    let probed = Probing::all(file_path(&config)).run();
    assert_eq!((probed.code, &*probed.err), (Some(1), ""), "{probed:?}");
    for told in [
        "  ok    good\n",
        "  FAIL  bad\n",
        "does not let us in (HTTP 403)",
        "  FAIL  wrong\n        arguments: ",
        "  -     other\n        not this program: npx\n",
    ] {
        assert!(probed.out.contains(told), "{told}: {}", probed.out);
    }
    for line in probed.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let (code, rows) = Probing::all(file_path(&config)).json();
    assert_eq!(code, Some(1));
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("good")["findings"]["ok"], true);
    assert_eq!(row("bad")["findings"]["failure"]["class"], "auth");
    assert!(row("wrong")["refused"]["error"].is_string(), "{rows:#}");
    assert_eq!(row("other")["skipped"], json!("not this program: npx"));
}

#[test]
fn a_host_whose_servers_all_work_is_well() {
    let good = Plan::legacy().start();
    let config = file(&format!(
        r#"{{"servers": {{"x": {{"command": "mcp-secure-remote", "args": ["{}", "--allow-http"],
            "env": {{"MCP_REMOTE_TLS_MIN_VERSION": ""}}}}}}}}"#,
        good.url(),
    ));
    let (code, rows) = Probing::all(file_path(&config)).json();
    assert_eq!((code, rows.as_array().map(Vec::len)), (Some(0), Some(1)), "{rows:#}");
    let version: &Value = &rows[0]["findings"]["offers"]["protocolVersions"];
    assert!(version.to_string().contains("2025-11-25"), "{rows:#}");
}

#[test]
fn a_file_without_servers_and_a_url_beside_it_are_refused() {
    let empty = file("{}");
    let probed = Probing::all(file_path(&empty)).run();
    assert_eq!(probed.code, Some(1), "{probed:?}");
    assert!(probed.err.contains("no servers to probe"), "{probed:?}");
    let probed = Probing::all(file_path(&empty)).arg("https://localhost:1/mcp").run();
    assert_eq!(probed.code, Some(2), "{probed:?}");
    assert!(probed.err.contains("--all goes without a server URL"), "{probed:?}");
}

#[test]
fn a_server_that_is_not_probed_has_its_reason_in_the_table() {
    let config = file(
        r#"{"servers": {
            "asks": {"command": "mcp-secure-remote",
                "args": ["https://localhost:1/", "--header", "A: ${input:token}"]},
            "lost": {"command": "mcp-secure-remote", "envFile": "/nonexistent/vars"},
            "open": {"command": "mcp-secure-remote", "args": ["https://${HOST}/"]},
            "off\u001b[2J": {"command": "mcp-secure-remote", "disabled": true},
            "url": {"url": "https://localhost:1/"}
        }}"#,
    );
    let probed = Probing::all(file_path(&config)).run();
    assert_eq!(probed.code, Some(1), "a file is missing: {probed:?}");
    let expected = "  -     asks
        it asks its user for `token`: probe it alone, with the value in its
        place
  FAIL  lost
        arguments: unable to read `/nonexistent/vars`: no such file
        hint: check the path given with `envFile`
  -     off
        disabled
  FAIL  open
        arguments: the variable `HOST` is not set
        hint: set it where you start the probe, as it is where your host starts
  -     url
        reached by the host itself
";
    assert_eq!(probed.out, expected);
}

#[test]
fn variables_are_those_that_the_host_would_set() {
    let remote = Plan::legacy().start();
    let variables = file("TOKEN=of-the-file\nMCP_REMOTE_TLS_MIN_VERSION=7\n");
    let config = file(&format!(
        r#"{{"servers": {{"x": {{"command": "mcp-secure-remote", "envFile": "{}", 
            "env": {{"TEAM": "${{env:NAME}}", "MCP_REMOTE_TLS_MIN_VERSION": null}},
            "args": ["${{env:URL}}", "--allow-http", "--header", "Authorization: ${{TOKEN}}",
                "--header", "X-Team: ${{TEAM}}", "--header", "X-Else: ${{ELSE:-other}}"]}},
            "y": {{"command": "mcp-secure-remote", "envFile": "{}", "args": ["https://localhost:1/"]}}}}}}"#,
        file_path(&variables),
        file_path(&variables),
    ));
    let probing = Probing::all(file_path(&config)).env("URL", &remote.url()).env("NAME", "a-team");
    let (code, rows) = probing.json();
    assert_eq!((code, &rows[0]["findings"]["ok"]), (Some(1), &json!(true)), "{rows:#}");
    assert!(rows[1]["refused"]["error"].to_string().contains("TLS_MIN_VERSION"), "{rows:#}");
    let request = &remote.requests("initialize")[0];
    let header = |name| request.header(name);
    assert_eq!(header("authorization"), Some("of-the-file"));
    assert_eq!((header("x-team"), header("x-else")), (Some("a-team"), Some("other")));
}

#[test]
fn a_warning_is_named_in_its_row_and_counts_with_strict_alone() {
    let plan = Plan::legacy().on("ping", |call| {
        let error = json!({"code": -32603, "message": "too tired"});
        let answer = json!({"jsonrpc": "2.0", "id": call.message["id"], "error": error});
        Some(Reply::json(answer.to_string()))
    });
    let remote = plan.start();
    let config = file(&format!(
        r#"{{"mcpServers": {{"x": {{"command": "mcp-secure-remote", "args": ["{}", "--allow-http"]}}}}}}"#,
        remote.url(),
    ));
    let probed = Probing::all(file_path(&config)).run();
    assert_eq!((probed.code, &*probed.err), (Some(0), ""), "{probed:?}");
    assert!(probed.out.starts_with("  warn  x\n"), "{probed:?}");
    assert!(
        probed
            .out
            .contains("\n        its time was not measured: the server refuses `ping`: too tired"),
        "{probed:?}"
    );
    let probed = Probing::all(file_path(&config)).arg("--strict").run();
    let told = "a warning is a failure with `--strict`: exit code 1\n";
    assert_eq!((probed.code, &*probed.err), (Some(1), told), "{probed:?}");
    assert_eq!(Probing::all(file_path(&config)).arg("--strict").json().0, Some(1));
}

/// A remote for many sessions at the same time: it is asked for nothing whose order counts.
fn bare() -> Plan {
    Plan::legacy().on("initialize", |call| {
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
        let answer = json!({"jsonrpc": "2.0", "id": call.message["id"], "result": result});
        Some(Reply::json(answer.to_string()).header("mcp-session-id", format!("s{}", call.number)))
    })
}

/// So many servers that are one, in the configuration of a host.
fn many(count: usize, url: &str) -> tempfile::NamedTempFile {
    let one = json!({"command": "mcp-secure-remote", "args": [url, "--allow-http"]});
    let servers = (0..count).map(|number| (format!("s{number}"), one.clone()));
    let servers: serde_json::Map<String, Value> = servers.collect();
    file(&json!({ "mcpServers": servers }).to_string())
}

#[test]
fn many_servers_take_turns_until_all_are_done() {
    let remote = bare().start();
    let config = many(60, &remote.url());
    let (code, rows) = Probing::all(file_path(&config)).json();
    assert_eq!(code, Some(0), "{rows:#}");
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 60);
    assert!(rows.iter().all(|row| row["findings"]["ok"] == true), "{rows:#?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_those_under_way_in_good_order_and_begins_no_other_one() {
    let at_once = mcp_secure_remote::limits::PROBES_AT_ONCE;
    let gate = Gate::closed();
    let held = gate.clone();
    let remote = bare().on("ping", move |_| Some(Reply::json("{}").held_by(&held))).start();
    let config = many(at_once + 5, &remote.url());
    let probing = Probing::all(file_path(&config)).args(["--timeout", "1h", "--json"]);
    let probed = probing.run_and(|pid| {
        gate.wait_for_visitors(at_once);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    });
    assert_eq!((probed.code, &*probed.err), (Some(130), ""), "{probed:?}");
    let rows: Vec<Value> = serde_json::from_str(&probed.out).unwrap();
    let skipped = rows.iter().filter(|row| row["skipped"] == "interrupted");
    assert_eq!((rows.len(), skipped.count()), (at_once + 5, 5), "{rows:#?}");
    for row in rows.iter().filter(|row| row["findings"].is_object()) {
        let error = &row["findings"]["failure"]["error"];
        assert_eq!(error, "the probe was interrupted at `latency`", "{row:#}");
    }
    assert_eq!(remote.requests("DELETE").len(), at_once, "sessions are left in good order");
}

fn file_path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}
