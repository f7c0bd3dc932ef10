//! The names and the web pages that an operator lists. What no request could ever have is refused,
//! since whoever typed it believes that somebody is let in.

use std::net::Ipv6Addr;

use http::uri::Authority;
use http::uri::Scheme;

use crate::report::Report;
use crate::report::peer_text;

/// A name of `--allow-host`, in lower case: `name`, or `name:port`.
///
/// # Errors
/// It is no host.
pub(super) fn host(text: &str) -> Result<String, Report> {
    if is_host(text) {
        return Ok(text.to_ascii_lowercase());
    }
    let hint = match text.split_once("://") {
        Some((_, rest)) if is_host(rest.trim_end_matches('/')) => {
            format!("give the name alone: `{}`", rest.trim_end_matches('/'))
        }
        _ if text.parse::<Ipv6Addr>().is_ok() => format!("write `[{text}]`"),
        _ => "for example `mcp.example`, `mcp.example:8623` or `[2001:db8::1]`".to_owned(),
    };
    Err(wrong("--allow-host must be a host name or an address", text).hint(hint))
}

/// A web page of `--allow-origin`, as browsers write it: `https://host`, or `https://host:port`
/// (RFC 6454 section 6.2).
///
/// # Errors
/// It is no origin, or none that a browser would send.
pub(super) fn origin(text: &str) -> Result<String, Report> {
    let wrong = || wrong("--allow-origin must be a scheme and a host", text);
    let example = "for example `https://app.example` or `http://localhost:3000`";
    let Some((scheme, host)) = text.split_once("://") else {
        return Err(wrong().hint(match is_host(text) && text.contains('.') {
            true => format!("write the scheme too, as in `https://{text}`"),
            false => example.to_owned(),
        }));
    };
    if !is_scheme(scheme) {
        return Err(wrong().hint(example));
    }
    if !is_host(host) {
        let bare = host.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(wrong().hint(match is_host(bare) {
            true => format!("an origin has no path: `{scheme}://{bare}`"),
            false => example.to_owned(),
        }));
    }
    let usual = match &*scheme.to_ascii_lowercase() {
        "https" => ":443",
        "http" => ":80",
        _ => return Ok(text.to_owned()),
    };
    match host.strip_suffix(usual) {
        Some(bare) => {
            let hint = format!("browsers leave this port out: `{scheme}://{bare}`");
            Err(wrong().hint(hint))
        }
        None => Ok(text.to_owned()),
    }
}

fn wrong(rule: &str, text: &str) -> Report {
    Report::new(format!("{rule}: `{}`", peer_text(text)))
}

/// What may stand in a `Host` header. A pattern is none: no request names one.
fn is_host(text: &str) -> bool {
    let Ok(authority) = Authority::try_from(text) else { return false };
    let has_port = authority.port_u16().is_some();
    let is_name = |c: u8| c.is_ascii_alphanumeric() || b"-._[]:".contains(&c);
    (has_port || authority.as_str() == authority.host())
        && !authority.host().is_empty()
        && text.bytes().all(is_name)
}

fn is_scheme(text: &str) -> bool {
    Scheme::try_from(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::host;
    use super::origin;

    #[test]
    fn what_a_request_can_have_may_be_listed() {
        for text in ["a.example", "A.example", "a:1", "[::1]", "[::1]:8623", "192.0.2.1", "a_b"] {
            assert_eq!(host(text).unwrap(), text.to_ascii_lowercase());
        }
        for text in [
            "https://app.example",
            "http://localhost:3000",
            "HTTPS://App.example:8443",
            "vscode-webview://abc",
            "http://a.example:443",
        ] {
            assert_eq!(origin(text).unwrap(), text);
        }
    }

    #[test]
    fn what_no_request_has_is_refused_with_a_hint() {
        for (text, hint) in [
            ("", "for example"),
            (" ", "for example"),
            ("a b", "for example"),
            ("*.example", "for example"),
            ("*", "for example"),
            ("a.example/mcp", "for example"),
            ("me@a.example", "for example"),
            ("a:port", "for example"),
            ("a:", "for example"),
            ("b\u{fc}cher.example", "for example"),
            ("https://a.example", "give the name alone: `a.example`"),
            ("https://a.example:1/", "give the name alone: `a.example:1`"),
            ("::1", "write `[::1]`"),
        ] {
            let report = host(text).unwrap_err();
            assert!(report.error.starts_with("--allow-host must be"), "{text}: {report}");
            assert!(report.hint.unwrap().contains(hint), "{text}");
        }
        for (text, hint) in [
            ("", "for example"),
            ("*", "for example"),
            ("null", "for example"),
            ("https://", "for example"),
            ("https://*.example", "for example"),
            ("https://me@a.example", "for example"),
            ("https://a.example:80800", "for example"),
            (" https://a.example", "for example"),
            ("https://a.example ", "for example"),
            ("https://b\u{fc}cher.example", "for example"),
            ("app.example", "as in `https://app.example`"),
            ("https://a.example/", "has no path: `https://a.example`"),
            ("https://a.example:1/app?x", "has no path: `https://a.example:1`"),
            ("https://a.example:443", "leave this port out: `https://a.example`"),
            ("http://[::1]:80", "leave this port out: `http://[::1]`"),
        ] {
            let report = origin(text).unwrap_err();
            assert!(report.error.starts_with("--allow-origin must be"), "{text}: {report}");
            assert!(report.hint.unwrap().contains(hint), "{text}");
        }
    }
}
