//! `--header` and `--header-file`: `Name: value`, with variables filled in.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;

use crate::cli::environment::Environment;
use crate::cli::usage::UsageError;
use crate::limits;
use crate::report;

/// Reads one `Name: value`. `${VAR}` and `${VAR:-default}` in the value are filled in from
/// `variables`; the value is marked as sensitive.
///
/// # Errors
///
/// A name or value that HTTP or the bridge cannot take, a variable that is not set. The value is
/// never repeated.
pub fn parse(text: &str, variables: &Environment) -> Result<(HeaderName, HeaderValue), UsageError> {
    let Some((name, value)) = text.split_once(':') else {
        let text = harmless(text);
        return Err(UsageError::new(format!("--header expects \"Name: value\", got \"{text}\"")));
    };
    if name.trim().is_empty() {
        let text = harmless(text);
        return Err(UsageError::new(format!("--header has empty name: \"{text}\"")));
    }
    let typed = name.trim();
    let name = parse_name(typed)?;
    let value = expand(typed, value.trim(), variables)?;
    Ok((name, parse_value(typed, value.trim())?))
}

/// Reads the text of a header file into `headers`: one header a line, blank lines and lines that
/// start with `#` are skipped. A later header replaces an earlier one of the same name.
///
/// # Errors
///
/// The first bad line with its number.
pub fn parse_file(
    text: &str,
    variables: &Environment,
    headers: &mut HeaderMap,
) -> Result<(), UsageError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let added = parse(line, variables).and_then(|header| add(headers, header));
        added.map_err(|mut error| {
            error.text = format!("line {}: {}", index + 1, error.text);
            error
        })?;
    }
    Ok(())
}

/// Adds a header; the last of a name wins, whatever its case.
///
/// # Errors
///
/// Too many headers.
pub fn add(
    headers: &mut HeaderMap,
    (name, value): (HeaderName, HeaderValue),
) -> Result<(), UsageError> {
    headers.insert(name, value);
    if headers.len() > limits::MAX_HEADERS {
        return Err(UsageError::new(format!("More than {} headers", limits::MAX_HEADERS)));
    }
    Ok(())
}

/// Whether a header of this name usually holds a secret.
pub fn names_a_secret(name: &HeaderName) -> bool {
    speaks_of_a_secret(name.as_str())
}

/// Whether a name in small letters, of a header or of a part of a URL's query, speaks of a secret.
pub fn speaks_of_a_secret(name: &str) -> bool {
    const PARTS: [&str; 11] = [
        "access",
        "auth",
        "cookie",
        "credential",
        "jwt",
        "key",
        "pass",
        "secret",
        "session",
        "signature",
        "token",
    ];
    PARTS.iter().any(|part| name.contains(part))
}

fn parse_name(text: &str) -> Result<HeaderName, UsageError> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        UsageError::new(format!(
            "Invalid header name '{}': must be a valid RFC 7230 HTTP token (alphanumerics and \
             !#$%&'*+-.^_`|~)",
            harmless(text)
        ))
    })?;
    if is_ours(&name) {
        return Err(UsageError::new(format!("Header '{text}' is set by mcp-secure-remote itself")));
    }
    Ok(name)
}

/// Headers that carry the protocol: one of the user's would break the framing or the session.
fn is_ours(name: &HeaderName) -> bool {
    const NAMES: [&str; 11] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "keep-alive",
        "last-event-id",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("mcp-")
}

fn parse_value(name: &str, text: &str) -> Result<HeaderValue, UsageError> {
    if text.contains(['\r', '\n', '\0']) {
        return Err(UsageError::new(format!(
            "Header value for '{name}' must not contain CR, LF, or NUL characters"
        )));
    }
    // RFC 9110 section 5.5 lets a sender use visible ASCII, blanks and tabs; what a server makes of
    // other bytes is not defined.
    if !text.is_ascii() {
        return Err(UsageError::new(format!("Header value for '{name}' must be ASCII"))
            .hint("encode other characters as the server wants them, for example in base64"));
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        UsageError::new(format!("Header value for '{name}' must not contain control characters"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Fills in the variables. What they hold is not looked at again, so a value cannot name another.
fn expand(name: &str, text: &str, variables: &Environment) -> Result<String, UsageError> {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("${") {
        value.push_str(before);
        let Some((reference, after)) = reference.split_once('}') else {
            return Err(UsageError::new(format!("Header '{name}' has a `${{` without its `}}`")));
        };
        value.push_str(&lookup(name, reference, variables)?);
        check_length(name, &value)?;
        rest = after;
    }
    value.push_str(rest);
    check_length(name, &value)?;
    Ok(value)
}

/// The value of `VAR` or `VAR:-default`.
fn lookup(name: &str, reference: &str, variables: &Environment) -> Result<String, UsageError> {
    let (variable, default) = match reference.split_once(":-") {
        Some((variable, default)) => (variable, Some(default)),
        None => (reference, None),
    };
    if !is_variable_name(variable) {
        return Err(UsageError::new(format!(
            "Header '{name}' has a `${{...}}` that does not hold the name of a variable"
        )));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(UsageError::new(format!("Header '{name}' has a `${{...}}` within a default")));
    }
    match (variables.var(variable), default) {
        (Some(value), _) => value.to_str().map(str::to_owned).ok_or_else(|| {
            UsageError::new(format!("Header '{name}': the variable {variable} is not UTF-8"))
        }),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(UsageError::new(format!(
            "Header '{name}' needs the environment variable {variable}, which is {}",
            if variables.has(variable) { "empty" } else { "not set" }
        ))
        .hint(format!(
            "set {variable} where the host starts this program, or write `${{{variable}:-default}}`"
        ))),
    }
}

fn is_variable_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn check_length(name: &str, value: &str) -> Result<(), UsageError> {
    if value.len() > limits::HEADER_VALUE_BYTES {
        let limit = limits::HEADER_VALUE_BYTES;
        return Err(UsageError::new(format!("Header value for '{name}' is over {limit} bytes")));
    }
    Ok(())
}

/// The text of a broken header as it may be repeated: whole if it is short and made of letters,
/// else its first word, since a secret that was put in the wrong place may follow.
fn harmless(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_' | ' ' | ':');
    let scheme = |word: &&str| ["bearer", "basic", "token"].contains(&&*word.to_ascii_lowercase());
    let first = text.split([' ', '=']).next().unwrap_or_default();
    if text.len() <= 24 && text.chars().all(plain) && !Some(first).as_ref().is_some_and(scheme) {
        return text.to_owned();
    }
    let short = first.len() <= 24 && first.chars().all(plain);
    report::peer_text(&format!("{} ***", if short { first } else { "" }))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::add;
    use super::names_a_secret;
    use super::parse;
    use super::parse_file;
    use crate::cli::environment::Environment;

    fn variables() -> Environment {
        let long = "x".repeat(10_000);
        [("TOKEN", "marker"), ("EMPTY", ""), ("NESTED", "${TOKEN}"), ("EVIL", "a\r\nX: y")]
            .into_iter()
            .chain([("LONG", long.as_str()), ("LINE", "marker\n")])
            .collect()
    }

    fn value(text: &str) -> String {
        let (_, value) = parse(text, &variables()).expect(text);
        value.to_str().expect("ASCII").to_owned()
    }

    fn refusal(text: &str) -> String {
        let error = parse(text, &variables()).expect_err(text);
        format!("{} {}", error.text, error.hint.unwrap_or_default())
    }

    #[test]
    fn a_header_is_split_at_the_first_colon_and_trimmed() {
        let (name, value) = parse("  X-Api-Url :  https://h:1/ ", &variables()).expect("a header");
        assert_eq!((name.as_str(), value.to_str().expect("ASCII")), ("x-api-url", "https://h:1/"));
        assert!(parse("X-Empty:", &variables()).is_ok());
    }

    #[test]
    fn variables_and_defaults_are_filled_in_once() {
        assert_eq!(value("A: Bearer ${TOKEN}"), "Bearer marker");
        assert_eq!(value("A: ${TOKEN}-${TOKEN}"), "marker-marker");
        assert_eq!(value("A: ${LINE}"), "marker");
        assert_eq!(value("A: ${UNSET:-anonymous}"), "anonymous");
        assert_eq!(value("A: ${EMPTY:-}x"), "x");
        assert_eq!(value("A: ${NESTED}"), "${TOKEN}");
        assert_eq!(value("A: $TOKEN costs $5"), "$TOKEN costs $5");
    }

    #[test]
    fn an_unset_or_empty_variable_is_named_with_its_header() {
        for (text, state) in [
            ("X-Key: ${UNSET}", "UNSET, which is not set"),
            ("X-Key: a ${EMPTY}", "EMPTY, which is empty"),
        ] {
            let start = format!("Header 'X-Key' needs the environment variable {state}");
            assert!(refusal(text).starts_with(&start), "{}", refusal(text));
        }
    }

    #[test]
    fn a_broken_reference_is_refused() {
        let within = "A: ${X:-${Y}}";
        for text in ["A: ${TOKEN", "A: ${}", "A: ${1A}", "A: ${a b}", "A: ${TOKEN:+x}", within] {
            assert!(refusal(text).starts_with("Header 'A' has a `${"), "{text}");
        }
    }

    #[test]
    fn a_value_cannot_bring_a_second_header() {
        let text = "Header value for 'A' must not contain CR, LF, or NUL characters ";
        for bad in ["A: b\r\nX: y", "A: b\nX: y", "A: b\0c", "A: ${EVIL}"] {
            assert_eq!(refusal(bad), text, "{bad:?}");
        }
        assert!(refusal("A: b\u{7f}c").contains("control characters"));
        assert!(refusal("A: caf\u{e9}").contains("must be ASCII"));
        assert!(refusal("A: ${LONG}${LONG}${LONG}").contains("is over 16384 bytes"));
    }

    #[test]
    fn a_name_must_be_a_token_and_not_one_of_ours() {
        for bad in ["A B: x", "A(: x", "\u{e9}: x", "a\r\nb: x"] {
            assert!(refusal(bad).starts_with("Invalid header name '"), "{bad:?}");
        }
        for ours in [
            "content-TYPE",
            "Accept",
            "Accept-Encoding",
            "MCP-Protocol-Version",
            "Mcp-Session-Id",
            "mcp-x",
        ] {
            let expected = format!("Header '{ours}' is set by mcp-secure-remote itself ");
            assert_eq!(refusal(&format!("{ours}: x")), expected);
        }
        assert_eq!(value("Host: other"), "other");
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for text in
            ["Bearer marker", "Authorization=marker5", "marker5", ": marker", ": Basic marker5"]
        {
            let shown = refusal(text);
            assert!(text == ": marker" || !shown.contains("marker"), "{shown}");
        }
        assert!(refusal("Authorization Bearer marker5: x").contains("'Authorization ***'"));
        let (_, value) = parse("X: marker", &variables()).expect("a header");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }

    #[test]
    fn a_file_has_comments_and_blank_lines_and_the_last_of_a_name_wins() {
        let text = "\u{feff}# comment\r\n\r\nX-A: 1\r\n  # another\nx-a: 2\nX-B: ${TOKEN}";
        let mut headers = HeaderMap::new();
        parse_file(text, &variables(), &mut headers).expect("headers");
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["x-a"], "2");
        assert_eq!(headers["x-b"], "marker");
    }

    #[test]
    fn a_bad_line_of_a_file_is_named() {
        let error = parse_file("X-A: 1\n\nfoo", &variables(), &mut HeaderMap::new());
        let text = error.expect_err("no colon").text;
        assert_eq!(text, "line 3: --header expects \"Name: value\", got \"foo\"");
    }

    #[test]
    fn the_number_of_headers_is_bounded() {
        let text: String = (0..65).map(|n| format!("X-{n}: 1\n")).collect();
        let error = parse_file(&text, &variables(), &mut HeaderMap::new()).expect_err("65 headers");
        assert_eq!(error.text, "line 65: More than 64 headers");
        let mut headers = HeaderMap::new();
        for _ in 0..65 {
            let header = parse("X-Same: 1", &variables()).expect("a header");
            add(&mut headers, header).expect("one name");
        }
    }

    #[test]
    fn names_that_hold_secrets_are_known() {
        let names = |text: &str| names_a_secret(&text.parse().expect(text));
        assert!(
            ["Authorization", "Cookie", "X-Api-Key", "X-Auth", "My-Token"]
                .map(names)
                .iter()
                .all(|is| *is)
        );
        assert!(["X-JWT", "X-Pass", "X-Access", "X-Signature"].map(names).iter().all(|is| *is));
        assert!(!names("X-Trace") && !names("Host"));
    }
}
