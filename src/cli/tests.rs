//! From words and variables to the configuration, as the program itself does it.

mod tls;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::cli::Refusal;
use crate::cli::Request;
use crate::cli::environment::Environment;
use crate::cli::log::Format;
use crate::cli::log::Level;
use crate::cli::parse;
use crate::cli::resolve::Invocation;
use crate::tls::MinVersion;
use crate::transport::fallback::Strategy;

const URL: &str = "https://mcp.example.com/mcp";

fn request(words: &[&str], env: &[(&str, &str)]) -> Result<Request, Refusal> {
    let args = ["mcp-secure-remote"].iter().chain(words).map(OsString::from);
    parse(args, &env.iter().copied().collect())
}

fn bridge(words: &[&str], env: &[(&str, &str)]) -> Invocation {
    match request(&[&[URL], words].concat(), env) {
        Ok(Request::Bridge(invocation)) => *invocation,
        other => panic!("no bridge for {words:?}: {other:?}"),
    }
}

/// The sentence of a usage error.
fn refusal(words: &[&str], env: &[(&str, &str)]) -> String {
    match request(words, env) {
        Err(Refusal::Usage(error)) => error.text,
        other => panic!("no usage error for {words:?}: {other:?}"),
    }
}

fn warnings(words: &[&str], env: &[(&str, &str)]) -> String {
    let all = bridge(words, env).warnings.into_iter().map(|warning| warning.text);
    all.collect::<Vec<_>>().join("\n")
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("the text is written");
    file
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn without_flags_everything_has_its_default() {
    let Invocation { config, log, warnings } = bridge(&[], &[]);
    assert_eq!(config.remote.url.as_str(), URL);
    assert!(config.remote.headers.is_empty());
    assert_eq!(config.remote.connect_timeout, Duration::from_secs(10));
    assert_eq!(config.max_message_size, 16 << 20);
    assert_eq!(config.strategy, Strategy::HttpFirst);
    assert_eq!(config.request_timeout, None);
    assert!(config.reinitialize);
    assert!(config.tls.identity.is_none() && config.tls.ca.is_none() && !config.tls.skip_verify);
    assert_eq!(config.tls.min_version, MinVersion::Tls12);
    assert_eq!((log.level, log.format), (Level::Normal, Format::Text));
    assert!(warnings.is_empty());
}

#[test]
fn each_flag_takes_its_value_after_a_blank_or_an_equals_sign() {
    for words in [
        &["--transport", "sse-only", "--connect-timeout", "2s", "--request-timeout", "1500ms"][..],
        &["--transport=sse-only", "--connect-timeout=2s", "--request-timeout=1500ms"],
    ] {
        let config = bridge(words, &[]).config;
        assert_eq!(config.strategy, Strategy::SseOnly);
        assert_eq!(config.remote.connect_timeout, Duration::from_secs(2));
        assert_eq!(config.request_timeout, Some(Duration::from_millis(1500)));
    }
    let words = ["--max-message-size=64MiB", "--no-reinitialize", "--debug", "--log-format=json"];
    let Invocation { config, log, .. } = bridge(&words, &[]);
    assert_eq!((config.max_message_size, config.reinitialize), (64 << 20, false));
    assert_eq!((log.level, log.format), (Level::Debug, Format::Json));
    assert_eq!(bridge(&["--silent"], &[]).log.level, Level::Silent);
}

#[test]
fn the_last_value_of_a_flag_wins() {
    let words = ["--tls-ca", "a", "--debug", "--tls-ca=b", "--debug", "--transport=x"];
    let config = bridge(&[&words[..], &["--transport", "http-only"]].concat(), &[]).config;
    assert_eq!(config.tls.ca, Some("b".into()));
    assert_eq!(config.strategy, Strategy::HttpOnly);
}

#[test]
fn the_url_may_stand_anywhere_and_two_dashes_end_the_flags() {
    for words in [&["--debug", URL][..], &[URL, "--debug"], &["--debug", "--", URL]] {
        assert!(matches!(request(words, &[]), Ok(Request::Bridge(_))), "{words:?}");
    }
    assert_eq!(refusal(&["--", "--debug"], &[]), "Invalid server URL: --debug");
}

#[test]
fn only_the_first_word_can_be_a_subcommand() {
    assert!(matches!(request(&["demo"], &[]), Ok(Request::Demo)));
    assert_eq!(refusal(&["--debug", "demo"], &[]), "Invalid server URL: demo");
    assert_eq!(refusal(&["--", "demo"], &[]), "Invalid server URL: demo");
    assert_eq!(refusal(&[URL, "demo"], &[]), "Unexpected positional argument: demo");
    assert_eq!(refusal(&["demo", "--debug"], &[]), "Unknown flag: --debug");
}

#[test]
fn who_mistypes_a_command_is_told_what_the_first_word_can_be() {
    let hint = |words: &[&str]| match request(words, &[]) {
        Err(Refusal::Usage(error)) => error.hint.unwrap_or_default(),
        other => panic!("no usage error for {words:?}: {other:?}"),
    };
    let mistyped: [&[&str]; 4] =
        [&["serv", "--listen", "[::]:1", "--", "cat"], &["Certs"], &["prob", URL], &["cert", "a"]];
    for words in mistyped {
        assert!(hint(words).contains("`https://") && hint(words).contains("`certs`"), "{words:?}");
    }
    for words in [&["mcp.example.com"][..], &[URL, "serve"], &[URL, "--frob"], &["--cert", "serv"]]
    {
        assert!(!hint(words).contains("certs"), "{words:?}");
    }
}

#[test]
fn help_can_be_asked_for_as_a_command() {
    let text = |words: &[&str]| match request(words, &[]) {
        Ok(Request::Print(text)) => text,
        other => panic!("no text for {words:?}: {other:?}"),
    };
    assert_eq!(text(&["help"]), text(&["--help"]));
    for words in [&["serve"][..], &["certs", "add-client"]] {
        let (asked, flagged) = ([&["help"], words].concat(), [words, &["--help"]].concat());
        assert_eq!(text(&asked), text(&flagged));
    }
}

#[test]
fn values_outside_their_set_are_refused() {
    for (word, text) in [
        ("--transport=x", "--transport must be one of http-first, sse-first, http-only, sse-only"),
        ("--tls-min-version=1.3", "--tls-min-version must be \"TLSv1.2\" or \"TLSv1.3\""),
        ("--tls-no-verify=x", "--tls-insecure-skip-verify must be true or false"),
        ("--log-format=xml", "--log-format must be one of text, json"),
        ("--connect-timeout=0", "--connect-timeout must be a time between 1ms and 1 day"),
        ("--request-timeout=25h", "--request-timeout must be a time between 1ms and 1 day"),
        ("--max-message-size=1", "--max-message-size must be a size between 4KiB and 2GiB - 1"),
        ("--tls-servername=", "--tls-servername must be a host name or an IP address"),
        ("--tls-servername=a:1", "--tls-servername must be a host name or an IP address"),
        ("--tls-ca-only", "--tls-ca-only requires --tls-ca."),
        (
            "--tls-passphrase=x",
            "--tls-passphrase requires --tls-pfx OR --tls-cert/--tls-key; passphrase alone has nothing to decrypt.",
        ),
        ("--header=foo", "--header expects \"Name: value\", got \"foo\""),
    ] {
        assert_eq!(refusal(&[URL, word], &[]), text);
    }
    let env = [("MCP_REMOTE_TLS_MIN_VERSION", "x")];
    let text = "MCP_REMOTE_TLS_MIN_VERSION must be \"TLSv1.2\" or \"TLSv1.3\"";
    assert_eq!(refusal(&[URL], &env), text);
    let text = "Use either --debug OR --silent, not both.";
    assert_eq!(refusal(&[URL, "--silent", "--debug"], &[]), text);
}

#[test]
fn a_header_of_the_command_line_replaces_one_of_the_file() {
    let file = file("# ours\nX-A: file\nX-B: ${B}\n");
    let words = ["--header", "x-a: flag", "--header-file", name(file.path()), "--header=X-C: 1"];
    let headers = bridge(&words, &[("B", "variable")]).config.remote.headers;
    assert_eq!(headers.len(), 3);
    assert_eq!(headers["x-a"], "flag");
    assert_eq!(headers["x-b"], "variable");
}

#[test]
fn a_bad_line_of_the_header_file_is_named() {
    let file = file("X-A: 1\nContent-Type: marker\n");
    let text = refusal(&[URL, "--header-file", name(file.path())], &[]);
    let path = file.path().display();
    let cause = "Header 'Content-Type' is set by mcp-secure-remote itself";
    assert_eq!(text, format!("Header file '{path}', line 2: {cause}"));
}

#[test]
fn a_file_that_cannot_be_used_is_no_usage_error() {
    let large = file(&"#".repeat(70_000));
    let folder = tempfile::tempdir().expect("a folder");
    for (path, cause) in [
        (Path::new("/nonexistent/file"), "no such file"),
        (folder.path(), "it is a directory"),
        (large.path(), "the file is over"),
    ] {
        for words in [
            &[URL, "--header-file", name(path)][..],
            &[URL, "--tls-pfx=p", "--tls-passphrase-file", name(path)],
        ] {
            match request(words, &[]) {
                Err(Refusal::Failed(report)) => {
                    assert_eq!(report.error, format!("unable to read `{}`", path.display()));
                    assert!(report.cause.expect("a cause").starts_with(cause));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn arguments_are_checked_before_any_file_is_read() {
    let words = ["--header-file=/nonexistent", "--tls-passphrase-file=/nonexistent"];
    let text = refusal(&[&words[..], &["--tls-cert=c", URL]].concat(), &[]);
    assert_eq!(text, "Both --tls-cert and --tls-key must be provided together.");
}

#[test]
fn an_unknown_flag_leads_to_the_one_that_was_meant() {
    let hint = |word: &str| match request(&[URL, word], &[]) {
        Err(Refusal::Usage(error)) => error.hint.unwrap_or_default(),
        other => panic!("{word}: {other:?}"),
    };
    for (word, flag) in [
        ("--cert=x", "--tls-cert"),
        ("--key", "--tls-key"),
        ("--ca", "--tls-ca"),
        ("--crl", "--tls-crl"),
        ("--tls-crt", "--tls-cert"),
        ("--tls_cert", "--tls-cert"),
        ("--TLS-CERT", "--tls-cert"),
        ("--headers", "--header"),
        ("-debug", "--debug"),
        ("-tls-ca=x", "--tls-ca"),
        ("--insecure", "--tls-insecure-skip-verify"),
    ] {
        assert_eq!(hint(word), format!("did you mean `{flag}`?"), "{word}");
    }
    assert_eq!(hint("-nothing"), "a long flag starts with two dashes");
    // Two flags end so, none does, and one would switch off what nobody asked to be off.
    for word in ["--timeout", "--unknown", "-d", "--tls-verify", "--verify"] {
        assert!(!hint(word).contains("verify"), "{word}");
        assert!(word == "--tls-verify" || hint(word).is_empty(), "{word}: {}", hint(word));
    }
}

#[test]
fn a_secret_on_the_command_line_draws_a_warning_that_names_the_safer_way() {
    let text = warnings(&["--tls-pfx=p", "--tls-passphrase=marker"], &[]);
    assert!(text.contains("use --tls-passphrase-file or MCP_REMOTE_TLS_PASSPHRASE"), "{text}");
    for header in ["Authorization: marker", "Cookie: marker", "X-Api-Key: marker"] {
        let text = warnings(&["--header", header], &[]);
        assert!(text.contains("--header-file") && !text.contains("marker"), "{text}");
    }
    let words = ["--header=Authorization: ${T}", "--header=X-Trace: 1"];
    assert_eq!(warnings(&words, &[("T", "marker")]), "");
    for (url, is_told) in [
        ("https://h/?a=1&token=marker", true),
        ("https://h/?API_KEY=marker", true),
        ("https://h/?token=", false),
        ("https://h/token?a=marker", false),
    ] {
        let Ok(Request::Bridge(bridge)) = request(&[url], &[]) else { panic!("{url}") };
        let told: Vec<_> = bridge.warnings.iter().map(|it| &*it.text).collect();
        assert_eq!(told.join("").contains("in the query of the URL"), is_told, "{url}: {told:?}");
        assert!(!told.join("").contains("marker"), "{told:?}");
    }
}

#[test]
fn tls_options_over_plain_http_draw_a_warning() {
    let text = "WARNING: mTLS options supplied with http:// URL; client certificate will NOT be \
                sent over plain HTTP.";
    let plain = |words: &[&str]| {
        let words = [&["http://127.0.0.1:1/", "--allow-http"], words].concat();
        match request(&words, &[]) {
            Ok(Request::Bridge(bridge)) => bridge.warnings,
            other => panic!("{other:?}"),
        }
    };
    assert!(plain(&[]).is_empty());
    assert_eq!(plain(&["--tls-ca=x"])[0].text, text);
    assert_eq!(plain(&["--tls-cert=x", "--tls-key=y"])[0].text, text);
}

#[test]
fn switching_verification_off_is_said_even_when_silent() {
    let warnings = bridge(&["--tls-insecure-skip-verify", "--silent"], &[]).warnings;
    assert_eq!(
        warnings[0].text,
        "WARNING: TLS server certificate verification disabled. This is insecure; use only for \
         local development."
    );
    assert!(warnings[0].always);
}

#[test]
fn proxies_come_from_the_environment_and_lower_case_wins() {
    let env = [
        ("HTTPS_PROXY", "http://upper"),
        ("https_proxy", "http://u:marker@lower"),
        ("ALL_PROXY", "http://all"),
        ("NO_PROXY", "inner"),
    ];
    let proxies = bridge(&[], &env).config.remote.proxies;
    let chosen = |url: &str| proxies.shown(&url::Url::parse(url).unwrap());
    assert_eq!(chosen("https://h/").as_deref(), Some("lower"));
    assert_eq!(chosen("http://h/").as_deref(), Some("all"));
    assert_eq!(chosen("https://inner/"), None);
}

#[test]
fn no_secret_is_shown_by_debug() {
    let file = file("X-File: marker-4");
    let words = [
        "--header=Authorization: marker-1",
        "--header=X: ${V}",
        "--tls-pfx=p",
        "--tls-passphrase=marker-2",
        "--header-file",
        name(file.path()),
    ];
    let env = [("V", "marker-3"), ("HTTPS_PROXY", "http://u:marker-5@p")];
    let url = "https://h/?key=marker-6";
    let request = request(&[&[url], &words[..]].concat(), &env).expect("a bridge");
    let shown = format!("{request:?} {request:#?}");
    assert!(!shown.contains("marker"), "{shown}");
    assert!(shown.contains("authorization") && shown.contains("\"https://h/\""), "{shown}");
}

#[test]
fn a_variable_that_is_no_unicode_is_named() {
    let bytes = non_unicode();
    let env: Environment = [("MCP_REMOTE_TLS_SERVERNAME", bytes)].into_iter().collect();
    let args = ["mcp-secure-remote", URL].map(OsString::from);
    match parse(args, &env) {
        Err(Refusal::Usage(error)) => {
            assert_eq!(error.text, "MCP_REMOTE_TLS_SERVERNAME is not UTF-8");
        }
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
fn non_unicode() -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(vec![0xff])
}

#[cfg(windows)]
fn non_unicode() -> OsString {
    std::os::windows::ffi::OsStringExt::from_wide(&[0xd800])
}

#[test]
fn a_proxy_that_cannot_be_understood_is_refused_and_not_repeated() {
    for value in [
        "bogus://p:9",
        "http//p:9",
        "http://",
        "socks5://",
        "p:abc",
        "http://u:marker@p:99999",
        "p:1/x",
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let error = request(&[URL], &[(variable, value)]).expect_err(value);
            let Refusal::Usage(error) = error else { panic!("{value}") };
            assert!(error.text.starts_with(variable), "{}", error.text);
            assert!(!error.text.contains("marker"), "{}", error.text);
        }
    }
}

#[test]
fn a_proxy_variable_that_is_no_unicode_is_named() {
    for variable in ["HTTPS_PROXY", "all_proxy", "NO_PROXY"] {
        let env: Environment = [(variable, non_unicode())].into_iter().collect();
        let args = ["mcp-secure-remote", URL].map(OsString::from);
        match parse(args, &env) {
            Err(Refusal::Usage(error)) => {
                assert_eq!(error.text, format!("{variable} is not UTF-8"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_address_without_a_scheme_is_shown_without_its_query() {
    let error = request(&["u:marker@h:8443/mcp?token=marker"], &[]).expect_err("no scheme");
    let Refusal::Usage(error) = error else { panic!("usage") };
    assert_eq!(error.text, "Invalid server URL: ***@h:8443/mcp?***");
}
