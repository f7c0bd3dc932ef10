//! The documents, typed.

use super::install;
use super::page;
use super::page::Block;
use super::shown;
use super::terminal::Ended;
use super::terminal::Terminal;

/// What blocks begin with that are not run, and why.
const NOT_RUN: [(&str, &str); 6] = [
    ("cargo run --release", "`.ci/run` runs it"),
    ("cargo test", "it runs this test"),
    ("cargo install", "takes minutes, and writes to the home of who runs the tests"),
    ("AWS_LC_SYS_NO_JITTER_ENTROPY=1 cargo install", "the same, and needs a network"),
    ("docker ", "tests/containers types it"),
    ("MCP_URL=", "the same"),
];

/// What a host would say first to the bridge.
const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"reader","version":"1"}}}"#,
    "\n"
);

#[test]
fn the_commands_of_the_readme_work() {
    type_all("README.md", include_str!("../../README.md"));
}

#[test]
fn the_commands_for_a_local_endpoint_work_and_print_what_is_shown() {
    for (program, package) in [("openssl", "openssl"), ("nginx", "nginx")] {
        if install::of_system(program, package).is_none() {
            return;
        }
    }
    type_all("LOCAL_MTLS_TESTING.md", include_str!("../../LOCAL_MTLS_TESTING.md"));
}

#[test]
fn the_commands_of_the_guides_work() {
    type_all("docs/serve.md", include_str!("../../docs/serve.md"));
    type_all("docs/certs.md", include_str!("../../docs/certs.md"));
}

#[test]
fn what_is_not_run_stands_in_a_document() {
    let documents =
        [include_str!("../../README.md"), include_str!("../../LOCAL_MTLS_TESTING.md")].concat();
    let blocks = page::blocks(&documents);
    for (start, why) in NOT_RUN {
        assert!(blocks.iter().any(|block| block.script.starts_with(start)), "{start}: {why}");
    }
}

fn type_all(name: &str, document: &str) {
    let Some(node) = install::node_folder() else { return };
    let mut terminal = Terminal::new(&node.join("node_modules"));
    let is_run = |block: &Block| !NOT_RUN.iter().any(|(start, _)| block.script.starts_with(start));
    let blocks: Vec<_> = page::blocks(&document.replace("\r\n", "\n"));
    assert!(blocks.iter().filter(|block| is_run(block)).count() > 2, "{name}");
    let differences: Vec<_> = blocks
        .iter()
        .filter(|block| is_run(block))
        .filter_map(|block| type_one(&mut terminal, name, block))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Tells where it prints something else than is shown.
fn type_one(terminal: &mut Terminal, name: &str, block: &Block) -> Option<String> {
    let place = format!("{name}, line {}", block.line);
    if block.new_folder {
        terminal.new_folder();
    }
    // Its own port may be taken, and belongs to whoever uses this machine.
    let fixed = block.script.contains(" serve ") && !block.script.contains(" --listen ");
    assert!(!fixed, "{place}: give `serve` a port that can be replaced:\n{}", block.script);
    let printed = match &block.until {
        Some(words) => terminal.run_on(&block.script, words),
        None => match run(terminal, block) {
            Ok(printed) => printed,
            Err(why) => return Some(format!("{place}: {why}")),
        },
    };
    shown::difference(&place, block.shown.as_ref()?, &printed)
}

/// Runs a block to its end. The bridge waits for a host; where a document names no words of one, it
/// gets the first one's and has to answer.
fn run(terminal: &Terminal, block: &Block) -> Result<String, String> {
    let greeted = block.script.starts_with("mcp-secure-remote http") && block.typed.is_none();
    let typed = block.typed.as_deref().or_else(|| greeted.then_some(INITIALIZE));
    let Ended { code, printed } = terminal.run(&block.script, typed);
    let answered = !greeted || printed.contains("\"result\"");
    if code == Some(block.exit) && answered {
        Ok(printed)
    } else {
        Err(format!("exit code {code:?}, and it printed\n{printed}"))
    }
}
