//! The server's URL: what is accepted as one.

use url::Url;

use crate::cli::usage;
use crate::cli::usage::UsageError;

/// Reads the server's URL: `https`, or `http` where `allow_http`, with a host and without user and
/// password. A fragment never goes to a server and is dropped.
///
/// # Errors
///
/// Which of these rules is broken, without repeating a password.
pub fn parse(text: &str, allow_http: bool) -> Result<Url, UsageError> {
    let text = text.trim();
    let invalid = || UsageError::new(format!("Invalid server URL: {}", usage::address(text)));
    let Some((scheme, rest)) = text.split_once("://") else {
        let example = "write the whole address, as in `https://mcp.example.com/mcp`";
        return Err(invalid().hint(example));
    };
    // The URL standard repairs these; other programs read them in another way.
    if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err(invalid());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(invalid());
    }
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        let scheme = usage::address(&scheme);
        return Err(UsageError::new(format!("Server URL must use http(s), got: {scheme}:")));
    }
    if authority.contains('@') {
        return Err(UsageError::new(
            "Server URL must not contain embedded credentials; use --header or environment \
             configuration instead.",
        ));
    }
    let mut url = Url::parse(text).map_err(|cause| invalid().hint(cause.to_string()))?;
    if scheme == "http" && !allow_http {
        let refused = "Refusing to use http:// without --allow-http; mTLS requires https://.";
        return Err(UsageError::new(refused).hint(
            "write `https://` if the server speaks TLS; `--allow-http` is for networks where nobody \
             listens in",
        ));
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn refusal(text: &str) -> String {
        parse(text, false).expect_err(text).text
    }

    #[test]
    fn an_https_url_is_taken_as_it_is() {
        for (text, url) in [
            ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
            ("HTTPS://mcp.example.com:443/a?b=c#d", "https://mcp.example.com/a?b=c"),
            ("https://[::1]:8443/", "https://[::1]:8443/"),
            ("https://127.0.0.1/@me", "https://127.0.0.1/@me"),
        ] {
            assert_eq!(parse(text, false).expect(text).as_str(), url);
        }
    }

    #[test]
    fn http_needs_permission_in_any_case() {
        let text = "Refusing to use http:// without --allow-http; mTLS requires https://.";
        assert_eq!(refusal("http://h"), text);
        assert_eq!(refusal("HTTP://h"), text);
        assert!(parse("HTTP://h", true).is_ok());
    }

    #[test]
    fn another_scheme_is_named() {
        assert_eq!(refusal("ftp://h"), "Server URL must use http(s), got: ftp:");
        assert_eq!(refusal("WSS://h"), "Server URL must use http(s), got: wss:");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "foo",
            "-",
            "",
            "https:h",
            "https:/h",
            "https://",
            "https:///p",
            "localhost:80/mcp",
            "https://h:99999",
            "https://[::1",
            "https://a b",
            "https://good\\@evil",
            "https://h/\tp",
        ] {
            assert!(refusal(text).starts_with("Invalid server URL: "), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for text in ["https://u:marker@h/", "https://u@h", "https://@h", "https://:marker@h"] {
            let text = refusal(text);
            assert!(text.starts_with("Server URL must not contain embedded credentials"), "{text}");
        }
        for text in ["https://u:marker@h h", "https://u:mar/ker@h:x", "https://h:x?key=marker"] {
            assert!(!refusal(text).contains("marker"), "{text}");
        }
    }
}
