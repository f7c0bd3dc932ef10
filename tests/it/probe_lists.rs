//! What the probe prints of a server that works: lists of all pages, and nothing that a terminal obeys.

use serde_json::Value;
use serde_json::json;

use crate::support::mcp::Call;
use crate::support::mcp::Plan;
use crate::support::probing::Probing;
use crate::support::reply::Reply;
use crate::support::watched::Gate;

fn result(id: &Value, result: Value) -> Reply {
    Reply::json(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

/// A server that offers everything, its tools in two pages.
fn everything() -> Plan {
    everything_but(Plan::legacy())
}

/// The same, but for what `plan` answers already.
fn everything_but(plan: Plan) -> Plan {
    let greeting = json!({
        "protocolVersion": "2025-11-25",
        "serverInfo": {"name": "every\u{1b}[31mthing", "version": "1.2"},
        "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
        "instructions": "be\u{7}careful",
    });
    plan.on("initialize", move |call| {
        Some(result(&call.message["id"], greeting.clone()).header("mcp-session-id", "s"))
    })
    .on("tools/list", |call| {
        let page = match call.message["params"]["cursor"].as_str() {
            None => {
                json!({"tools": [{"name": "one", "description": "the first"}, {"name": "bare"}],
                    "nextCursor": "2"})
            }
            Some(_) => {
                json!({"tools": [{"name": "tw\u{1b}]0;title\u{7}o", "description": "a\r\nb"}]})
            }
        };
        Some(result(&call.message["id"], page))
    })
    .on("resources/list", |call| {
        let list = json!({"resources": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b"}]});
        Some(result(&call.message["id"], list))
    })
    .on("resources/templates/list", |call| {
        let list = json!({"resourceTemplates": [{"uriTemplate": "file:///{x}", "name": "any"}]});
        Some(result(&call.message["id"], list))
    })
    .on("prompts/list", |call| {
        let list = json!({"prompts": [{"name": "ask", "description": "not shown"}]});
        Some(result(&call.message["id"], list))
    })
    .on("ping", |call| Some(result(&call.message["id"], json!({}))))
}

#[test]
fn items_are_on_standard_output_as_scripts_know_them_and_all_else_is_not() {
    let remote = everything().start();
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    assert_eq!(probed.code, Some(0), "{probed:?}");
    let expected = "  - one – the first\n  - bare\n  - two – ab\n  - file:///a (A)\n  - file:///b\n  \
                    - file:///{x} (any)\n  - ask\n";
    assert_eq!(probed.out, expected);
    for told in [
        "\nConnected.\n",
        "Server capabilities: {",
        "\nProtocol versions: 2025-11-25\n",
        "\nTools (3):\n",
        "\nResources (2):\n",
        "\nResource templates (1):\n",
        "\nPrompts (1):\n",
        "everything 1.2, MCP 2025-11-25",
        "becareful",
    ] {
        assert!(probed.err.contains(told), "{told}: {}", probed.err);
    }
    assert!(!probed.err.contains('\u{1b}') && !probed.err.contains('\u{7}'), "{:?}", probed.err);
    assert_eq!(remote.requests("DELETE").len(), 1, "the session is left in good order");
}

#[test]
fn steps_fit_eighty_columns() {
    let remote = everything().start();
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    let steps = probed.err.split("Connected.").next().unwrap();
    for line in steps.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_list_without_an_end_is_cut_with_a_warning() {
    let plan = Plan::legacy().on("prompts/list", |call| {
        let next = call.message["params"]["cursor"].as_u64().unwrap_or(0) + 1;
        let page = json!({"prompts": [{"name": "again"}], "nextCursor": next});
        Some(result(&call.message["id"], page))
    });
    let remote = everything_but(plan).start();
    let (code, found) = Probing::of(&remote.url()).args(["--allow-http", "--strict"]).json();
    assert_eq!(code, Some(1), "a warning counts with --strict");
    assert_eq!(found["ok"], true);
    let told = found["warnings"].to_string();
    assert!(told.contains("prompts was left after 1000 pages: it goes on"), "{told}");
}

#[test]
fn what_is_no_list_is_a_failure_and_an_empty_cursor_ends_a_list() {
    for nonsense in [json!({}), json!({"tools": "x"})] {
        let plan = Plan::legacy()
            .on("tools/list", move |call| Some(result(&call.message["id"], nonsense.clone())));
        let remote = everything_but(plan).start();
        let probing = Probing::of(&remote.url()).arg("--allow-http");
        probing.fails("lists", "mcp", "it has no list `tools`", "maker of the server");
    }
    let plan = Plan::legacy().on("tools/list", |call| {
        let page = json!({"tools": [{"name": "one"}], "nextCursor": ""});
        Some(result(&call.message["id"], page))
    });
    let remote = everything_but(plan).start();
    let (code, found) = Probing::of(&remote.url()).arg("--allow-http").json();
    assert_eq!((code, &found["warnings"]), (Some(0), &json!([])), "{found:#}");
    assert_eq!(found["offers"]["lists"][0]["pages"], 1, "{found:#}");
}

#[test]
fn the_pages_that_came_before_the_time_was_over_are_kept() {
    let gate = Gate::closed();
    let held = gate.clone();
    let plan = Plan::legacy().on("tools/list", move |call| {
        let next = call.message["params"]["cursor"].as_u64().unwrap_or(0) + 1;
        let page = json!({"tools": [{"name": format!("n{next}")}], "nextCursor": next});
        let page = result(&call.message["id"], page);
        Some(if next > 30 { page.held_by(&held) } else { page })
    });
    let remote = everything_but(plan).start();
    let probing = Probing::of(&remote.url()).args(["--allow-http", "--timeout", "4s"]);
    let found = probing.fails("lists", "mcp", "limit for the whole probe", "after 30 pages");
    let list = &found["offers"]["lists"][0];
    assert_eq!((&list["pages"], &list["items"][29]["name"]), (&json!(30), &json!("n30")));
}

#[test]
fn a_list_that_goes_round_is_left_where_its_first_page_comes_again() {
    let plan = Plan::legacy().on("tools/list", |call| {
        let next = if call.message["params"]["cursor"] == "b" { "a" } else { "b" };
        let page = json!({"tools": [{"name": next}], "nextCursor": next});
        Some(result(&call.message["id"], page))
    });
    let remote = everything_but(plan).start();
    let (code, found) = Probing::of(&remote.url()).arg("--allow-http").json();
    assert_eq!(code, Some(0), "{found:#}");
    let told = found["warnings"].to_string();
    assert!(told.contains("after 3 pages: the server sends the same `nextCursor` again"), "{told}");
}

#[test]
fn items_without_a_name_are_counted_and_told_but_have_no_line() {
    let plan = Plan::legacy()
        .on("tools/list", |call| {
            let nonsense = [json!(7), Value::Null, json!({"name": " \u{200b}"}), json!([])];
            let tools = [&[json!({"name": "one"})], &nonsense[..], &vec![json!({}); 20]].concat();
            Some(result(&call.message["id"], json!({"tools": tools})))
        })
        .on("prompts/list", |call| {
            let list = json!({"prompts": [{"description": "no name"}]});
            Some(result(&call.message["id"], list))
        });
    let remote = everything_but(plan).start();
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    assert_eq!(probed.code, Some(0), "{probed:?}");
    assert!(probed.out.starts_with("  - one\n  - file:///a (A)\n"), "{probed:?}");
    let told = probed.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "25 tools, 2 resources, 1 resource template, 1 prompt",
        "items of tools without a name, not shown: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 14 more",
        "items of prompts without a name, not shown: 1",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[test]
fn instructions_keep_their_lines_and_are_cut_where_they_are_too_long() {
    let greeting = |text: &str| {
        let answer = json!({"protocolVersion": "2025-11-25", "serverInfo": {"name": "s"},
            "capabilities": {}, "instructions": text});
        let plan = Plan::legacy()
            .on("initialize", move |call| Some(result(&call.message["id"], answer.clone())));
        let remote = everything_but(plan).start();
        Probing::of(&remote.url()).arg("--allow-http").run().err
    };
    let told = greeting("first\r\n\r\n- second\u{1b}[2J\n\u{2028}third\n");
    let expected = "Instructions: first\n\n              - second\n";
    assert!(told.contains(expected) && told.contains("\n              third\n"), "{told}");
    let told = greeting(&"word ".repeat(2000));
    assert_eq!(told.matches("word").count(), 800, "{told}");
    assert!(told.contains("\n              … (`--json` has the rest)\n"), "{told}");
    assert!(told.lines().skip(1).all(|line| line.chars().count() <= 80), "{told}");
}

#[test]
fn a_list_that_fails_is_told_with_the_servers_words() {
    let plan = Plan::legacy().on("tools/list", |call| {
        let error = json!({"jsonrpc": "2.0", "id": call.message["id"],
            "error": {"code": -32603, "message": "the database is away"}});
        Some(Reply::json(error.to_string()))
    });
    let remote = everything_but(plan).start();
    let found = Probing::of(&remote.url()).arg("--allow-http");
    let found = found.fails("lists", "mcp", "the database is away (error -32603)", "");
    let kinds: Vec<_> = found["offers"]["lists"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 3, "one list does not cost the others: {found:#}");
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    assert!(probed.out.starts_with("  - file:///a (A)\n"), "{probed:?}");
    let last = "(error -32603)\nhint:  the log of the server says why\n";
    assert!(probed.err.ends_with(last), "the reason comes last: {probed:?}");
}

#[test]
fn a_list_that_a_server_has_and_does_not_know_is_told_with_its_method() {
    let unknown = |call: &Call<'_>| {
        let error = json!({"jsonrpc": "2.0", "id": call.message["id"],
            "error": {"code": -32601, "message": "Method not found"}});
        Some(Reply::json(error.to_string()))
    };
    let plan = Plan::legacy().on("tools/list", unknown).on("prompts/list", unknown);
    let remote = everything_but(plan).start();
    let found = Probing::of(&remote.url()).arg("--allow-http");
    let found = found.fails("lists", "mcp", "refuses `tools/list`", "says that it has tools");
    assert!(found["warnings"][0].to_string().contains("refuses `prompts/list`"), "{found:#}");
}

#[test]
fn a_ping_without_an_answer_is_a_warning_and_costs_nothing_else() {
    let gate = Gate::closed();
    let held = gate.clone();
    let plan = Plan::legacy()
        .on("ping", move |call| Some(result(&call.message["id"], json!({})).held_by(&held)));
    let remote = everything_but(plan).start();
    for (limit, told) in [("2s", "no time was left"), ("1h", "no answer to `ping`")] {
        let probing = Probing::of(&remote.url()).args(["--allow-http", "--timeout", limit]);
        let (code, found) = probing.json();
        assert_eq!(code, Some(0), "{found:#}");
        assert!(found["warnings"][0].to_string().contains(told), "{found:#}");
        assert_eq!(found["offers"]["lists"].as_array().map(Vec::len), Some(4), "{found:#}");
    }
    assert_eq!(remote.requests("notifications/cancelled").len(), 1, "who gives up says so");
}

#[test]
fn wrong_arguments_are_said_as_such_and_nothing_is_connected() {
    let probed = Probing::of("https://localhost:1/mcp").args(["--warn-expiry", "soon"]).run();
    assert_eq!(probed.code, Some(2), "{probed:?}");
    assert!(probed.err.contains("--warn-expiry"), "{probed:?}");
}

#[test]
fn a_session_is_left_in_good_order_when_the_time_is_over_or_a_signal_comes() {
    for signal in [false, true] {
        let gate = Gate::closed();
        let held = gate.clone();
        let plan = Plan::legacy().on("tools/list", move |call| {
            Some(result(&call.message["id"], json!({"tools": []})).held_by(&held))
        });
        let remote = everything_but(plan).start();
        let limit = if signal { "1h" } else { "4s" };
        let probing = Probing::of(&remote.url()).args(["--allow-http", "--timeout", limit]);
        let probed = probing.run_and(|pid| {
            gate.wait_for_visitors(1);
            if signal {
                rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
            }
        });
        assert_eq!(probed.code, Some(if signal { 130 } else { 1 }), "{probed:?}");
        assert!(probed.err.contains("  FAIL  lists\n"), "{probed:?}");
        let told = if signal { "interrupted at `lists`" } else { "the time was over at `lists`" };
        assert!(probed.err.contains(told), "{probed:?}");
        let is_patient = probed.err.split_whitespace().any(|word| word.contains("proxy_buffering"));
        assert_eq!(is_patient, !signal, "{probed:?}");
        assert_eq!(remote.requests("DELETE").len(), 1, "{probed:?}");
    }
}

#[test]
fn what_a_server_says_in_an_error_is_nothing_that_a_terminal_obeys() {
    let plan = Plan::legacy().on("initialize", |call| {
        let error = json!({"jsonrpc": "2.0", "id": call.message["id"], "error": {"code": -32000,
            "message": format!("no\u{1b}]0;title\u{7}\r\nerror: forged{}", "x".repeat(5000)),
            "data": {"cause": "forged too", "hint": "forged as well"}}});
        Some(Reply::json(error.to_string()))
    });
    let remote = plan.always("server/discover", Reply::status(404)).start();
    let probed = Probing::of(&remote.url()).arg("--allow-http").run();
    assert_eq!(probed.code, Some(1), "{probed:?}");
    assert!(!probed.err.contains('\u{1b}') && !probed.err.contains('\u{7}'), "{probed:?}");
    assert!(
        !probed.err.contains("\nerror: forged") && !probed.err.contains("as well"),
        "{probed:?}"
    );
    assert!(probed.err.len() < 2000, "{probed:?}");
}

#[test]
fn an_answer_to_initialize_without_a_version_that_exists_is_no_success() {
    for version in [json!(null), json!(5), json!("1999-01-01")] {
        let answer = json!({"protocolVersion": version, "capabilities": {}});
        let plan = Plan::legacy()
            .on("initialize", move |call| Some(result(&call.message["id"], answer.clone())));
        let remote = plan.always("server/discover", Reply::status(404)).start();
        let probing = Probing::of(&remote.url()).arg("--allow-http");
        probing.fails("session", "mcp", "protocol version", "MCP server");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let remote = everything().start();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let probed = Probing::of(&remote.url()).arg("--allow-http").into(full).run();
    assert_eq!(probed.code, Some(1), "{probed:?}");
    assert!(probed.err.contains("cannot write to standard output"), "{probed:?}");
}
