//! Which names and which web pages may be used to reach us: the defence against DNS rebinding and
//! against pages of other sites (specification, "Streamable HTTP", "Security & Origin").

use std::net::IpAddr;

use http::HeaderMap;
use http::HeaderValue;
use http::Uri;
use http::header;
use http::uri::Authority;

use crate::report::Report;
use crate::report::peer_text;
use crate::transport::http_listener::listed;

/// The names that stand for us in the `Host` header or the `:authority` of HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any one name: for listeners where a certificate proves who calls.
    Any,
    /// These alone, in lower case: `name` with any port, or `name:port`.
    Listed(Vec<String>),
}

impl Hosts {
    /// The loopback names and these addresses.
    pub fn loopback_and(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let own = addresses.into_iter().filter(|address| !address.is_unspecified());
        let own = own.map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        });
        let names = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Self::Listed(names.into_iter().chain(own).collect())
    }

    /// The names that an operator lists.
    ///
    /// # Errors
    /// One of them is no host, so that no request could have it.
    pub fn parse(texts: &[String]) -> Result<Vec<String>, Report> {
        texts.iter().map(|text| listed::host(text)).collect()
    }

    fn has(&self, authority: &Authority) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => {
                let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
                let (host, whole) = (authority.host(), authority.as_str());
                listed.iter().any(|name| is(name, host) || is(name, whole))
            }
        }
    }
}

/// The web pages that may call us, as in the `Origin` header: `https://host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// The pages that an operator lists.
    ///
    /// # Errors
    /// One of them is no origin, or none that a browser would send.
    pub fn parse(texts: &[String]) -> Result<Self, Report> {
        texts.iter().map(|text| listed::origin(text)).collect::<Result<_, _>>().map(Self)
    }
}

/// Why a request is turned away before anybody reads it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Foreign {
    /// Not one name: what two programs on the way could read in two ways.
    #[error("{0}")]
    Host(&'static str),
    /// The name is not on the list.
    #[error("the host `{0}` is not on the list of this server")]
    Name(String),
    /// The page is not on the list.
    #[error("the origin `{0}` is not on the list of this server")]
    Origin(String),
}

impl Foreign {
    /// What a user is told.
    pub(super) fn report(&self) -> Report {
        let report = Report::new(self.to_string());
        match self {
            Self::Host(_) => report.hint("send exactly one `Host` header"),
            Self::Name(name) => {
                report.hint(format!("start the server with `--allow-host {}`", name_alone(name)))
            }
            Self::Origin(origin) if listed::origin(origin).is_ok() => {
                report.hint(format!("start the server with `--allow-origin {origin}`"))
            }
            // A page without a name, such as a file.
            Self::Origin(_) => report,
        }
    }
}

fn name_alone(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(name, _)| name)
}

/// The one name that a request is for (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
pub(super) fn target(uri: &Uri, headers: &HeaderMap, is_http2: bool) -> Result<Authority, Foreign> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err(Foreign::Host("the request has more than one `Host` header"));
    }
    let first = first.map(|host| {
        let host = Authority::try_from(host.as_bytes());
        host.map_err(|_| Foreign::Host("the `Host` header is no host"))
    });
    let target = match (first.transpose()?, uri.authority()) {
        (Some(host), None) => host,
        (Some(host), Some(authority)) if host == *authority => host,
        (Some(_), Some(_)) => {
            return Err(Foreign::Host("`Host` and the request target name two hosts"));
        }
        (None, Some(authority)) if is_http2 => authority.clone(),
        (None, _) => return Err(Foreign::Host("the request has no `Host` header")),
    };
    if target.port_u16().is_none() && target.as_str() != target.host() {
        return Err(Foreign::Host("the port in the `Host` header is no number"));
    }
    if target.as_str().contains('@') {
        return Err(Foreign::Host("the `Host` header holds a user name"));
    }
    Ok(target)
}

/// Says whether that name is one of ours.
pub(super) fn check_host(hosts: &Hosts, target: &Authority) -> Result<(), Foreign> {
    if hosts.has(target) { Ok(()) } else { Err(Foreign::Name(peer_text(target.as_str()))) }
}

/// The origin to which the answer may be shown, if a page of another origin asks and may.
///
/// # Errors
/// A page that is not on the list and is not our own.
pub(super) fn check_origin(
    origins: &Origins,
    headers: &HeaderMap,
    scheme: &str,
    target: &Authority,
) -> Result<Option<HeaderValue>, Foreign> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = given.next() else { return Ok(None) };
    let shown = || peer_text(&String::from_utf8_lossy(origin.as_bytes()));
    let text = origin.to_str().map_err(|_| Foreign::Origin(shown()))?;
    if given.next().is_some() {
        return Err(Foreign::Origin(shown()));
    }
    if origins.0.iter().any(|listed| listed.eq_ignore_ascii_case(text)) {
        return Ok(Some(origin.clone()));
    }
    let own = text.split_once("://").is_some_and(|(its_scheme, host)| {
        its_scheme.eq_ignore_ascii_case(scheme) && host.eq_ignore_ascii_case(target.as_str())
    });
    if own { Ok(None) } else { Err(Foreign::Origin(shown())) }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::HeaderName;
    use http::HeaderValue;
    use http::Uri;
    use http::header;
    use http::uri::Authority;

    use super::Hosts;
    use super::Origins;
    use super::check_host;
    use super::check_origin;
    use super::target;

    fn headers(list: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = list.iter();
        pairs.map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn target_of(uri: &str, hosts: &[&str], is_http2: bool) -> Option<String> {
        let mut map = HeaderMap::new();
        for host in hosts {
            map.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        let target = target(&Uri::try_from(uri).unwrap(), &map, is_http2).ok()?;
        Some(target.to_string())
    }

    #[test]
    fn a_request_is_for_exactly_one_host() {
        assert_eq!(target_of("/mcp", &["a:1"], false).as_deref(), Some("a:1"));
        assert_eq!(target_of("http://a:1/mcp", &["a:1"], false).as_deref(), Some("a:1"));
        assert_eq!(target_of("https://a:1/mcp", &[], true).as_deref(), Some("a:1"));
        for (uri, hosts, is_http2) in [
            ("/mcp", &["a", "a"][..], false),
            ("/mcp", &[], false),
            ("http://b/mcp", &["a"], false),
            ("http://a/mcp", &[], false),
            ("https://b/mcp", &["a"], true),
            ("/mcp", &["u@a"], false),
            ("/mcp", &["a b"], false),
            ("/mcp", &["a:port"], false),
            ("/mcp", &["a:65536"], false),
        ] {
            assert_eq!(target_of(uri, hosts, is_http2), None, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn only_listed_names_are_ours() {
        let hosts = Hosts::loopback_and(["192.0.2.1".parse().unwrap(), "0.0.0.0".parse().unwrap()]);
        let is_ours = |name: &str| check_host(&hosts, &Authority::try_from(name).unwrap()).is_ok();
        for ours in ["localhost", "LOCALHOST:8623", "127.0.0.1:1", "[::1]:8623", "192.0.2.1:1"] {
            assert!(is_ours(ours), "{ours}");
        }
        for foreign in ["evil.example", "localhost.evil", "localhost.", "0.0.0.0", "127.0.0.2"] {
            assert!(!is_ours(foreign), "{foreign}");
        }
        let with_port = Hosts::Listed(vec!["a:1".to_owned()]);
        assert!(check_host(&with_port, &Authority::from_static("A:1")).is_ok());
        assert!(check_host(&with_port, &Authority::from_static("a:2")).is_err());
    }

    #[test]
    fn a_page_is_our_own_or_listed() {
        let origins = Origins(vec!["https://app.example".to_owned()]);
        let own = Authority::from_static("localhost:8623");
        let check = |origin: &str| {
            check_origin(&origins, &headers(&[(header::ORIGIN, origin)]), "http", &own)
        };
        assert_eq!(check_origin(&origins, &HeaderMap::new(), "http", &own), Ok(None));
        assert_eq!(check("http://localhost:8623"), Ok(None));
        assert!(check("HTTPS://APP.example").unwrap().is_some());
        for foreign in [
            "null",
            "http://evil.example",
            "http://localhost.evil",
            "https://localhost:8623",
            "http://localhost",
            "https://app.example:8443",
            "",
        ] {
            assert!(check(foreign).is_err(), "{foreign}");
        }
        let mut twice = headers(&[(header::ORIGIN, "https://app.example")]);
        twice.append(header::ORIGIN, HeaderValue::from_static("https://app.example"));
        assert!(check_origin(&origins, &twice, "http", &own).is_err());
    }
}
