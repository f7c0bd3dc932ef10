//! What `completions` prints is understood by the shells themselves.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::faces::program;
use crate::tools::found;

#[test]
fn bash_completes_a_flag() {
    let words = completed(&[], &["mcp-secure-remote", "--tls-c"]);
    assert_eq!(words, ["--tls-cert", "--tls-ca", "--tls-ca-only", "--tls-crl"]);
}

#[test]
fn bash_completes_a_flag_of_the_probe_under_its_own_name() {
    let words = completed(&["--client"], &["mcp-secure-remote-client", "--warn"]);
    assert_eq!(words, ["--warn-expiry"]);
}

#[test]
fn bash_completes_the_commands_and_not_what_nobody_types() {
    let words = completed(&[], &["mcp-secure-remote", ""]);
    for command in ["certs", "completions", "demo", "man", "probe", "serve"] {
        assert!(words.iter().any(|word| word == command), "{command}: {words:?}");
    }
    assert!(!words.iter().any(|word| word.contains("watch")), "{words:?}");
}

#[test]
fn bash_completes_flags_and_words_of_commands() {
    let words = completed(&[], &["mcp-secure-remote", "certs", "add-client", "--pfx-p"]);
    assert_eq!(words, ["--pfx-passphrase-file"]);
    let words = completed(&[], &["mcp-secure-remote", "completions", "z"]);
    assert_eq!(words, ["zsh"]);
}

#[test]
fn each_shell_takes_its_script() {
    let folder = tempfile::tempdir().expect("a folder");
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let Some(program) = found(shell, shell) else { continue };
        for client in [&[][..], &["--client"]] {
            let script = write(folder.path(), shell, client);
            let output = Command::new(&program).arg(check).arg(&script).output().expect("runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{shell} {client:?}: {said}");
        }
    }
}

#[test]
fn every_shell_has_a_script_for_each_program() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        for client in [&[][..], &["--client"]] {
            assert!(script(shell, client).contains("tls-cert"), "{shell} {client:?}");
        }
    }
}

/// What bash offers for the last of these words.
fn completed(flags: &[&str], words: &[&str]) -> Vec<String> {
    let Some(bash) = found("bash", "bash") else { return Vec::new() };
    let folder = tempfile::tempdir().expect("a folder");
    let script = write(folder.path(), "bash", flags);
    let ask = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" "$1" "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new(bash);
    bash.args(["--norc", "-c", ask, "bash"]).arg(&script).args(words);
    let output = bash.output().expect("bash runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn write(folder: &Path, shell: &str, flags: &[&str]) -> PathBuf {
    let path = folder.join(shell);
    fs::write(&path, script(shell, flags)).expect("the script is written");
    path
}

fn script(shell: &str, flags: &[&str]) -> String {
    let args = [&["completions", shell], flags].concat();
    let output = program(&args).output().expect("the program starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
