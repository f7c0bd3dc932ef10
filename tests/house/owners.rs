//! Some things have one place: TLS, the command line, the environment, the numbers.

use crate::source::Source;
use crate::source::follow;
use crate::source::is_word;
use crate::source::sources;

/// Crates and modules that only one place may name.
const OWNERS: [(&str, &[&str]); 3] = [
    (
        "src/tls",
        &[
            "aws_lc_rs",
            "p12_keystore",
            "pkcs8",
            "rcgen",
            "rustls",
            "rustls_native_certs",
            "rustls_pki_types",
            "tokio_rustls",
            "webpki",
            "x509_parser",
        ],
    ),
    ("src/cli", &["clap", "clap_complete", "clap_mangen"]),
    ("src/transport/http", &["h2"]),
];

/// What stands beside the environment in the standard library and does not read it.
const NO_VARIABLES: [&str; 2] = ["std::env::current_exe", "std::env::split_paths"];

/// What is wrong in one file.
fn violations(source: &Source) -> Vec<String> {
    let mut code = source.shipped();
    for harmless in NO_VARIABLES {
        code = code.replace(harmless, "");
    }
    let mut wrong = foreign_names(&source.path, &code);
    // The program itself hands its arguments and variables to `cli`.
    let reads = || follow(&code, "env").into_iter().chain(follow(&code, "std"));
    if !matches!(&*source.room, "bin" | "cli") && reads().any(is_environment) {
        wrong.push("the environment is read in src/cli alone".to_owned());
    }
    if source.path != "src/limits.rs" {
        let times = times(&code).into_iter();
        wrong.extend(times.map(|time| format!("`{time}` belongs into src/limits.rs")));
    }
    if code.split(|c| !is_word(c)).any(|word| word == "unsafe") {
        wrong.push("there is no `unsafe` here".to_owned());
    }
    wrong.into_iter().map(|what| format!("{}: {what}", source.path)).collect()
}

fn foreign_names(path: &str, code: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, names) in OWNERS {
        if path.starts_with(&format!("{place}/")) || path == format!("{place}.rs") {
            continue;
        }
        let named = |name: &&&str| {
            let whole = [format!("use {name};"), format!("use {name} as ")];
            !follow(code, name).is_empty() || whole.iter().any(|whole| code.contains(whole))
        };
        let found = names.iter().filter(named);
        wrong.extend(found.map(|name| format!("`{name}` is named in {place} alone")));
    }
    wrong
}

fn is_environment(name: &str) -> bool {
    matches!(name, "args" | "args_os" | "env" | "var" | "var_os" | "vars" | "vars_os")
}

/// Times that are written as numbers; nothing at all needs no reason.
fn times(code: &str) -> Vec<&str> {
    let times = code.match_indices("Duration::from_").map(|(at, _)| &code[at..]);
    let calls = times.filter_map(|rest| Some(&rest[..=rest.find(')')?]));
    let numbered = |call: &&str| {
        let inside = call.split_once('(').map_or("", |(_, inside)| inside);
        inside
            .split(|c| !is_word(c))
            .any(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word != "0")
    };
    calls.filter(numbered).collect()
}

#[test]
fn what_has_one_place_stands_nowhere_else() {
    let wrong: Vec<_> = sources().iter().flat_map(violations).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_thing_out_of_its_place_is_found() {
    for (path, text) in [
        ("src/relay.rs", "use rustls::ClientConfig;"),
        ("src/transport/http/dial.rs", "let e: ::x509_parser::Error;"),
        ("src/transport/line.rs", "use h2;"),
        ("src/command/demo.rs", "use clap as c;"),
        ("src/retry.rs", "fn a() { std::env::var(X) }"),
        ("src/retry.rs", "fn a() { env::var_os(X) }"),
        ("src/retry.rs", "const A: Duration = Duration::from_secs(2 * MINUTE);"),
        ("src/retry.rs", "fn a() { unsafe { b() } }"),
    ] {
        assert_eq!(violations(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
}

#[test]
fn a_thing_in_its_place_is_let_be() {
    for (path, text) in [
        ("src/tls.rs", "use rustls::ClientConfig;"),
        ("src/tls/mod.rs", "use rustls::ClientConfig;"),
        ("src/cli/environment.rs", "use std::env; fn a() { env::var(X) }"),
        ("src/bin/x.rs", "fn main() { std::env::args_os() }"),
        ("src/retry.rs", "fn a() { std::env::split_paths(X) }"),
        ("src/retry.rs", "// rustls::x\nuse crate::tls::rustls::x; fn a() { env!(\"X\") }"),
        ("src/retry.rs", "Duration::from_secs(seconds); Duration::from_secs(0)"),
        ("src/retry.rs", "#[cfg(test)] mod tests { const A: B = Duration::from_secs(9); }"),
        ("src/limits.rs", "const A: Duration = Duration::from_secs(9);"),
    ] {
        assert_eq!(violations(&Source::new(path, text)), [""; 0], "{path}: {text}");
    }
}
