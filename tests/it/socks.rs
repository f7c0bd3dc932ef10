//! The way through a SOCKS 5 proxy (RFC 1928), and what is said when it leads nowhere.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;

use serde_json::json;

use crate::support::host::Host;
use crate::support::host::initialize_params;
use crate::support::launch::Launch;
use crate::support::mcp::Plan;
use crate::support::raw::Connection;
use crate::support::raw::RawRemote;
use crate::support::secure::Pki;
use crate::support::watched::Watched;

/// What the proxy was told on one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    login: Option<(String, String)>,
    target: String,
}

/// How the proxy behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// It connects everybody, whatever the target is called.
    Open,
    /// It wants `us@er` and `p:ss`.
    Guarded,
    /// It gives this reply to everybody.
    Refusing(u8),
    /// It is no SOCKS proxy.
    Http,
    /// It hangs up.
    Mute,
}

struct Proxy {
    server: RawRemote,
    told: Arc<Watched<Vec<Told>>>,
}

impl Proxy {
    fn new(manner: Manner, remote: SocketAddr) -> Self {
        let told = Arc::new(Watched::new(Vec::new()));
        let notes = Arc::clone(&told);
        let server = RawRemote::start(move |connection| {
            let mut told = Told::default();
            if greet(connection, manner, &mut told) {
                told.target = target(connection);
                let reply = if let Manner::Refusing(code) = manner { code } else { 0 };
                notes.change(|all| all.push(told));
                // The address that it connects from is a name here: few proxies do, all may.
                connection.write([&[5, reply, 0, 3, 4][..], b"here", &[0, 80]].concat());
                if reply == 0 {
                    connection.join(TcpStream::connect(remote).unwrap());
                }
            }
        });
        Self { server, told }
    }

    fn url(&self, scheme: &str) -> String {
        self.server.url("").replace("http", scheme)
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().clone()
    }
}

/// Whether the client may go on to its request.
fn greet(connection: &mut Connection, manner: Manner, told: &mut Told) -> bool {
    let head = connection.take(2);
    assert_eq!(head[0], 5);
    let methods = connection.take(head[1].into());
    match manner {
        Manner::Mute => false,
        Manner::Http => {
            connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
            false
        }
        Manner::Guarded if methods.contains(&2) => {
            connection.write([5, 2]);
            assert_eq!(connection.take(1), [1]);
            let login = (text(connection), text(connection));
            let welcome = login == ("us@er".to_owned(), "p:ss".to_owned());
            told.login = Some(login);
            connection.write([1, u8::from(!welcome)]);
            welcome
        }
        Manner::Guarded => {
            connection.write([5, 0xFF]);
            false
        }
        Manner::Open | Manner::Refusing(_) => {
            assert!(methods.contains(&0));
            connection.write([5, 0]);
            true
        }
    }
}

fn target(connection: &mut Connection) -> String {
    assert_eq!(connection.take(3), [5, 1, 0]);
    let host = match connection.take(1)[0] {
        1 => {
            let bytes: [u8; 4] = connection.take(4).try_into().unwrap();
            std::net::Ipv4Addr::from(bytes).to_string()
        }
        4 => {
            let bytes: [u8; 16] = connection.take(16).try_into().unwrap();
            std::net::Ipv6Addr::from(bytes).to_string()
        }
        _ => text(connection),
    };
    let port = connection.take(2);
    format!("{host} {}", u16::from_be_bytes([port[0], port[1]]))
}

fn text(connection: &mut Connection) -> String {
    let length = connection.take(1)[0];
    String::from_utf8(connection.take(length.into())).unwrap()
}

/// What the host gets instead of an answer to its first request.
#[track_caller]
fn refusal(url: &str, flags: &[String], proxy: &str) -> (String, String) {
    let host = Launch::new(url).args(flags).env("ALL_PROXY", proxy).start();
    host.ask(0, "initialize", initialize_params());
    assert_eq!(host.failure(0), "not_sent");
    let error = host.answer(0)["error"].clone();
    assert!(!(error.to_string() + &host.errors()).contains("s3cret"), "{error}");
    let text = |name: &str| error["data"][name].as_str().unwrap_or_default().to_owned();
    (text("cause"), text("hint"))
}

fn session(mut host: Host) {
    host.initialize();
    assert!(host.echo(1)["result"].is_object());
    host.finish();
}

#[test]
fn a_session_passes_through_a_socks_proxy() {
    let pki = Pki::new();
    for protocol in ["http/1.1", "h2"] {
        let remote = Plan::legacy().behind(pki.acceptor(&[protocol])).start();
        let proxy = Proxy::new(Manner::Open, remote.address());
        for variable in ["HTTPS_PROXY", "ALL_PROXY"] {
            let launch = Launch::new(&remote.url()).args(pki.flags());
            session(launch.env(variable, &proxy.url("socks5h")).start());
        }
        let expected = format!("localhost {}", remote.address().port());
        assert!(proxy.told().len() >= 2);
        assert!(proxy.told().iter().all(|told| told.target == expected), "{:?}", proxy.told());
        assert!(remote.requests("tools/call")[0].certified);
    }
}

#[test]
fn with_socks5_the_name_is_looked_up_here_and_with_socks5h_by_the_proxy() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let proxy = Proxy::new(Manner::Open, remote.address());
    let port = remote.address().port();
    let addresses = [format!("127.0.0.1 {port}"), format!("::1 {port}")];
    session(
        Launch::new(&remote.url())
            .args(pki.flags())
            .env("HTTPS_PROXY", &proxy.url("socks5"))
            .start(),
    );
    assert!(addresses.contains(&proxy.told()[0].target), "{:?}", proxy.told());
    // A name that nobody but the proxy knows, and the port that the URL leaves out.
    let remote = Plan::legacy().start();
    let proxy = Proxy::new(Manner::Open, remote.address());
    session(
        Launch::plain("http://mcp.invalid/mcp").env("HTTP_PROXY", &proxy.url("socks5h")).start(),
    );
    assert_eq!(proxy.told()[0].target, "mcp.invalid 80");
    let (cause, hint) = refusal("https://mcp.invalid/mcp", &[], &proxy.url("socks5"));
    assert!(cause.contains("`mcp.invalid` has no address"), "{cause}");
    assert!(hint.contains("socks5h"), "{hint}");
}

#[test]
fn addresses_go_to_a_socks_proxy_as_they_are() {
    for (host, target) in [("127.0.0.1", "127.0.0.1 8080"), ("[2001:db8::1]", "2001:db8::1 8080")] {
        let remote = Plan::legacy().start();
        let proxy = Proxy::new(Manner::Open, remote.address());
        let url = format!("http://{host}:8080/mcp");
        session(Launch::plain(&url).env("HTTP_PROXY", &proxy.url("socks5h")).start());
        assert_eq!(proxy.told()[0].target, target);
    }
}

#[test]
fn a_socks_proxy_may_want_user_and_password() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    for (manner, login) in [
        (Manner::Guarded, Some(("us@er".to_owned(), "p:ss".to_owned()))),
        // One that does not ask gets no password.
        (Manner::Open, None),
    ] {
        let proxy = Proxy::new(manner, remote.address());
        let with_login = proxy.url("socks5h").replace("://", "://us%40er:p%3Ass@");
        let launch = Launch::new(&remote.url()).args(pki.flags()).arg("--debug");
        let host = launch.env("HTTPS_PROXY", &with_login).start();
        host.initialize();
        assert_eq!(proxy.told()[0].login, login);
        let log = host.errors();
        assert!(!log.contains("p%3Ass") && !log.contains("p:ss"), "{log}");
    }
}

#[test]
fn a_socks_proxy_that_lets_nobody_in_is_named_with_the_fix() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    let proxy = Proxy::new(Manner::Guarded, remote.address());
    for (login, expected) in
        [("", "no way to log in"), ("user:s3cret@", "rejects user and password")]
    {
        let address = proxy.url("socks5h").replace("://", &format!("://{login}"));
        let (cause, hint) = refusal(&remote.url(), &pki.flags(), &address);
        assert!(cause.contains(expected), "{cause}");
        assert!(hint.contains("user:password"), "{hint}");
    }
    assert_eq!(remote.connections(), 0);
}

#[test]
fn what_a_socks_proxy_says_about_the_target_is_told() {
    let pki = Pki::new();
    let remote = Plan::legacy().behind(pki.acceptor(&["h2"])).start();
    for (manner, expected, advice) in [
        (Manner::Refusing(1), "general failure", "NO_PROXY"),
        (Manner::Refusing(2), "rules do not allow", "NO_PROXY"),
        (Manner::Refusing(3), "network of the target cannot be reached", "NO_PROXY"),
        (Manner::Refusing(4), "the target cannot be reached", "NO_PROXY"),
        (Manner::Refusing(5), "connection refused by the target", "check the port"),
        (Manner::Refusing(99), "SOCKS reply 99", "NO_PROXY"),
        (Manner::Http, "does not speak SOCKS 5", "NO_PROXY"),
        (Manner::Mute, "closed the connection without an answer", "NO_PROXY"),
    ] {
        let proxy = Proxy::new(manner, remote.address());
        let (cause, hint) = refusal(&remote.url(), &pki.flags(), &proxy.url("socks5h"));
        assert!(cause.contains(expected), "{cause}");
        assert!(hint.contains(advice), "{hint}");
    }
    assert_eq!(remote.connections(), 0);
}

#[test]
fn a_socks_proxy_that_is_not_there_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let host = Launch::new("https://mcp.invalid/mcp")
        .env("HTTPS_PROXY", &format!("socks5h://{closed}"))
        .start();
    let error = host.call(0, "initialize", json!({}))["error"].to_string();
    assert!(error.contains(&closed.to_string()), "{error}");
    assert!(error.to_lowercase().contains("connection refused"), "{error}");
}
