//! Side by side with the Python tool that this program replaces: the same words, the same wire.

use std::process::Command;
use std::time::Duration;

use super::support::bridge;
use super::support::host::Host;
use super::support::install::Python;
use super::support::process;
use super::support::process::Finished;
use super::support::remote::Remote;
use super::support::remote::Wire;

/// For a run that ends before it connects; the original needs 1 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(30);

const URL: &str = "https://127.0.0.1:1/mcp";

#[test]
fn a_wrong_command_line_ends_with_the_same_code_and_the_same_sentence() {
    for arguments in [
        &[][..],
        &[URL, "https://second.example/"],
        &[URL, "--no-such-flag"],
        &[URL, "--tls-cert"],
        &[URL, "--header", "no colon"],
        &[URL, "--header", ": value"],
        &[URL, "--header", "bad name: value"],
        &[URL, "--header", "X-Name: a\rb"],
        &[URL, "--transport", "carrier-pigeon"],
        &[URL, "--tls-min-version", "TLSv1.1"],
        &["no-url"],
        &["ftp://host.example/mcp"],
        &["https://user:word@host.example/mcp"],
        &["http://host.example/mcp"],
    ] {
        let Some((original, ours)) = both(arguments, &[]) else { return };
        assert_eq!((original.code, ours.code), (Some(2), Some(2)), "{arguments:?}");
        assert_eq!(sentence(&original), sentence(&ours), "{arguments:?}");
        assert_eq!(ours.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_wrong_variable_ends_with_the_same_code_and_the_same_sentence() {
    let variable = ("MCP_REMOTE_TLS_MIN_VERSION", "TLSv1.1");
    let Some((original, ours)) = both(&[URL], &[variable]) else { return };
    assert_eq!((original.code, ours.code), (Some(2), Some(2)));
    assert_eq!(sentence(&original), sentence(&ours));
}

// The original finds these when it connects and exits with 1, against its own README.
#[test]
fn clashing_options_are_named_in_the_same_words_but_before_anything_connects() {
    for (arguments, sentence) in [
        (
            &[URL, "--tls-cert", "a.pem"][..],
            "Both --tls-cert and --tls-key must be provided together.",
        ),
        (
            &[URL, "--tls-pfx", "a.p12", "--tls-cert", "a.pem", "--tls-key", "a.key"],
            "Use either --tls-pfx OR --tls-cert/--tls-key, not both.",
        ),
        (
            &[URL, "--tls-passphrase", "word"],
            "--tls-passphrase requires --tls-pfx OR --tls-cert/--tls-key; passphrase alone has \
             nothing to decrypt.",
        ),
    ] {
        let Some((original, ours)) = both(arguments, &[]) else { return };
        assert_eq!((original.code, ours.code), (Some(1), Some(2)), "{arguments:?}");
        assert!(original.stderr.contains(sentence), "{}", original.stderr);
        assert!(ours.stderr.contains(sentence), "{}", ours.stderr);
    }
}

#[test]
fn files_that_cannot_be_used_end_both_with_code_1_and_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    std::fs::write(&garbage, "not a certificate\n").unwrap();
    for file in [garbage.to_str().unwrap(), "/nowhere/at-all.pem"] {
        for flags in [&["--tls-ca"][..], &["--tls-pfx"], &["--tls-cert", "--tls-key"]] {
            let mut arguments = vec![URL];
            arguments.extend(flags.iter().flat_map(|flag| [*flag, file]));
            let Some((original, ours)) = both(&arguments, &[]) else { return };
            assert_eq!((original.code, ours.code), (Some(1), Some(1)), "{arguments:?}");
            assert!(ours.stderr.contains(file), "{arguments:?}: {}", ours.stderr);
        }
    }
}

#[test]
fn help_and_version_go_to_standard_output_as_the_readme_of_the_original_promises() {
    for flag in ["--help", "-h", "--version"] {
        let Some((original, ours)) = both(&[flag], &[]) else { return };
        assert_eq!((original.code, ours.code), (Some(2), Some(0)), "{flag}");
        assert!(ours.stdout.contains("mcp-secure-remote"), "{}", ours.stdout);
        assert_eq!(ours.stderr, "", "{flag}");
    }
}

#[test]
fn every_flag_of_the_original_is_in_our_help() {
    let Some((original, ours)) = both(&["--help"], &[]) else { return };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let words = original.stderr.split(|c| !is_name(c));
    let names = words.filter(|word| word.starts_with("--") || word.starts_with("MCP_REMOTE_"));
    let mut count = 0;
    for name in names {
        assert!(ours.stdout.contains(name), "{name} is missing in\n{}", ours.stdout);
        count += 1;
    }
    assert!(count > 15, "{}", original.stderr);
}

// A file that does not exist ends the original, which otherwise never does.
#[test]
fn both_warn_in_the_same_words() {
    let skip_verify = [URL, "--tls-insecure-skip-verify", "--tls-ca", "/nowhere.pem"];
    let plain_http = ["http://127.0.0.1:1/mcp", "--allow-http", "--tls-ca", "/nowhere.pem"];
    for arguments in [&skip_verify[..], &plain_http[..]] {
        let Some((original, ours)) = both(arguments, &[]) else { return };
        let warnings: Vec<&str> = warnings(&original).collect();
        assert!(!warnings.is_empty(), "{}", original.stderr);
        for warning in warnings {
            assert!(ours.stderr.contains(warning), "{warning} is missing in {}", ours.stderr);
        }
    }
}

#[test]
fn a_host_sees_the_same_through_both_over_streamable_http() {
    let Some(remote) = Remote::python_v1(Wire::Http) else { return };
    assert_same_tour(&remote, &[]);
}

#[test]
fn a_host_sees_the_same_through_both_over_http_sse() {
    let Some(remote) = Remote::python_v1(Wire::Sse) else { return };
    assert_same_tour(&remote, &["--transport", "sse-only"]);
}

fn assert_same_tour(remote: &Remote, flags: &[&str]) {
    let ours = bridge::words(remote, flags);
    let Some(original) = Python::Original.program("mcp-secure-remote") else { return };
    let mut theirs = ours.clone();
    theirs[0] = original.display().to_string();
    let [ours, theirs] =
        [ours, theirs].map(|words| Host::PythonV1.tour_of(words, remote.pki.folder.path()));
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return };
    ours.assert_tour();
    theirs.assert_tour();
    assert_eq!(ours.tools, theirs.tools);
    assert_eq!(ours.error, theirs.error);
    assert_eq!(ours.protocol, theirs.protocol);
}

/// Runs both with these words; standard input is at its end.
fn both(arguments: &[&str], variables: &[(&str, &str)]) -> Option<(Finished, Finished)> {
    let original = Python::Original.program("mcp-secure-remote")?;
    let [original, ours] = [original, bridge::program()].map(|program| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(variables.iter().copied());
        process::run(command, "", LIMIT)
    });
    Some((original, ours))
}

/// The first line, without the time that the original puts before it.
fn sentence(run: &Finished) -> &str {
    let line = run.stderr.lines().next().unwrap_or_default();
    let start = line.find("Argument error: ");
    &line[start.unwrap_or_else(|| panic!("not a sentence: {}", run.stderr))..]
}

fn warnings(run: &Finished) -> impl Iterator<Item = &str> {
    run.stderr.lines().filter(|line| line.starts_with("WARNING: "))
}
