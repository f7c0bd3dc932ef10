//! Arguments reach the server whole, or it is not started: `cmd.exe` makes nothing else of them.

use std::env;

use serde_json::json;

use crate::fixture;
use crate::fixture::Way;
use crate::program::Serve;
use crate::witness::Witness;

/// What `cmd.exe` or the rules of quoting could make something else of.
const HOSTILE: [&str; 14] = [
    "",
    "a  b",
    "\"",
    "a\"b\"c",
    "back\\",
    "back\\\\ \\\"",
    "%PATH%",
    "%cd:~,%",
    "a & echo injected",
    "\" & echo injected & \"",
    "a | b > c < d",
    "^&^^",
    "!PATH! (x) ,;=",
    "äöü 漢",
];

#[test]
fn a_program_gets_its_arguments_whole() {
    let witness = Witness::new();
    let mut words = fixture::command(&witness, Way::Plain);
    words.extend(HOSTILE.map(str::to_owned));
    let serve = Serve::start(&[], &words);
    let result = serve.bridge().ask("tools/call", json!({ "name": "echo" }));
    assert_eq!(result["arguments"], json!(HOSTILE));
}

#[test]
fn a_cmd_file_gets_its_arguments_whole() {
    let (witness, folder) = (Witness::new(), tempfile::tempdir().unwrap());
    let script = fixture::script(folder.path(), "a server.cmd", &witness);
    // The `cmd.exe` of wine puts variables also into what it has put in for `%*`.
    let is_wine = env::var_os("WINEPREFIX").is_some();
    let passed: Vec<_> = HOSTILE.into_iter().filter(|it| !(is_wine && it.contains('%'))).collect();
    let mut words = vec![script.to_str().unwrap()];
    words.extend(&passed);
    let serve = Serve::start(&[], &words);
    let result = serve.bridge().ask("tools/call", json!({ "name": "echo" }));
    assert_eq!(result["arguments"], json!(passed));
}

#[test]
fn a_cmd_file_is_not_started_with_an_argument_that_would_be_cut() {
    let (witness, folder) = (Witness::new(), tempfile::tempdir().unwrap());
    let script = fixture::script(folder.path(), "server.cmd", &witness);
    for argument in ["a\nb", "a\r\ncalc"] {
        let words = [script.to_str().unwrap(), argument];
        let mut serve = Serve::start(&[], &words);
        let answer = serve.refused();
        assert!(answer.contains("a `.cmd` or `.bat` file has a line end"), "{answer}");
        assert!(serve.running.is_running());
    }
}
