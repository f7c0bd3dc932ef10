//! The proxy on the way to the remote, if there is one.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use http::Uri;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::transport::http::origin::Origin;

/// Which proxy to use for which host.
#[derive(Clone)]
pub struct Proxies(Option<Arc<Rules>>);

struct Rules {
    matcher: Matcher,
    https_source: String,
    http_source: String,
}

/// The address of a proxy as the user gave it.
#[derive(Clone, Default)]
pub struct Address {
    /// A URL, or host and port of an HTTP proxy; empty for no proxy.
    pub text: String,
    /// Where it was given: the name of a variable, for hints.
    pub source: String,
}

impl Proxies {
    /// No proxy for any host.
    pub fn none() -> Self {
        Self(None)
    }

    /// Explicit proxies: `https` and `http` for the two schemes, `no_proxy` the hosts to be reached
    /// directly, in the syntax that curl has for the variables of that name.
    pub fn new(https: Address, http: Address, no_proxy: &str) -> Self {
        let matcher = Matcher::builder().https(https.text).http(http.text).no(no_proxy).build();
        let rules = Rules { matcher, https_source: https.source, http_source: http.source };
        Self(Some(Arc::new(rules)))
    }

    /// Host and port of the proxy for a URL.
    pub fn shown(&self, url: &Url) -> Option<String> {
        Some(self.to(&Origin::of(url)?)?.to_string())
    }

    /// The proxy for this origin; `None` to connect directly.
    pub(crate) fn to(&self, origin: &Origin) -> Option<Proxy> {
        let rules = self.0.as_ref()?;
        let (scheme, source) = match origin.is_secure() {
            true => ("https", &rules.https_source),
            false => ("http", &rules.http_source),
        };
        let uri = format!("{scheme}://{origin}").parse().ok()?;
        Some(Proxy { intercept: rules.matcher.intercept(&uri)?, source: source.clone() })
    }
}

/// The matcher may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Proxies(..)" } else { "Proxies(none)" })
    }
}

/// One proxy, with its credentials.
pub(crate) struct Proxy {
    intercept: Intercept,
    source: String,
}

/// How a proxy is spoken to.
pub(crate) enum Scheme {
    Http,
    Socks,
    Unsupported,
}

impl Proxy {
    pub(crate) fn uri(&self) -> &Uri {
        self.intercept.uri()
    }

    /// Where the user gave its address: the name of a variable.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self.uri().scheme_str() {
            Some("http") => Scheme::Http,
            Some("socks5" | "socks5h") => Scheme::Socks,
            _ => Scheme::Unsupported,
        }
    }

    /// Where it listens, as SOCKS has it: a port that is left out is 1080 (RFC 1928 section 3).
    pub(crate) fn socks_uri(&self) -> Uri {
        let uri = self.uri();
        let with_port = || format!("socks5://{}:1080", uri.host()?).parse().ok();
        let missing = uri.port().is_none();
        missing.then(with_port).flatten().unwrap_or_else(|| uri.clone())
    }

    /// Whether the proxy looks the name up, rather than this machine.
    pub(crate) fn resolves_names(&self) -> bool {
        self.uri().scheme_str() != Some("socks5")
    }

    /// The value of `Proxy-Authorization`, marked as sensitive.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = self.intercept.basic_auth()?.clone();
        value.set_sensitive(true);
        Some(value)
    }

    /// User and password as they are, for SOCKS.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        self.intercept.raw_auth()
    }
}

/// `host:port`, the name of the proxy in messages: never its credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri().host().unwrap_or_default())?;
        match self.uri().port_u16() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use crate::transport::http::origin::Origin;
    use crate::transport::http::proxy::Address;
    use crate::transport::http::proxy::Proxies;

    #[test]
    fn a_proxy_is_chosen_by_scheme_and_host_and_shown_without_its_password() {
        let https = Address { text: "http://u:secret@p:3128".to_owned(), source: "V".to_owned() };
        let proxies = Proxies::new(https, Address::default(), "inner.example,10.0.0.0/8");
        let to = |url: &str| proxies.to(&Origin::of(&Url::parse(url).unwrap()).unwrap());
        let proxy = to("https://h/").unwrap();
        assert_eq!((proxy.to_string().as_str(), proxy.source()), ("p:3128", "V"));
        assert_eq!(proxy.login(), None);
        assert!(proxy.authorization().unwrap().is_sensitive());
        assert!(!format!("{proxies:?}").contains("secret"));
        assert!(to("https://a.inner.example/").is_none());
        assert!(to("https://10.1.2.3/").is_none());
        assert!(to("http://h/").is_none());
    }

    #[test]
    fn the_port_of_a_socks_proxy_may_be_left_out() {
        let origin = Origin::of(&Url::parse("https://h/").unwrap()).unwrap();
        for (given, port) in
            [("socks5://u:w@p", 1080), ("socks5h://[::1]", 1080), ("socks5://p:9", 9)]
        {
            let address = Address { text: given.to_owned(), source: "V".to_owned() };
            let proxy = Proxies::new(address, Address::default(), "").to(&origin).unwrap();
            assert_eq!(proxy.socks_uri().port_u16(), Some(port), "{given}");
        }
    }
}
