//! What was put into a file means what it should, and comes out of it without a trace.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use tempfile::tempdir;

use super::Done;
use super::Entry;
use super::Target;
use super::hosts::HOSTS;
use super::hosts::Host;
use super::install;
use super::merge;
use super::remove;
use crate::limits;

fn entry(url: &str) -> Entry {
    let args = [url, "--header", "A: { \"${T}\", [ ]"].map(str::to_owned).to_vec();
    let env = vec![("T".to_owned(), "se\\c\"ret".to_owned()), ("U".to_owned(), "x".to_owned())];
    Entry { command: "/opt/mcp-secure-remote".to_owned(), args, env, inherited: Vec::new() }
}

fn cursor() -> &'static Host {
    Host::find("cursor").unwrap()
}

/// A file that holds this, if it is there.
fn file(text: Option<&str>) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sub/folder/mcp.json");
    if let Some(text) = text {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    (folder, path)
}

fn target(host: &'static Host, folder: &Path, file: &Path, name: &str) -> Target {
    let root = Some(folder.to_owned());
    Target { host, file: file.to_owned(), root, name: name.to_owned() }
}

/// The entry `n` of Cursor there.
fn target_of((folder, path): &(TempDir, PathBuf)) -> Target {
    target(cursor(), folder.path(), path, "n")
}

fn put(host: &'static Host, (folder, path): &(TempDir, PathBuf), name: &str) -> Done {
    let target = target(host, folder.path(), path, name);
    install(target, &entry("https://a/"), false).unwrap().expect("a change").apply().unwrap().done
}

fn take(host: &'static Host, (folder, path): &(TempDir, PathBuf), name: &str) -> Done {
    remove(target(host, folder.path(), path, name), false).unwrap().apply().unwrap().done
}

/// The names of all that is in the folder of the file.
fn beside(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries.map(|it| it.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What an independent parser makes of JSON with comments.
fn meaning(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let value: Option<Value> =
        jsonc_parser::parse_to_serde_value(text, &Default::default()).unwrap();
    value.unwrap_or_else(|| serde_json::json!({}))
}

/// Files as people write them: indented by this and that, with ends of lines, commas and comments of each
/// kind.
fn hand_made() -> Vec<String> {
    let mut files: Vec<String> = [
        "",
        "\n",
        "// nothing yet\n",
        "/* nothing yet */",
        "{}",
        "{ }",
        "{\n}\n",
        "{ // here\n}",
        "{\"mcpServers\":{}}",
        "{\"mcpServers\": {\n\n  }\n}",
        "{\"a\": 1}",
        "{\"a\": 1,}",
        "{ \"mcpServers\": { \"o\": { \"command\": \"x\" } }, \"z\": [1, 2] }",
        "{\"mcpServers\":{\"o\":{\"command\":\"x\"} /* last */ },}",
        "{\n\n  \"mcpServers\":\n  {\n    \"o\": {}\n  }\n}",
        "  {\n    \"a\": {\"mcpServers\": {\"n\": {}}}\n  }",
        "{\"\\u006dcpServers\": {\"o\": 1}}",
    ]
    .map(str::to_owned)
    .to_vec();
    for unit in ["  ", "\t", "    "] {
        for comma in ["", ","] {
            for note in ["", " // a note, with a comma", " /* and } */"] {
                let text = format!(
                    "// top\n{{\n@\"theme\": \"dark\",{note}\n\n@\"mcpServers\": {{\n@@\"one\": {{\"command\": \
                     \"x\", \"args\": []}},\n@@// in between\n@@\"two\": {{\n@@@\"url\": \"https://b/\"{comma}\n\
                     @@}}{comma}{note}\n@@// \"three\": {{}}\n@}}{comma}{note}\n}}\n// bottom\n"
                );
                files.push(text.replace('@', unit));
            }
        }
    }
    let with_carriage_return: Vec<_> =
        files.iter().map(|text| text.replace('\n', "\r\n")).collect();
    files.extend(with_carriage_return);
    let marked: Vec<_> = files.iter().map(|text| format!("\u{feff}{text}")).collect();
    files.extend(marked);
    let open: Vec<_> = files.iter().map(|text| text.trim_end().to_owned()).collect();
    files.extend(open);
    files
}

#[test]
fn an_entry_is_added_and_nothing_else_changes_its_meaning() {
    for text in hand_made() {
        let with = merge::insert(cursor(), &text, "n", &entry("https://a/")).unwrap();
        let mut expected = meaning(&text);
        expected["mcpServers"]["n"] = serde_json::json!({"type": "stdio", "command": "/opt/mcp-secure-remote",
            "args": ["https://a/", "--header", "A: { \"${T}\", [ ]"], "env": {"T": "se\\c\"ret", "U": "x"}});
        assert_eq!(meaning(&with), expected, "{text}\n{with}");
        assert_eq!(with.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        let bare = with.replace("\r\n", "");
        assert!(!text.contains("\r\n") || !bare.contains('\n'), "{with:?}");
    }
}

#[test]
fn all_that_was_there_is_still_there_to_the_byte() {
    for text in hand_made() {
        let with = merge::insert(cursor(), &text, "n", &entry("https://a/")).unwrap();
        let mut rest = with.chars();
        // What was there is what is there now, but for what came between.
        assert!(text.chars().all(|c| rest.any(|other| other == c)), "{text}\n{with}");
    }
}

#[test]
fn install_and_remove_leave_each_file_as_it_was() {
    // Each write waits for the disk.
    for text in hand_made().into_iter().step_by(4) {
        let place = file(Some(&text));
        assert!(matches!(put(cursor(), &place, "n"), Done::Changed(_)), "{text}");
        assert_eq!(take(cursor(), &place, "n"), Done::Restored, "{text}");
        assert_eq!(fs::read_to_string(&place.1).unwrap(), text);
        assert_eq!(beside(&place.1), ["mcp.json"], "the copy is used up");
    }
}

#[test]
fn an_entry_is_cut_out_without_a_copy_too() {
    for text in hand_made() {
        let with = merge::insert(cursor(), &text, "n", &entry("https://a/")).unwrap();
        let without = merge::remove(cursor(), &with, "n").unwrap().unwrap();
        let mut expected = meaning(&text);
        if expected["mcpServers"].is_null() {
            expected["mcpServers"] = serde_json::json!({});
        }
        assert_eq!(meaning(&without), expected, "{text}\n{with}\n{without}");
        let has_others = meaning(&text)["mcpServers"].as_object().is_some_and(|it| !it.is_empty());
        assert!(!has_others || without == text, "{text:?}\n{without:?}");
    }
}

#[test]
fn each_entry_can_be_cut_out_wherever_it_stands() {
    let text =
        "{\n  \"mcpServers\": {\n    \"a\": 1, // first\n    \"b\": 2,\n    \"c\": 3\n  }\n}\n";
    for (name, without) in [
        ("a", "{\n  \"mcpServers\": { // first\n    \"b\": 2,\n    \"c\": 3\n  }\n}\n"),
        ("b", "{\n  \"mcpServers\": {\n    \"a\": 1, // first\n    \"c\": 3\n  }\n}\n"),
        ("c", "{\n  \"mcpServers\": {\n    \"a\": 1, // first\n    \"b\": 2\n  }\n}\n"),
    ] {
        assert_eq!(merge::remove(cursor(), text, name).unwrap().as_deref(), Some(without));
    }
    let line = r#"{"mcpServers": {"a": 1, "b": 2}}"#;
    let without = |name| merge::remove(cursor(), line, name).unwrap().unwrap();
    assert_eq!(without("a"), r#"{"mcpServers": {"b": 2}}"#);
    assert_eq!(without("b"), r#"{"mcpServers": {"a": 1}}"#);
    assert_eq!(merge::remove(cursor(), line, "z").unwrap(), None);
}

#[test]
fn a_file_on_one_line_stays_on_one() {
    let text = r#"{"mcpServers": {"o": {"command": "x"}}, "z": 1}"#;
    let args = vec!["d".to_owned()];
    let one = Entry { command: "c".to_owned(), args, env: Vec::new(), inherited: Vec::new() };
    assert_eq!(
        merge::insert(cursor(), text, "n", &one).unwrap(),
        r#"{"mcpServers": {"o": {"command": "x"}, "n": {"type": "stdio", "command": "c", "args": ["d"]}}, "z": 1}"#
    );
}

#[test]
fn a_file_of_tables_is_as_it_was_too() {
    let codex = Host::find("codex").unwrap();
    let mine = "# mine\nmodel = \"x\"\n\n[mcp_servers.o] # theirs\n\tcommand = 'o'\n\n[z]\na = [\n\t1, # one\n]\n";
    for text in ["", "\n\n", "# no end", mine, mine.trim_end()] {
        let windows = text.replace('\n', "\r\n");
        for text in [text.to_owned(), windows.clone(), format!("\u{feff}{windows}")] {
            let place = file(Some(&text));
            assert!(matches!(put(codex, &place, "n"), Done::Changed(_)), "{text}");
            assert!(fs::read_to_string(&place.1).unwrap().starts_with(&text));
            assert_eq!(take(codex, &place, "n"), Done::Restored, "{text}");
            assert_eq!(fs::read_to_string(&place.1).unwrap(), text);
        }
    }
}

#[test]
fn every_host_gets_its_file_and_loses_it_again() {
    for host in &HOSTS {
        let place = file(None);
        assert_eq!(put(host, &place, "n"), Done::Made, "{}", host.id);
        let text = fs::read_to_string(&place.1).unwrap();
        assert!(merge::servers(host, &text).unwrap().contains_key("n"), "{text}");
        assert_eq!(take(host, &place, "n"), Done::Deleted);
        assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0, "folders are gone too");
    }
}

#[test]
fn a_folder_that_holds_something_else_stays() {
    let place = file(None);
    put(cursor(), &place, "n");
    let other = place.0.path().join("sub/other");
    fs::write(&other, "").unwrap();
    take(cursor(), &place, "n");
    assert!(other.exists() && !place.1.parent().unwrap().exists());
}

#[test]
fn several_entries_go_in_any_order_and_the_file_is_as_it_was() {
    let mine = "{\n\t\"mcpServers\": {}, // mine\n}\n";
    for text in [None, Some(mine), Some("{\"mcpServers\": {\"o\": {}}}")] {
        for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["b", "c", "a"]] {
            let place = file(text);
            for name in ["a", "b", "c"] {
                put(cursor(), &place, name);
            }
            for name in order {
                take(cursor(), &place, name);
            }
            let now = fs::read_to_string(&place.1).ok();
            assert_eq!(now.as_deref(), text, "{order:?}");
        }
    }
}

#[test]
fn what_the_host_writes_in_between_is_kept() {
    let place = file(Some("{\n  \"numStartups\": 1\n}\n"));
    put(cursor(), &place, "n");
    let text =
        fs::read_to_string(&place.1).unwrap().replace("numStartups\": 1", "numStartups\": 2");
    fs::write(&place.1, text).unwrap();
    assert!(matches!(take(cursor(), &place, "n"), Done::Changed(_)));
    let now = fs::read_to_string(&place.1).unwrap();
    assert_eq!(now, "{\n  \"numStartups\": 2,\n  \"mcpServers\": {}\n}\n");
}

#[test]
fn an_entry_of_ours_is_brought_up_to_date_in_its_place() {
    let text = "{\n  \"mcpServers\": {\n    \"n\": {\"command\": \"uvx\", \"args\": [\"mcp-secure-remote\", \
                \"https://old/\"]}, // mine\n    \"z\": 1\n  }\n}\n";
    let place = file(Some(text));
    put(cursor(), &place, "n");
    let now = fs::read_to_string(&place.1).unwrap();
    assert!(now.contains("\"U\": \"x\"\n      }\n    }, // mine\n    \"z\": 1\n"), "{now}");
    assert!(!now.contains("old"));
    let same = target(cursor(), place.0.path(), &place.1, "n");
    assert!(install(same, &entry("https://a/"), false).unwrap().is_none(), "nothing is left to do");
    assert_eq!(beside(&place.1).len(), 2);
}

#[test]
fn what_users_have_added_to_an_entry_of_ours_is_kept_when_it_is_brought_up_to_date() {
    let ours = r#""command": "mcp-secure-remote", "args": ["https://old/"]"#;
    let env = r#""env": {"HTTPS_PROXY": "http://p", "MCP_REMOTE_TLS_PASSPHRASE": "old", "T": "old", "X": 5}"#;
    let more = r#""disabled": false, "autoApprove": ["a"], "timeout": 60"#;
    for text in [
        format!(r#"{{"mcpServers": {{"n": {{{ours}, {env}, {more}}}}}}}"#),
        format!(
            r#"{{"mcpServers": {{"n": {{"transport": {{"type": "x", {ours}, {env}}}, {more}}}}}}}"#
        ),
        format!(
            r#"{{"mcpServers": {{"n": {{"command": {{"path": "mcp-secure-remote", {env}}}, {more}}}}}}}"#
        ),
    ] {
        let place = file(Some(&text));
        put(cursor(), &place, "n");
        let now = meaning(&fs::read_to_string(&place.1).unwrap());
        let expected = serde_json::json!({"type": "stdio", "command": "/opt/mcp-secure-remote",
            "args": entry("https://a/").args, "disabled": false, "autoApprove": ["a"], "timeout": 60,
            "env": {"HTTPS_PROXY": "http://p", "T": "se\\c\"ret", "U": "x", "X": 5}});
        assert_eq!(now["mcpServers"]["n"], expected, "{text}");
        assert!(install(target_of(&place), &entry("https://a/"), false).unwrap().is_none());
    }
    // What another program had is none of it.
    let place =
        file(Some(r#"{"mcpServers": {"n": {"command": "x", "cwd": "y", "env": {"A": "b"}}}}"#));
    install(target_of(&place), &entry("https://a/"), true).unwrap().unwrap().apply().unwrap();
    let now = fs::read_to_string(&place.1).unwrap();
    assert!(!now.contains("cwd") && !now.contains("\"A\""), "{now}");
}

#[test]
fn what_users_have_added_to_a_table_of_ours_is_kept_too() {
    let codex = Host::find("codex").unwrap();
    let place = file(Some(
        "[mcp_servers.n]\ncommand = 'mcp-secure-remote'\nargs = ['https://old/', '--header', 'A: ${OLD}']\n\
         env_vars = ['OLD', 'HTTPS_PROXY']\nstartup_timeout_sec = 20.5\nenabled = true\n\n\
         [mcp_servers.n.env]\nMCP_REMOTE_TLS_PASSPHRASE = 'old'\n'odd name' = 'b'\n\n\
         [mcp_servers.n.tools.t]\napproval_mode = 'approve'\n\n[z]\ny = 1\n",
    ));
    put(codex, &place, "n");
    let now = fs::read_to_string(&place.1).unwrap();
    let found = merge::servers(codex, &now).unwrap()["n"].clone();
    let expected = serde_json::json!({"command": "/opt/mcp-secure-remote", "args": entry("https://a/").args,
        "env_vars": ["HTTPS_PROXY"], "env": {"T": "se\\c\"ret", "U": "x", "odd name": "b"},
        "startup_timeout_sec": 20.5, "enabled": true, "tools": {"t": {"approval_mode": "approve"}}});
    assert_eq!(found, expected, "{now}");
    assert!(now.ends_with("\n\n[z]\ny = 1\n"), "{now}");
    let same = target(codex, place.0.path(), &place.1, "n");
    assert!(install(same, &entry("https://a/"), false).unwrap().is_none());
}

#[test]
fn an_entry_of_another_program_is_touched_only_with_force() {
    let text = r#"{"mcpServers": {"n": {"command": "npx", "args": ["-y", "other"]}, "u": {"url": "https://a/"}}}"#;
    for (name, cause) in [("n", "it starts `npx`"), ("u", "no server that a command starts")] {
        let place = file(Some(text));
        let target = || target(cursor(), place.0.path(), &place.1, name);
        for report in [
            install(target(), &entry("https://a/"), false).unwrap_err(),
            remove(target(), false).unwrap_err(),
        ] {
            assert!(report.cause.unwrap().contains(cause), "{name}");
            assert!(report.hint.unwrap().contains("--force"));
        }
        let change = install(target(), &entry("https://a/"), true).unwrap().unwrap();
        assert!(matches!(change.apply().unwrap().done, Done::Changed(_)));
        remove(target(), false).unwrap().apply().unwrap();
    }
}

#[test]
fn a_file_that_is_not_understood_is_refused_with_its_place() {
    for (text, cause) in [
        ("{\n  \"a\": 1\n  \"b\": 2\n}", "it is not JSON: expected comma, line 2, column 9"),
        ("{'a': 1}", "it is not JSON: "),
        ("[]", "it holds no object"),
        ("{\"mcpServers\": []}", "`mcpServers` is not an object"),
        ("{\"mcpServers\": {}, \"mcpServers\": {}}", "`mcpServers` stands there twice"),
        (
            "{\"mcpServers\": {\"n\": {\"command\": \"mcp-secure-remote\"}, \"n\": {\"command\": \"mcp-secure-remote\"}}}",
            "twice",
        ),
        ("{} {}", "it is not JSON: "),
    ] {
        let place = file(Some(text));
        let target = target(cursor(), place.0.path(), &place.1, "n");
        let report = install(target, &entry("https://a/"), false).unwrap_err();
        assert!(report.cause.as_ref().is_some_and(|it| it.contains(cause)), "{text}: {report}");
        assert!(report.hint.is_some());
        assert_eq!(fs::read_to_string(&place.1).unwrap(), text);
        assert_eq!(beside(&place.1), ["mcp.json"]);
    }
    let place = file(Some(""));
    fs::write(&place.1, b"{\"a\": \"\xff\"}").unwrap();
    let target = target(cursor(), place.0.path(), &place.1, "n");
    let report = install(target, &entry("https://a/"), true).unwrap_err();
    assert_eq!(report.cause.as_deref(), Some("the file is not UTF-8"));
}

#[test]
fn what_is_not_there_cannot_be_removed() {
    for text in [None, Some("{}"), Some("{\"mcpServers\": {\"o\": {}}}")] {
        let place = file(text);
        let report = remove(target(cursor(), place.0.path(), &place.1, "n"), true).unwrap_err();
        assert!(report.error.starts_with("cannot remove `n` from `"), "{report}");
    }
}

/// Brings the entry `n` of Cursor up to date.
fn update(place: &(TempDir, PathBuf), url: &str) -> Done {
    install(target_of(place), &entry(url), false).unwrap().unwrap().apply().unwrap().done
}

#[test]
fn updates_make_no_further_copy_and_nothing_is_left_of_them() {
    for (text, end) in [(Some("{\n  \"a\": 1\n} // mine\n"), Done::Restored), (None, Done::Deleted)]
    {
        let place = file(text);
        for _ in 0..3 {
            put(cursor(), &place, "n");
            let made = beside(&place.1);
            assert_eq!(made.len(), 1 + usize::from(text.is_some()));
            assert_eq!(update(&place, "https://b/"), Done::Updated);
            // As a user adds it by hand.
            let by_hand = fs::read_to_string(&place.1).unwrap().replace(
                "\"U\": \"x\"\n      }",
                "\"U\": \"x\"\n      },\n      \"disabled\": true",
            );
            fs::write(&place.1, by_hand).unwrap();
            assert_eq!(update(&place, "https://c/"), Done::Updated);
            assert!(fs::read_to_string(&place.1).unwrap().contains("\"disabled\": true"));
            assert_eq!(beside(&place.1), made);
            assert_eq!(take(cursor(), &place, "n"), end);
            assert_eq!(fs::read_to_string(&place.1).ok().as_deref(), text);
        }
        assert!(text.is_none() || beside(&place.1) == ["mcp.json"]);
    }
}

#[test]
fn copies_of_what_is_put_back_go_with_it() {
    for text in [None, Some("{\"mcpServers\": {\"o\": {}}}")] {
        let place = file(text);
        for name in ["a", "b", "c"] {
            put(cursor(), &place, name);
        }
        for name in ["a", "b", "c"] {
            take(cursor(), &place, name);
        }
        let left = fs::read_dir(place.0.path()).unwrap().count();
        assert_eq!(left, usize::from(text.is_some()));
        assert!(text.is_none() || beside(&place.1) == ["mcp.json"], "{:?}", beside(&place.1));
    }
}

#[test]
fn a_copy_that_holds_a_secret_and_has_to_stay_is_named() {
    let place = file(Some("{\"a\": 1}"));
    put(cursor(), &place, "n");
    let oldest = place.1.with_file_name("mcp.json.mcp-secure-remote-backup");
    let write = |at: u8| {
        let now = fs::read_to_string(&place.1).unwrap();
        fs::write(&place.1, now.replace(&format!("\"a\": {at}"), &format!("\"a\": {}", at + 1)))
            .unwrap();
    };
    write(1);
    let Done::Changed(second) = update(&place, "https://b/") else { panic!("no copy") };
    assert!(fs::read_to_string(&oldest).unwrap() == "{\"a\": 1}" && second != oldest);
    let applied = remove(target_of(&place), false).unwrap().apply().unwrap();
    let Done::Changed(third) = applied.done else { panic!("no copy") };
    assert_eq!(applied.left, [second]);
    assert_eq!(beside(&place.1).len(), 4, "{third:?}");
}

#[test]
fn a_file_that_somebody_has_written_with_our_entry_alone_is_not_deleted() {
    let ours = "{\n  \"mcpServers\": {\n    \"n\": {\n      \"command\": \"mcp-secure-remote\",\n      \
                \"args\": [\"https://old/\"]\n    }\n  }\n}\n";
    for text in [ours.to_owned(), ours.replace(['\n', ' '], "")] {
        let place = file(Some(&text));
        let Done::Changed(copy) = put(cursor(), &place, "n") else { panic!("no copy") };
        let updated = update(&place, "https://b/");
        assert!(matches!(updated, Done::Changed(_)), "{updated:?}");
        assert!(matches!(take(cursor(), &place, "n"), Done::Changed(_)));
        assert_eq!(
            meaning(&fs::read_to_string(&place.1).unwrap())["mcpServers"],
            serde_json::json!({})
        );
        assert_eq!(fs::read_to_string(copy).unwrap(), text);
    }
}

#[test]
fn an_older_copy_is_never_replaced() {
    let place = file(Some("{}"));
    put(cursor(), &place, "a");
    let first = fs::read_to_string(&place.1).unwrap();
    let Done::Changed(second) = put(cursor(), &place, "b") else { panic!("no copy") };
    assert_eq!(beside(&place.1).len(), 3);
    assert_eq!(fs::read_to_string(second).unwrap(), first);
    let oldest = place.1.with_file_name("mcp.json.mcp-secure-remote-backup");
    assert_eq!(fs::read_to_string(oldest).unwrap(), "{}");
}

#[test]
fn a_file_that_changes_while_somebody_thinks_is_left_alone() {
    let place = file(Some("{}"));
    let planned = |text: &str| {
        fs::write(&place.1, text).unwrap();
        let target = target(cursor(), place.0.path(), &place.1, "n");
        install(target, &entry("https://a/"), false).unwrap().unwrap()
    };
    let change = planned("{}");
    fs::write(&place.1, "{\"new\": 1}").unwrap();
    let report = change.apply().unwrap_err();
    assert!(report.cause.unwrap().contains("has changed in the meantime"));
    assert_eq!(fs::read_to_string(&place.1).unwrap(), "{\"new\": 1}");
    assert_eq!(beside(&place.1), ["mcp.json"]);
}

#[test]
fn a_file_that_cannot_be_replaced_stays_and_has_no_copy() {
    let place = file(Some("{}"));
    let change = install(target_of(&place), &entry("https://a/"), false).unwrap().unwrap();
    let aside = format!(".mcp.json.{}.new", std::process::id());
    fs::create_dir(place.1.with_file_name(&aside)).unwrap();
    change.apply().unwrap_err();
    assert_eq!(fs::read_to_string(&place.1).unwrap(), "{}");
    assert_eq!(beside(&place.1), [aside.as_str(), "mcp.json"]);
}

#[test]
fn no_secret_is_shown_in_what_changes() {
    let place = file(Some("{}"));
    let change = install(target_of(&place), &entry("https://a/"), false).unwrap().unwrap();
    let shown = change.shown();
    assert!(shown.contains("+      \"env\": {\n+        \"T\": \"***\""), "{shown}");
    assert!(!shown.contains("se\\"), "{shown}");
    assert!(!format!("{:?}", entry("https://a/")).contains("ret"));
    // Nor one that goes.
    let older = r#"{"mcpServers": {"n": {"command": "mcp-secure-remote", "env": {"P": "older"}}}}"#;
    let place = file(Some(older));
    let same = || target_of(&place);
    let change = install(same(), &entry("https://a/"), false).unwrap().unwrap();
    for shown in [change.shown(), remove(same(), false).unwrap().shown()] {
        assert!(shown.contains("***") && !shown.contains("older"), "{shown}");
    }
}

#[test]
fn a_file_without_end_is_refused() {
    let place = file(Some(&" ".repeat(limits::HOST_FILE_BYTES as usize + 1)));
    let target = target(cursor(), place.0.path(), &place.1, "n");
    let report = install(target, &entry("https://a/"), false).unwrap_err();
    assert!(report.cause.unwrap().starts_with("the file is over "));
}

#[test]
fn a_file_that_has_all_its_copies_is_left_alone() {
    let place = file(Some("{}"));
    fs::write(place.1.with_file_name("mcp.json.mcp-secure-remote-backup"), "").unwrap();
    for number in 2..=limits::HOST_FILE_BACKUPS {
        let name = format!("mcp.json.mcp-secure-remote-backup-{number}");
        fs::write(place.1.with_file_name(name), "").unwrap();
    }
    let all = beside(&place.1);
    let target = target(cursor(), place.0.path(), &place.1, "n");
    let change = install(target, &entry("https://a/"), false).unwrap().unwrap();
    assert!(change.apply().unwrap_err().cause.unwrap().contains("copies beside it"));
    assert_eq!((&*fs::read_to_string(&place.1).unwrap(), beside(&place.1)), ("{}", all));
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::super::files::read;
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_its_rights_and_its_copy_is_for_its_owner_alone() {
        for rights in [0o600, 0o640, 0o644] {
            let place = file(Some("{}"));
            fs::set_permissions(&place.1, Permissions::from_mode(rights)).unwrap();
            let Done::Changed(backup) = put(cursor(), &place, "n") else { panic!("no copy") };
            assert_eq!([mode(&place.1), mode(&backup)], [rights, 0o600]);
            take(cursor(), &place, "n");
            assert_eq!(mode(&place.1), rights);
        }
        let place = file(None);
        put(cursor(), &place, "n");
        assert_eq!(mode(&place.1), 0o600, "it holds a secret");
    }

    #[test]
    fn a_secret_is_exposed_by_a_file_that_others_can_read() {
        let other = r#"{"mcpServers": {"n": {"command": "mcp-secure-remote", "env": {"T": "old", "FOO": "1"}}}}"#;
        for (text, rights, secret, exposes) in [
            ("{}", 0o644, true, true),
            ("{}", 0o640, true, true),
            ("{}", 0o600, true, false),
            ("{}", 0o644, false, false),
            // One that goes is exposed no longer.
            (other, 0o644, false, false),
        ] {
            let place = file(Some(text));
            fs::set_permissions(&place.1, Permissions::from_mode(rights)).unwrap();
            let target = target(cursor(), place.0.path(), &place.1, "n");
            let mut entry = entry("https://a/");
            entry.env.retain(|_| secret);
            let change = install(target, &entry, false).unwrap().unwrap();
            assert_eq!(change.exposes(), exposes, "{rights:o} {secret}");
        }
    }

    #[test]
    fn a_file_that_comes_and_goes_is_there_or_not() {
        let place = file(Some("{}"));
        std::thread::scope(|scope| {
            let host = scope.spawn(|| {
                for _ in 0..5000 {
                    fs::write(&place.1, "{}").unwrap();
                    fs::remove_file(&place.1).unwrap();
                }
            });
            while !host.is_finished() {
                read(&place.1).unwrap();
            }
        });
    }

    #[test]
    fn an_old_copy_with_a_secret_is_closed() {
        let place = file(Some("{}"));
        let old = place.1.with_file_name("mcp.json.mcp-secure-remote-backup");
        let text = r#"{"a": 1, "mcpServers": {"n": {"command": "mcp-secure-remote", "env": {"T": "old"}}}}"#;
        fs::write(&old, text).unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        let change = install(target_of(&place), &entry("https://a/"), false).unwrap().unwrap();
        assert_eq!(change.apply().unwrap().left, std::slice::from_ref(&old));
        assert_eq!(mode(&old), 0o600);
    }

    #[test]
    fn a_link_stays_one_and_the_file_behind_it_changes() {
        let place = file(Some("{}"));
        let link = place.0.path().join("link.json");
        symlink("sub/folder/mcp.json", &link).unwrap();
        let linked = (tempdir().unwrap(), link.clone());
        put(cursor(), &linked, "n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(beside(&place.1).len(), 2, "the copy is beside the file");
        assert_eq!(take(cursor(), &linked, "n"), Done::Restored);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&place.1).unwrap(), "{}");
        fs::remove_file(&place.1).unwrap();
        let target = target(cursor(), place.0.path(), &link, "n");
        let report = install(target, &entry("https://a/"), false).unwrap_err();
        assert!(report.cause.unwrap().contains("leads nowhere"));
    }

    #[test]
    fn a_file_that_is_read_only_stays_as_it_is() {
        let place = file(Some("{}"));
        fs::set_permissions(&place.1, Permissions::from_mode(0o444)).unwrap();
        let target = target(cursor(), place.0.path(), &place.1, "n");
        let change = install(target, &entry("https://a/"), false).unwrap().unwrap();
        assert_eq!(change.apply().unwrap_err().cause.as_deref(), Some("it is read-only"));
        assert_eq!(beside(&place.1), ["mcp.json"]);
    }
}
