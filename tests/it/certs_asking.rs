//! Passphrases that `certs` asks for at a terminal (catalogue X01).

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use tempfile::tempdir;

use crate::support::tools::openssl;
use crate::support::tools::said;

/// The program at a terminal that `script` makes for it.
struct Terminal {
    child: Child,
    shown: String,
}

impl Terminal {
    fn start(folder: &Path, flags: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_mcp-secure-remote");
        // What the terminal does after the program is what it did before.
        let line = format!("'{program}' certs {flags}; code=$?; stty -a; exit $code");
        let mut child = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` is part of every Debian and macOS");
        let shown = String::new();
        child.stdin.as_mut().unwrap().flush().unwrap();
        Self { child, shown }
    }

    /// Waits for a question, then types the answer.
    fn answer(&mut self, question: &str, keys: &str) {
        while !self.shown.ends_with(question) {
            let mut byte = [0];
            let count = self.child.stdout.as_mut().unwrap().read(&mut byte).unwrap();
            assert!(count == 1, "{question}: {}", self.shown);
            self.shown.push(char::from(byte[0]));
        }
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// How the program ended, and all that stood on the terminal.
    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = Vec::new();
        self.child.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        let shown = self.shown + &String::from_utf8(rest).unwrap();
        (self.child.wait().unwrap(), shown)
    }
}

const NEW: &str = "Passphrase of the CA's key: ";
const AGAIN: &str = "The same again, passphrase of the CA's key: ";

#[test]
fn a_new_passphrase_is_asked_for_twice_and_never_shown() {
    let folder = tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), "--output pki --keep-ca");
    terminal.answer(NEW, "marker\r");
    terminal.answer(AGAIN, "markes\u{7f}r\r");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(!shown.contains("mark"), "{shown}");
    assert!(shown.contains(" echo ") && shown.contains(" icanon ") && shown.contains("isig "));
    let key = folder.path().join("pki/ca.key").display().to_string();
    said(&mut openssl(&["pkey", "-noout", "-in", &key, "-passin", "pass:marker"]));

    let mut terminal = Terminal::start(folder.path(), "add-client --output pki --client ann");
    terminal.answer(NEW, "marker\r");
    let (status, shown) = terminal.end();
    assert!(status.success() && shown.contains("Added 1 client certificate"), "{shown}");
}

#[test]
fn two_passphrases_that_differ_or_an_interruption_write_nothing() {
    let folder = tempdir().unwrap();
    for (first, second, cause) in [
        ("marker\r", Some("other\r"), "cause: the two that were typed differ"),
        ("\r", Some("\r"), "cause: what was typed is empty"),
        ("mark\u{3}", None, "cause: it was interrupted"),
        ("\u{4}", None, "cause: the input ended"),
    ] {
        let mut terminal = Terminal::start(folder.path(), "--output pki --keep-ca");
        terminal.answer(NEW, first);
        if let Some(second) = second {
            terminal.answer(AGAIN, second);
        }
        let (status, shown) = terminal.end();
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(shown.contains(cause) && !shown.contains("mark"), "{shown}");
        assert!(shown.contains(" echo ") && shown.contains(" icanon "), "{shown}");
        assert!(!folder.path().join("pki").exists());
    }
}

#[test]
fn nobody_is_asked_for_what_cannot_be_used() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    std::fs::write(folder.path().join("pki/server.key"), "").unwrap();
    for flags in ["--output pki --keep-ca", "add-client --output pki --client ann"] {
        let (status, shown) = Terminal::start(folder.path(), flags).end();
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(!shown.contains("Passphrase of"), "{shown}");
    }
}
