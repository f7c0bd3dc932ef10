//! Passphrases that `certs` asks for at a terminal (catalogue X01).

use std::path::Path;

use tempfile::tempdir;

use crate::support::terminal::Terminal;
use crate::support::tools::openssl;
use crate::support::tools::said;

/// `certs` with these flags.
fn certs(folder: &Path, flags: &str) -> Terminal {
    let program = env!("CARGO_BIN_EXE_mcp-secure-remote");
    Terminal::start(folder, &format!("'{program}' certs {flags}"))
}

const NEW: &str = "Passphrase of the CA's key: ";
const AGAIN: &str = "The same again, passphrase of the CA's key: ";

#[test]
fn a_new_passphrase_is_asked_for_twice_and_never_shown() {
    let folder = tempdir().unwrap();
    let mut terminal = certs(folder.path(), "--output pki --keep-ca");
    terminal.answer(NEW, "marker\r");
    terminal.answer(AGAIN, "markes\u{7f}r\r");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(!shown.contains("mark"), "{shown}");
    assert!(shown.contains(" echo ") && shown.contains(" icanon ") && shown.contains("isig "));
    let key = folder.path().join("pki/ca.key").display().to_string();
    said(&mut openssl(&["pkey", "-noout", "-in", &key, "-passin", "pass:marker"]));

    let mut terminal = certs(folder.path(), "add-client --output pki --client ann");
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
        let mut terminal = certs(folder.path(), "--output pki --keep-ca");
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
        let (status, shown) = certs(folder.path(), flags).end();
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(!shown.contains("Passphrase of"), "{shown}");
    }
}
