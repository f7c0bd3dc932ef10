//! The probe of the official SDKs and of the reference server, when all is well.

use serde_json::Value;
use serde_json::json;

use super::support::probing::Found;
use super::support::probing::Probing;
use super::support::remote::Remote;
use super::support::remote::Wire;

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// With and without sessions, with event streams and with JSON alone.
const MODES: [&[&str]; 4] =
    [&[], &["--stateless"], &["--json-response"], &["--stateless", "--json-response"]];

#[test]
fn a_python_1x_server_is_toured_in_each_of_its_modes() {
    for mode in MODES {
        let Some(remote) = Remote::python_v1_with(Wire::Http, mode) else { return };
        let found = Probing::of(&remote).succeeds();
        assert_streamable(&found, &[LEGACY]);
        assert_python(&remote, &found, mode);
        assert_eq!(found.get("/offers/name"), "python-v1");
        assert_eq!(found.get("/offers/version"), "1.30.0");
    }
}

#[test]
fn a_python_2x_server_is_toured_in_each_of_its_modes_and_both_eras_are_found() {
    for mode in MODES {
        let Some(remote) = Remote::python_v2_with(Wire::Http, mode) else { return };
        let found = Probing::of(&remote).succeeds();
        assert_streamable(&found, &[LEGACY, MODERN]);
        assert_python(&remote, &found, mode);
        assert_eq!(found.get("/offers/name"), "python-v2");
    }
}

#[test]
fn all_kinds_of_lists_of_a_python_2x_server_are_there() {
    let Some(remote) = Remote::fixture_python_v2() else { return };
    let found = Probing::of(&remote).succeeds();
    let counts =
        [("tools", 1, 26), ("resources", 1, 3), ("resourceTemplates", 1, 1), ("prompts", 1, 5)];
    assert_eq!(found.counts(), counts);
    assert_eq!(found.items("resourceTemplates", "uriTemplate"), ["test://template/{id}/data"]);
    assert_eq!(found.get("/offers/capabilities/resources/subscribe"), true);
}

#[test]
fn python_servers_are_found_over_http_sse_with_the_reason() {
    for remote in [Remote::python_v1(Wire::Sse), Remote::python_v2(Wire::Sse)] {
        let Some(remote) = remote else { return };
        let found = Probing::of(&remote).succeeds();
        assert_sse(&found);
        assert_eq!(found.facts("http")["status"], 405);
        let refused = &found.facts("transport")["refused"];
        assert_eq!(refused.as_array().map(Vec::len), Some(1), "{found}");
        assert!(refused[0].as_str().unwrap().contains("HTTP 405"), "{found}");
        let probing = Probing::of(&remote).flags(&["--transport", "sse-only"]);
        let found = probing.succeeds();
        assert_sse(&found);
        assert_eq!(found.facts("http")["status"], 200);
        assert_eq!(found.facts("transport")["refused"], json!([]));
    }
}

#[test]
fn with_the_transport_that_a_server_lacks_the_other_one_is_hinted_at() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    let probing = Probing::of(&remote).flags(&["--transport", "http-only"]);
    probing.fails("http", "http", "405 Method Not Allowed", "omit `--transport`");
    assert!(!remote.server.logged("GET /sse"));
}

// Its prompts come in three pages, and it knows no resource templates.
#[test]
fn a_typescript_v1_server_is_toured_over_both_transports() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(remote) = Remote::typescript_v1(wire) else { return };
        let found = Probing::of(&remote).succeeds();
        match wire {
            Wire::Http => assert_streamable(&found, &[LEGACY]),
            Wire::Sse => assert_sse(&found),
        }
        assert_eq!(found.get("/offers/name"), "typescript-v1");
        assert_eq!(found.get("/offers/instructions"), "Ask first.\nThen act.");
        let counts = [("tools", 1, 7), ("resources", 1, 3), ("prompts", 3, 5)];
        assert_eq!(found.counts(), counts);
        let prompts = found.items("prompts", "name");
        assert_eq!(prompts, ["first", "second", "third", "fourth", "fifth"]);
        assert_eq!(found.items("tools", "name")[6], " spaces ", "as the server sent it");
        if matches!(wire, Wire::Http) {
            assert!(remote.server.logs("DELETE /mcp 200"), "the session is not ended");
        }
    }
}

#[test]
fn a_typescript_v2_server_is_toured_in_the_legacy_era_and_its_modern_one_is_found() {
    let Some(remote) = Remote::typescript_v2() else { return };
    let found = Probing::of(&remote).succeeds();
    assert_streamable(&found, &[LEGACY, MODERN]);
    assert_eq!(found.get("/offers/name"), "typescript-v2");
    assert_eq!(found.counts(), [("tools", 1, 4)]);
}

#[test]
fn a_typescript_v2_server_of_the_modern_era_alone_is_toured_in_it() {
    let Some(remote) = Remote::typescript_v2_modern() else { return };
    let found = Probing::of(&remote).succeeds();
    assert_good(&found, "modern", &[MODERN]);
    assert_eq!(found.facts("transport")["name"], "Streamable HTTP");
    assert_eq!(found.get("/offers/name"), "typescript-v2");
    assert_eq!(found.get("/offers/version"), "1.0.0");
    // Two of them are there in this era alone.
    assert_eq!(found.counts(), [("tools", 1, 6)]);
}

#[test]
fn the_reference_server_is_toured_over_both_transports() {
    for wire in [Wire::Http, Wire::Sse] {
        let Some(remote) = Remote::everything(wire) else { return };
        let found = Probing::of(&remote).succeeds();
        assert_everything(&found, wire);
        assert_eq!(found.facts("tls")["sni"], "localhost");
        assert_eq!(found.facts("name")["name"], "localhost");
        if matches!(wire, Wire::Http) {
            assert!(remote.server.logs("Received session termination request"));
        }
    }
}

#[test]
fn fronts_that_demand_a_certificate_let_the_tour_pass_over_both_transports() {
    for wire in [Wire::Http, Wire::Sse] {
        for (front, alpn) in [
            (Remote::everything_behind_nginx(wire), json!("h2")),
            (Remote::everything_behind_haproxy(wire), json!("h2")),
            (Remote::everything_behind_stunnel(wire), Value::Null),
        ] {
            let Some(remote) = front else { return };
            let found = Probing::of(&remote).succeeds();
            assert_everything(&found, wire);
            assert_eq!(found.facts("tls")["acceptedIssuers"], json!(["CN=test ca"]));
            assert_eq!(found.facts("tls")["alpn"], alpn, "{found}");
            let version = if alpn.is_null() { "HTTP/1.1" } else { "HTTP/2.0" };
            assert_eq!(found.facts("http")["version"], version);
        }
    }
}

#[test]
fn the_servers_of_a_host_are_probed_side_by_side() {
    let remotes = [
        ("python", Remote::python_v2(Wire::Http)),
        ("typescript", Remote::typescript_v1(Wire::Sse)),
        ("reference", Remote::everything_behind_nginx(Wire::Http)),
    ];
    let mut servers = serde_json::Map::new();
    let mut kept = Vec::new();
    for (name, remote) in remotes {
        let Some(remote) = remote else { return };
        servers.insert(name.to_owned(), entry(&remote));
        kept.push(remote);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mcp.json");
    let probe_all = |servers: &serde_json::Map<String, Value>| {
        let config = json!({"mcpServers": servers}).to_string();
        std::fs::write(&file, config).unwrap();
        let probing = Probing::all(file.to_str().unwrap());
        (probing.run(), probing.json())
    };

    let (seen, (code, rows)) = probe_all(&servers);
    assert_eq!((seen.code, code), (Some(0), Some(0)), "{}", seen.stdout);
    for (name, transport) in
        [("python", "Streamable HTTP"), ("reference", "Streamable HTTP"), ("typescript", "SSE")]
    {
        assert!(seen.stdout.contains(&format!("  ok    {name}\n")), "{}", seen.stdout);
        let found = row(&rows, name);
        found.assert_well();
        assert_eq!(found.facts("transport")["name"], transport);
    }

    // One is away: the others are well all the same.
    kept[1].server.kill();
    let (seen, (code, rows)) = probe_all(&servers);
    assert_eq!((seen.code, code), (Some(1), Some(1)), "{}", seen.stdout);
    assert!(seen.stdout.contains("  FAIL  typescript\n"), "{}", seen.stdout);
    assert!(seen.stdout.contains("  ok    reference\n"), "{}", seen.stdout);
    assert_eq!(row(&rows, "typescript").get("/failure/class"), "tcp");
    row(&rows, "python").assert_well();
}

/// As a host keeps it.
fn entry(remote: &Remote) -> Value {
    let (client, ca) = (&remote.pki.client, &remote.pki.ca);
    json!({
        "command": "mcp-secure-remote",
        "args": [remote.url, "--tls-cert", client.certificate, "--tls-key", client.key],
        "env": {"MCP_REMOTE_TLS_CA": ca},
    })
}

#[track_caller]
fn row(rows: &Value, name: &str) -> Found {
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name);
    Found::new(row.unwrap_or_else(|| panic!("no {name}: {rows:#}"))["findings"].clone())
}

#[track_caller]
fn assert_streamable(found: &Found, versions: &[&str]) {
    assert_good(found, "legacy", versions);
    let transport = found.facts("transport");
    assert_eq!(
        (&transport["name"], &transport["refused"]),
        (&json!("Streamable HTTP"), &json!([]))
    );
    let http = found.facts("http");
    assert_eq!((&http["status"], &http["certificateAccepted"]), (&json!(200), &json!(true)));
}

#[track_caller]
fn assert_sse(found: &Found) {
    assert_good(found, "legacy", &[LEGACY]);
    assert_eq!(found.facts("http")["certificateAccepted"], true);
    assert_eq!(found.facts("transport")["name"], "SSE");
}

/// What is true of each remote here: both certificates, who trusts them, what both sides speak.
#[track_caller]
fn assert_good(found: &Found, era: &str, versions: &[&str]) {
    let identity = &found.facts("identity")["certificates"][0];
    assert_eq!(identity["subject"], "CN=client", "{found}");
    assert_eq!(identity["issuer"], "CN=test ca");
    assert_eq!(found.facts("identity")["keyMatches"], true);
    let tls = found.facts("tls");
    assert_eq!((&tls["trust"], &tls["trustedBy"]), (&json!("given"), &json!("CN=test ca")));
    assert_eq!(tls["asksForCertificate"], true);
    assert_eq!(tls["serverCertificates"][0]["subject"], "CN=server");
    assert_eq!(tls["serverCertificates"][0]["names"], json!(["localhost", "127.0.0.1"]));
    assert_eq!(found.facts("session")["era"], era);
    assert_eq!(found.get("/offers/protocolVersions"), &json!(versions));
    let latency = found.facts("latency")["medianMilliseconds"].as_f64().unwrap();
    assert!(latency > 0.0 && latency < 10_000.0, "{latency}");
}

/// The tools of our Python servers, and what their mode can be told by.
#[track_caller]
fn assert_python(remote: &Remote, found: &Found, mode: &[&str]) {
    let tools = found.items("tools", "name");
    assert_eq!((tools.len(), tools[0], tools[6]), (7, "echo", "announce"));
    let empty = [("resources", 1, 0), ("resourceTemplates", 1, 0), ("prompts", 1, 0)];
    assert_eq!(found.counts()[1..], empty);
    let json = mode.contains(&"--json-response");
    let media = if json { "application/json" } else { "text/event-stream" };
    let http = found.facts("http");
    assert_eq!((&http["contentType"], &http["server"]), (&media.into(), &"uvicorn".into()));
    // Where there is no session there is none to be ended.
    let has_session = !mode.contains(&"--stateless");
    assert_eq!(found.facts("session")["hasSessionId"], has_session);
    let farewell = "DELETE /mcp HTTP/1.1\" 200";
    if has_session {
        assert!(remote.server.logs(farewell), "the session is not ended");
    } else {
        assert!(!remote.server.logged(farewell));
    }
}

#[track_caller]
fn assert_everything(found: &Found, wire: Wire) {
    match wire {
        Wire::Http => assert_streamable(found, &[LEGACY]),
        Wire::Sse => {
            assert_sse(found);
            assert!(found.facts("transport")["refused"][0].to_string().contains("HTTP 404"));
        }
    }
    assert_eq!(found.get("/offers/name"), "mcp-servers/everything");
    let instructions = found.get("/offers/instructions").as_str().unwrap();
    assert!(instructions.contains("Server Instructions\n"), "{instructions}");
    let counts =
        [("tools", 1, 13), ("resources", 1, 7), ("resourceTemplates", 1, 2), ("prompts", 1, 4)];
    assert_eq!(found.counts(), counts);
}
