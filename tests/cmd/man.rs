//! The manual pages are there, and clean to the program that sets them.

use std::fs;
use std::process::Command;

use crate::faces::program;
use crate::tools::found;

const PAGES: [&str; 14] = [
    "mcp-secure-remote-certs-add-client.1",
    "mcp-secure-remote-certs.1",
    "mcp-secure-remote-client.1",
    "mcp-secure-remote-completions.1",
    "mcp-secure-remote-demo.1",
    "mcp-secure-remote-ide-install.1",
    "mcp-secure-remote-ide-list.1",
    "mcp-secure-remote-ide-remove.1",
    "mcp-secure-remote-ide-show.1",
    "mcp-secure-remote-ide.1",
    "mcp-secure-remote-man.1",
    "mcp-secure-remote-probe.1",
    "mcp-secure-remote-serve.1",
    "mcp-secure-remote.1",
];

#[test]
fn every_command_of_both_programs_has_a_page() {
    let folder = pages();
    let entries = fs::read_dir(folder.path()).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<_> = names.map(|name| name.expect("UTF-8")).collect();
    names.sort();
    assert_eq!(names, PAGES);
}

#[test]
fn a_page_shows_what_is_typed() {
    let folder = pages();
    for (page, line) in [
        (PAGES[13], r"\fBmcp\-secure\-remote\fR <server\-url> [options]"),
        (PAGES[2], r"\fBmcp\-secure\-remote\-client\fR <server\-url> [options]"),
        (PAGES[0], r"\fBmcp\-secure\-remote certs add\-client\fR \-\-output <folder>"),
        (PAGES[13], r"\fB\-\-tls\-cert\fR \fI<path>\fR"),
    ] {
        let text = fs::read_to_string(folder.path().join(page)).expect("the page");
        assert!(text.contains(line), "{page}: {line}\n{text}");
    }
}

#[test]
fn groff_sets_each_page_without_a_warning() {
    let Some(groff) = found("groff", "groff-base") else { return };
    let folder = pages();
    for page in PAGES {
        let mut groff = Command::new(&groff);
        groff.args(["-ww", "-b", "-K", "utf8", "-T", "utf8", "-P-cbou", "-man"]);
        let output = groff.arg(folder.path().join(page)).output().expect("groff runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("SYNOPSIS"), "{page}: {shown}");
    }
}

#[test]
fn what_is_typed_can_be_copied_from_80_columns() {
    for (page, words) in [
        (PAGES[13], &["MCP_REMOTE_TLS_PASSPHRASE,", "`${VAR:-default}`", "command line:"][..]),
        (PAGES[12], &["MCP_REMOTE_TLS_CLIENT_CA,", "`max-sessions = 10`;"]),
        (PAGES[0], &["mcp-secure-remote certs add-client --output <folder>"]),
    ] {
        let Some(shown) = shown(page) else { return };
        assert!(words.iter().all(|word| shown.contains(word)), "{page}: {words:?}\n{shown}");
        assert!(!shown.contains('\u{2010}'), "{page}: a hyphen that nobody types\n{shown}");
    }
}

#[test]
fn what_help_says_below_the_flags_has_sections() {
    for (page, section) in [
        (
            PAGES[12],
            "SIGNALS\n       SIGTERM and SIGINT stop in good order, a second one at once; SIGHUP\n       \
                reads the TLS files anew\n\n\
             EXIT STATUS\n       0      stopped, or ready\n\n       \
                1      failed while running, not ready, or a file cannot be used\n\n       \
                2      wrong arguments\n",
        ),
        (PAGES[13], "       MCP_REMOTE_TLS_INSECURE\n       HTTPS_PROXY, HTTP_PROXY, ALL_PROXY,"),
        (PAGES[8], "CLIENTS\n       claude-desktop    Claude Desktop\n"),
        (PAGES[12], "OPTIONS\n       --listen <address:port>\n"),
    ] {
        let Some(shown) = shown(page) else { return };
        assert!(shown.contains(section), "{page}: {section}\n{shown}");
    }
}

#[test]
fn without_a_folder_the_page_is_printed() {
    let output = program(&["man"]).output().expect("the program starts");
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(page.contains(".TH mcp-secure-remote 1"), "{page}");
    assert_eq!(page, fs::read_to_string(pages().path().join(PAGES[13])).expect("the page"));
}

#[test]
fn a_folder_that_cannot_be_made_is_exit_code_1_with_its_name() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let folder = file.path().join("pages");
    let shown = folder.to_str().expect("UTF-8");
    let output = program(&["man", "--output", shown]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.starts_with(&format!("error: unable to write `{shown}`\ncause: ")), "{said}");
}

/// A page on a terminal of 80 columns.
fn shown(page: &str) -> Option<String> {
    let groff = found("groff", "groff-base")?;
    let mut groff = Command::new(groff);
    let folder = pages();
    groff.args(["-T", "utf8", "-P-cbou", "-man"]).arg(folder.path().join(page));
    let output = groff.output().expect("groff runs");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

fn pages() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let output = program(&["man", "--output"]).arg(folder.path()).output();
    let output = output.expect("the program starts");
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    folder
}
