//! From words and variables to the configuration, as the program itself does it.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Refusal;
use crate::cli::Request;
use crate::cli::environment::Environment;
use crate::cli::log::Format;
use crate::cli::log::Level;
use crate::cli::parse;
use crate::cli::resolve::Invocation;
use crate::tls::IdentitySource;
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

fn pem(cert: &str, key: &str) -> Option<IdentitySource> {
    Some(IdentitySource::Pem { cert: cert.into(), key: key.into() })
}

fn pkcs12(path: &str) -> Option<IdentitySource> {
    Some(IdentitySource::Pkcs12(path.into()))
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
fn a_variable_stands_in_for_a_missing_flag_and_an_empty_one_for_nothing() {
    let env = [
        ("MCP_REMOTE_TLS_CERT", "c"),
        ("MCP_REMOTE_TLS_KEY", "k"),
        ("MCP_REMOTE_TLS_CA", "ca"),
        ("MCP_REMOTE_TLS_CA_ONLY", "Yes"),
        ("MCP_REMOTE_TLS_PASSPHRASE", "marker"),
        ("MCP_REMOTE_TLS_SERVERNAME", "inner"),
        ("MCP_REMOTE_TLS_MIN_VERSION", "TLSv1.3"),
        ("MCP_REMOTE_TLS_INSECURE", "TRUE"),
        ("MCP_REMOTE_TLS_PFX", ""),
    ];
    let tls = bridge(&[], &env).config.tls;
    assert_eq!(tls.identity, pem("c", "k"));
    assert_eq!(tls.ca, Some("ca".into()));
    assert_eq!(tls.passphrase.expect("a passphrase").expose(), "marker");
    assert_eq!(tls.server_name.as_deref(), Some("inner"));
    assert_eq!(tls.min_version, MinVersion::Tls13);
    assert!(tls.ca_only && tls.skip_verify);
}

#[test]
fn a_flag_wins_over_its_variable() {
    let env = [
        ("MCP_REMOTE_TLS_CA", "variable"),
        ("MCP_REMOTE_TLS_MIN_VERSION", "junk"),
        ("MCP_REMOTE_TLS_INSECURE", "1"),
        ("MCP_REMOTE_TLS_CA_ONLY", "1"),
        ("MCP_REMOTE_TLS_SERVERNAME", "not a name"),
    ];
    let words = [
        "--tls-ca=flag",
        "--tls-min-version=TLSv1.2",
        "--tls-no-verify=false",
        "--tls-ca-only=no",
        "--tls-servername=::1",
    ];
    let tls = bridge(&words, &env).config.tls;
    assert_eq!(tls.ca, Some("flag".into()));
    assert_eq!(tls.min_version, MinVersion::Tls12);
    assert_eq!(tls.server_name.as_deref(), Some("::1"));
    assert!(!tls.skip_verify && !tls.ca_only);
}

#[test]
fn a_variable_that_does_not_say_yes_leaves_verification_on() {
    for text in ["0", "false", "no", "on", "junk"] {
        assert!(!bridge(&[], &[("MCP_REMOTE_TLS_INSECURE", text)]).config.tls.skip_verify);
    }
}

#[test]
fn a_flag_for_one_kind_of_identity_switches_the_variables_of_the_other_off() {
    let pem_variables = [("MCP_REMOTE_TLS_CERT", "c"), ("MCP_REMOTE_TLS_KEY", "k")];
    let tls = bridge(&["--tls-pfx", "p"], &pem_variables).config.tls;
    assert_eq!(tls.identity, pkcs12("p"));
    let pfx_variable = [("MCP_REMOTE_TLS_PFX", "p")];
    let tls = bridge(&["--tls-cert=c", "--tls-key=k"], &pfx_variable).config.tls;
    assert_eq!(tls.identity, pem("c", "k"));
    let tls = bridge(&["--tls-cert=other"], &pem_variables).config.tls;
    assert_eq!(tls.identity, pem("other", "k"));
}

#[test]
fn two_identities_from_one_source_are_refused() {
    let text = "Use either --tls-pfx OR --tls-cert/--tls-key, not both.";
    assert_eq!(refusal(&[URL, "--tls-pfx=p", "--tls-key=k"], &[]), text);
    let env = [("MCP_REMOTE_TLS_PFX", "p"), ("MCP_REMOTE_TLS_CERT", "c")];
    assert_eq!(refusal(&[URL], &env), text);
}

#[test]
fn half_an_identity_is_refused() {
    let text = "Both --tls-cert and --tls-key must be provided together.";
    assert_eq!(refusal(&[URL, "--tls-cert=c"], &[]), text);
    assert_eq!(refusal(&[URL, "--tls-key=k"], &[("MCP_REMOTE_TLS_PFX", "p")]), text);
    assert_eq!(refusal(&[URL], &[("MCP_REMOTE_TLS_KEY", "k")]), text);
}

#[test]
fn a_passphrase_needs_something_to_open() {
    let start = "--tls-passphrase requires --tls-pfx OR --tls-cert/--tls-key";
    assert!(refusal(&[URL, "--tls-passphrase=x"], &[]).starts_with(start));
    assert!(refusal(&[URL], &[("MCP_REMOTE_TLS_PASSPHRASE", "x")]).starts_with(start));
    // A host that fills an unset variable into its configuration passes an empty text.
    assert!(bridge(&["--tls-passphrase", ""], &[]).config.tls.passphrase.is_none());
}

#[test]
fn a_passphrase_file_loses_one_line_end_and_nothing_else() {
    for (text, passphrase) in
        [("marker\n", "marker"), ("marker\r\n", "marker"), (" a b \n\n", " a b \n"), ("", "")]
    {
        let file = file(text);
        let words = ["--tls-pfx=p", "--tls-passphrase-file", name(file.path())];
        let tls = bridge(&words, &[("MCP_REMOTE_TLS_PASSPHRASE", "other")]).config.tls;
        assert_eq!(tls.passphrase.expect("a passphrase").expose(), passphrase);
    }
}

#[test]
fn two_passphrases_from_one_source_are_refused() {
    let text = "Use either --tls-passphrase OR --tls-passphrase-file, not both.";
    let words = [URL, "--tls-pfx=p", "--tls-passphrase=x", "--tls-passphrase-file=f"];
    assert_eq!(refusal(&words, &[]), text);
}

#[test]
fn revocation_lists_come_from_flags_or_from_a_variable_like_path() {
    let separated = std::env::join_paths(["v1", "v2"]).expect("two paths");
    let env = [("MCP_REMOTE_TLS_CRL", separated.to_str().expect("UTF-8"))];
    assert_eq!(bridge(&[], &env).config.tls.crls, ["v1", "v2"].map(PathBuf::from));
    let tls = bridge(&["--tls-crl=a", "--tls-crl", "b"], &env).config.tls;
    assert_eq!(tls.crls, ["a", "b"].map(PathBuf::from));
}

#[test]
fn values_outside_their_set_are_refused() {
    for (word, text) in [
        ("--transport=x", "--transport must be one of http-first, sse-first, http-only, sse-only"),
        ("--tls-min-version=1.3", "--tls-min-version must be \"TLSv1.2\" or \"TLSv1.3\""),
        ("--tls-no-verify=x", "--tls-insecure-skip-verify must be true or false"),
        ("--log-format=xml", "--log-format must be one of text, json"),
        ("--connect-timeout=0", "--connect-timeout must be a time between 1ms and 1 day"),
        ("--request-timeout=1h", "--request-timeout must be a time between 1ms and 1 day"),
        ("--max-message-size=1", "--max-message-size must be a size between 4KiB and 2GiB - 1"),
        ("--tls-servername=", "--tls-servername must be a host name or an IP address"),
        ("--tls-servername=a:1", "--tls-servername must be a host name or an IP address"),
        ("--tls-ca-only", "--tls-ca-only requires --tls-ca."),
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
fn a_secret_on_the_command_line_draws_a_warning_that_names_the_safer_way() {
    let text = warnings(&["--tls-pfx=p", "--tls-passphrase=marker"], &[]);
    assert!(text.contains("use --tls-passphrase-file or MCP_REMOTE_TLS_PASSPHRASE"), "{text}");
    for header in ["Authorization: marker", "Cookie: marker", "X-Api-Key: marker"] {
        let text = warnings(&["--header", header], &[]);
        assert!(text.contains("--header-file") && !text.contains("marker"), "{text}");
    }
    let words = ["--header=Authorization: ${T}", "--header=X-Trace: 1"];
    assert_eq!(warnings(&words, &[("T", "marker")]), "");
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
            assert!(error.text.contains(&variable.to_ascii_uppercase()), "{}", error.text);
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
                assert_eq!(error.text, format!("{} is not UTF-8", variable.to_ascii_uppercase()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_word_that_is_no_switch_does_not_widen_the_trust() {
    let env = [("MCP_REMOTE_TLS_CA_ONLY", "on"), ("MCP_REMOTE_TLS_CA", "ca.pem")];
    assert!(matches!(request(&[URL], &env), Err(Refusal::Usage(_))));
}

#[test]
fn an_address_without_a_scheme_is_shown_without_its_query() {
    let error = request(&["u:marker@h:8443/mcp?token=marker"], &[]).expect_err("no scheme");
    let Refusal::Usage(error) = error else { panic!("usage") };
    assert_eq!(error.text, "Invalid server URL: ***@h:8443/mcp?***");
}
