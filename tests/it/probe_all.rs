//! The probe of all servers in the configuration of a host.

use serde_json::Value;
use serde_json::json;

use crate::support::mcp::Plan;
use crate::support::probing::Probing;
use crate::support::reply::Reply;

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
    assert_eq!(row("other")["skipped"], json!("npx"));
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

fn file_path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}
