//! The TLS flags and their variables.

use std::path::PathBuf;

use crate::cli::Refusal;
use crate::cli::tests::URL;
use crate::cli::tests::bridge;
use crate::cli::tests::file;
use crate::cli::tests::name;
use crate::cli::tests::refusal;
use crate::cli::tests::request;
use crate::tls::IdentitySource;
use crate::tls::MinVersion;

fn pkcs12(path: &str) -> Option<IdentitySource> {
    Some(IdentitySource::Pkcs12(path.into()))
}

fn pem(cert: &str, key: &str) -> Option<IdentitySource> {
    Some(IdentitySource::Pem { cert: cert.into(), key: key.into() })
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
fn a_bad_variable_is_named_by_its_own_name() {
    for (variable, value, text) in [
        ("MCP_REMOTE_TLS_SERVERNAME", "a:1", "must be a host name or an IP address"),
        ("MCP_REMOTE_TLS_MIN_VERSION", "1.3", "must be \"TLSv1.2\" or \"TLSv1.3\""),
        ("MCP_REMOTE_TLS_CA_ONLY", "on", "must be true or false"),
        ("MCP_REMOTE_TLS_CA_ONLY", "1", "requires --tls-ca."),
    ] {
        assert_eq!(refusal(&[URL], &[(variable, value)]), format!("{variable} {text}"));
    }
    let path = ("MCP_REMOTE_TLS_PASSPHRASE_FILE", "/nonexistent");
    let text = ("MCP_REMOTE_TLS_PASSPHRASE", "marker");
    let pfx = ("MCP_REMOTE_TLS_PFX", "p");
    match request(&[URL], &[path, pfx]) {
        Err(Refusal::Failed(report)) => assert!(report.hint.expect("a hint").contains(path.0)),
        other => panic!("{other:?}"),
    }
    // The words of the original stay; the hint leads to the variables.
    for env in [&[text][..], &[path], &[text, path, pfx]] {
        match request(&[URL], env) {
            Err(Refusal::Usage(error)) => {
                let hint = error.hint.expect("a hint");
                assert!(hint.contains("MCP_REMOTE_TLS_PASSPHRASE and"), "{hint}");
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
