//! What an HTTP status means to the user, a row a status.

use http::StatusCode;

use crate::report::Kind;
use crate::transport::http::Origin;
use crate::transport::refusal::Refusal;

/// One row.
pub(super) struct Words {
    pub(super) kind: Kind,
    /// Follows the name of the remote.
    pub(super) error: &'static str,
    pub(super) hint: &'static str,
}

impl Refusal {
    /// The row for this refusal. The first that fits counts, so special cases stand first.
    pub(super) fn words(&self, origin: &Origin) -> Words {
        let row = |kind, error, hint| Words { kind, error, hint };
        match self.status.as_u16() {
            302 | 303 => row(
                Kind::Refused,
                "redirects",
                "give the final URL; if that is a page to log in at, give credentials with \
                 `--header-file`",
            ),
            300..=399 => row(Kind::Refused, "redirects", "give the final URL"),
            // How nginx says that it got none, or one that it does not trust.
            400 if self.wants_certificate() => row(
                Kind::Auth,
                "wants a client certificate that it accepts",
                self.flaw.as_ref().map_or(
                    "pass a valid one of a CA that it trusts with `--tls-cert` and `--tls-key`",
                    |flaw| flaw.hint,
                ),
            ),
            400 if self.wants_tls() && !origin.is_secure() => {
                row(Kind::Refused, "speaks TLS on this port", "use `https://` in the URL")
            }
            401 => {
                row(Kind::Auth, "does not know us", "give valid credentials with `--header-file`")
            }
            403 => row(Kind::Auth, "does not let us in", "ask whether this identity is allowed"),
            404 | 405 | 406 | 411 if self.only_transport => row(
                Kind::Refused,
                "does not speak Streamable HTTP at this path",
                "check the URL's path; if the server speaks HTTP+SSE, omit `--transport`",
            ),
            404 if self.in_session => row(
                Kind::Refused,
                "has lost the session",
                "let the host connect again; if it is lost at once, several servers may stand behind \
                 this name: each session has to stay at one of them",
            ),
            404 | 405 | 501 if self.page => row(
                Kind::Refused,
                "has no MCP server at this path: a web server answers",
                "check the port and the path of the URL",
            ),
            404 => row(Kind::Refused, "has no MCP endpoint at this path", "check the URL's path"),
            405 => row(
                Kind::Refused,
                "does not take this request at this path",
                "check the URL's path",
            ),
            406 => row(
                Kind::Refused,
                "has neither JSON nor an event stream at this path",
                "check the URL's path: a page for people may be there",
            ),
            407 => row(
                Kind::Auth,
                "is behind a proxy that does not know us",
                "put user and password into the URL of the proxy: `http://user:password@host:port`",
            ),
            408 => row(
                Kind::Refused,
                "gave up waiting for the request",
                "try again; if it stays so, look at the proxies on the way",
            ),
            410 => row(
                Kind::Refused,
                "has no MCP endpoint at this path any more",
                "ask whoever runs the server for the new URL",
            ),
            413 => row(
                Kind::TooLarge,
                "takes no message of this size",
                "send less, or raise the limit of the server and of the proxies before it",
            ),
            415 => row(
                Kind::Refused,
                "takes no JSON at this path",
                "check the URL's path: something else than an MCP server may be there",
            ),
            421 => row(
                Kind::Refused,
                "is not the server for this name",
                "check the host of the URL, and `--tls-servername` if it is set; a proxy before the \
                 server has to pass the host on",
            ),
            414 | 431 => row(
                Kind::TooLarge,
                "takes no URL or headers of this size",
                "shorten what `--header` and `--header-file` add, or the URL",
            ),
            429 => row(
                Kind::Overloaded,
                "has had too many requests",
                "wait before you send more, or ask for a higher limit",
            ),
            500 => row(Kind::Refused, "failed inside", "the log of the server says why"),
            501 => row(
                Kind::Refused,
                "takes no POST: it is no MCP server",
                "check the port and the path of the URL",
            ),
            502 | 504 => row(
                Kind::OutcomeUnknown,
                "lost its own server",
                "see that the server behind this proxy runs",
            ),
            503 => row(
                Kind::Overloaded,
                "is overloaded, or its own server is away",
                "try again later; if it stays so, see that the server runs",
            ),
            400 => row(
                Kind::Refused,
                "takes the request for a wrong one",
                "check the URL; the log of the server says what it misses",
            ),
            505..=599 => row(
                Kind::Refused,
                "failed, or a proxy before it did",
                "the log of the server says why; check that it runs",
            ),
            _ => row(
                Kind::Refused,
                "refused the request",
                "check the URL; the log of the server says why",
            ),
        }
    }

    pub(super) fn wants_certificate(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.text.contains("SSL certificate")
    }

    /// How nginx, Go, Apache and Tomcat answer plain HTTP on a port that speaks TLS.
    pub(super) fn wants_tls(&self) -> bool {
        ["to HTTPS port", "to an HTTPS server", "to an SSL-enabled server", "requires TLS"]
            .iter()
            .any(|words| self.text.contains(words))
    }
}
