//! Scheme, host and port: the border that no header and no certificate of ours ever crosses.

use std::fmt;

use url::Url;

/// An origin (RFC 6454 section 4): the scheme, the host in lower case and the port, explicit or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` URL; `None` for another scheme or without a host.
    pub fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = url.host_str()?.into();
        Some(Self { secure, host, port: url.port_or_known_default()? })
    }

    /// Whether it is reached over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as in a URL; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without brackets, as in a certificate.
    pub fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, also where the URL leaves it out.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// `host:port`, the name of the remote in messages.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use crate::transport::http::origin::Origin;

    fn origin(text: &str) -> Origin {
        Origin::of(&Url::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn the_default_port_is_the_same_as_no_port() {
        assert_eq!(origin("https://h/a"), origin("HTTPS://H:443/b?c"));
        assert_ne!(origin("https://h"), origin("https://h:444"));
        assert_ne!(origin("https://h:80"), origin("http://h:80"));
        assert_eq!(origin("https://[::1]:8").name(), "::1");
    }
}
