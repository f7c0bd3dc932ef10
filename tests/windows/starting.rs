//! Which program a name stands for, and what it gets to see.

use std::env;
use std::fs;
use std::process::Command;

use serde_json::json;

use crate::fixture;
use crate::fixture::Way;
use crate::program::PROGRAM;
use crate::program::Running;
use crate::program::Serve;
use crate::program::certificates;
use crate::witness::Witness;

#[test]
fn a_call_goes_through_bridge_and_serve_over_mutual_tls_and_back() {
    let witness = Witness::new();
    let serve = Serve::start(&[], &fixture::command(&witness, Way::Plain));
    let mut bridge = serve.bridge();
    let given = json!({ "text": "äöü 漢\r\n \u{1f600}", "number": 12345 });
    let result = bridge.ask("tools/call", json!({ "name": "echo", "arguments": given }));
    assert_eq!(result["given"], given);
    let large = json!({ "text": "x".repeat(2_000_000) });
    let result = bridge.ask("tools/call", json!({ "name": "echo", "arguments": large }));
    assert!(result["given"] == large, "a large message is the same");
    let life = witness.next();
    bridge.close();
    life.ends();
}

#[test]
fn a_name_finds_its_cmd_file_beside_a_script_for_other_systems() {
    let (witness, folder) = (Witness::new(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("npx"), "#!/bin/sh\nexit 1\n").unwrap();
    fixture::script(folder.path(), "npx.cmd", &witness);
    let files = certificates();
    let mut command = Serve::command(&files, &[], &["npx"]);
    // As Windows spells it.
    command.env_remove("PATH").env("Path", path_with(folder.path()));
    let serve = Serve::run(&mut command, files);
    let mut bridge = serve.bridge();
    bridge.ask("ping", json!({}));
    let life = witness.next();
    bridge.close();
    life.ends();
}

#[test]
fn a_program_in_the_current_folder_is_not_run_by_its_name() {
    let (witness, folder) = (Witness::new(), tempfile::tempdir().unwrap());
    fixture::script(folder.path(), "planted.cmd", &witness);
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--", "planted"]).current_dir(folder.path());
    let mut serve = Running::start(&mut command);
    serve.logs("cannot find the program `planted`");
    assert_eq!(serve.ends().code(), Some(1));
}

#[test]
fn a_server_sees_the_variables_that_programs_need_and_no_secret() {
    let witness = Witness::new();
    let files = certificates();
    let flags = ["--pass-env", "WANTED", "--env", "comspec=given"];
    let mut command = Serve::command(&files, &flags, &fixture::command(&witness, Way::Plain));
    command.env("Api_Key", "marker").env("Wanted", "yes");
    let serve = Serve::run(&mut command, files);
    let result = serve.bridge().ask("tools/call", json!({ "name": "echo" }));
    let seen: Vec<_> =
        result["variables"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    for needed in ["SYSTEMROOT", "TEMP", "USERPROFILE", "APPDATA", "PATH", "PATHEXT", "WANTED"] {
        assert!(seen.contains(&needed), "{needed} is not among {seen:?}");
    }
    assert_eq!(seen.iter().filter(|name| **name == "COMSPEC").count(), 1, "{seen:?}");
    assert!(!seen.contains(&"API_KEY"), "{seen:?}");
}

fn path_with(folder: &std::path::Path) -> std::ffi::OsString {
    let path = env::var_os("PATH").unwrap();
    env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&path))).unwrap()
}
