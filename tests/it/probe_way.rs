//! The probe on ways that end before HTTP: names, ports, proxies, and what is no TLS server.

use std::net::TcpListener;

use crate::support::mcp::Plan;
#[cfg(target_os = "linux")]
use crate::support::namespace;
use crate::support::pki::Ca;
use crate::support::probing::Probing;
use crate::support::probing::facts;
use crate::support::raw::RawRemote;
use crate::support::tls_server::Server;
use crate::support::tls_server::open;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_name_without_an_address_is_told_with_the_name() {
    let found = Probing::of("https://nowhere.invalid/mcp");
    let found = found.fails("name", "dns", "`nowhere.invalid`", "check the host name");
    assert_eq!(found["steps"].as_array().unwrap().len(), 3, "nothing after it was tried: {found}");
}

#[test]
fn a_port_that_refuses_is_told() {
    let url = format!("https://localhost:{}/mcp", free_port());
    let found = Probing::of(&url).fails("tcp", "tcp", "refused", "the server is running");
    assert_eq!(facts(&found, "name")["addresses"][0], "127.0.0.1");
}

/// Nobody accepts, and the kernel takes no more into the queue: a connection is neither made nor refused.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_is_told_with_the_limit() {
    use std::net::SocketAddr;

    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let limit = std::time::Duration::from_millis(300);
    let waiting = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, limit).ok());
    let _waiting: Vec<_> = waiting.take(16).collect();
    let probing = Probing::of(&format!("https://127.0.0.1:{}/mcp", address.port()));
    let probing = probing.args(["--connect-timeout", "1s"]);
    probing.fails("tcp", "tcp", "no connection within 1s", "any firewall on the way");
}

/// The kernel says so at once, as it does without a network.
#[cfg(target_os = "linux")]
#[test]
fn an_address_without_a_way_to_it_is_told() {
    let set_up = "ip link set lo up
        ip route add unreachable 192.0.2.0/24
        ip route add prohibit 198.51.100.0/24";
    if !namespace::enter("probe_way::an_address_without_a_way_to_it_is_told", set_up) {
        return;
    }
    for (address, cause, hint) in [
        ("192.0.2.1", "No route to host", "the network of this machine and the VPN"),
        ("203.0.113.1", "Network is unreachable", "the network of this machine and the VPN"),
        ("198.51.100.1", "Permission denied", "a firewall of this machine"),
    ] {
        Probing::of(&format!("https://{address}/mcp")).fails("tcp", "tcp", cause, hint);
    }
}

#[test]
fn a_port_that_says_nothing_is_told_with_the_limit() {
    let mute = RawRemote::start(|connection| drop(connection.wait_for_end()));
    let url = format!("https://localhost:{}/mcp", mute.address().port());
    let probing = Probing::of(&url).args(["--connect-timeout", "1s"]);
    let found = probing.fails("tls", "tls", "no connection within 1s", "");
    assert_eq!(facts(&found, "tcp")["to"], mute.address().to_string());
}

#[test]
fn a_server_that_never_answers_ends_the_probe_at_its_own_limit() {
    let mute = RawRemote::start(|connection| drop(connection.wait_for_end()));
    let url = mute.url("/mcp");
    let probed = Probing::of(&url).args(["--allow-http", "--timeout", "2s"]).run();
    assert_eq!(probed.code, Some(1));
    assert!(
        probed.err.contains("probe is 2s") && probed.err.contains("the time was over at `http`"),
        "{}",
        probed.err
    );
    assert!(probed.err.contains("--timeout") && probed.err.contains("path of"), "{}", probed.err);
}

#[test]
fn plain_http_on_the_port_for_tls_is_told() {
    let plain = Server::start_raw(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let url = format!("https://localhost:{}/mcp", plain.address.port());
    Probing::of(&url).fails("tls", "tls", "does not speak TLS", "`http://` URL and `--allow-http`");
}

#[test]
fn tls_on_the_port_for_plain_http_is_told() {
    let ca = Ca::new("CA");
    let server = Server::start(open(&ca.server(&["localhost"])));
    let url = format!("http://localhost:{}/mcp", server.address.port());
    let probing = Probing::of(&url).arg("--allow-http");
    probing.fails("http", "http", "it speaks TLS", "use `https://`");
}

#[test]
fn what_is_no_http_server_is_told_by_its_first_word() {
    let mail = RawRemote::start(|connection| {
        connection.write("220 mail.example ESMTP\r\n");
        connection.wait_for_end();
    });
    let probing = Probing::of(&mail.url("/mcp")).arg("--allow-http");
    probing.fails("http", "http", "does not speak HTTP", "check the port");
}

#[test]
fn a_proxy_that_does_not_answer_is_told_with_the_variable_that_named_it() {
    let proxy = format!("http://127.0.0.1:{}", free_port());
    let probing = Probing::of("https://localhost:1/mcp").env("HTTPS_PROXY", &proxy);
    probing.fails("proxy", "proxy", "no way through the proxy", "`HTTPS_PROXY`");
}

#[test]
fn a_proxy_that_refuses_is_told_with_its_status() {
    for (status, hint) in [
        ("403 Forbidden", "NO_PROXY"),
        ("407 Who", "user and password into `https_proxy`"),
        ("502 Bad Gateway", "comes from `https_proxy`"),
    ] {
        let proxy = RawRemote::start(move |connection| {
            connection.head();
            connection.write(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"));
        });
        let probing = Probing::of("https://server.example/mcp");
        let probing = probing.env("https_proxy", &proxy.url("/"));
        probing.fails("proxy", "proxy", &format!("CONNECT with {}", &status[..3]), hint);
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_told_with_the_way_out() {
    let probing = |proxy: &str| Probing::of("https://server.example/mcp").env("HTTPS_PROXY", proxy);
    let unknown = probing("http://nowhere.invalid:3128");
    unknown.fails("proxy", "proxy", "through the proxy nowhere.invalid", "`HTTPS_PROXY`");
    let tls = probing("https://127.0.0.1:3128");
    tls.fails("proxy", "proxy", "only `http`", "to a proxy of another kind");
}

#[test]
fn a_proxy_for_clear_text_that_wants_a_login_is_told() {
    let proxy = RawRemote::start(|connection| {
        connection.head();
        connection.write("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n");
    });
    let probing = Probing::of("http://server.example/mcp").arg("--allow-http");
    let probing = probing.env("HTTP_PROXY", &proxy.url("/"));
    probing.fails("http", "auth", "a proxy that does not know us (HTTP 407)", "user:password@");
}

#[test]
fn a_url_in_clear_text_is_refused_with_both_ways_out() {
    let probed = Probing::of("http://localhost:1/mcp").run();
    assert_eq!(probed.code, Some(2), "{probed:?}");
    for word in ["`https://`", "`--allow-http`"] {
        assert!(probed.err.contains(word), "{probed:?}");
    }
}

#[test]
fn a_proxy_on_the_way_is_a_step_with_its_variable() {
    let remote = Plan::legacy().start();
    let proxy = RawRemote::start(|connection| {
        // In clear text the request itself goes to the proxy.
        let Some(request) = connection.request() else { return };
        assert!(request.path.starts_with("http://"), "{}", request.path);
        connection.write("HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n");
    });
    let probing = Probing::of(&remote.url()).arg("--allow-http");
    let found = probing.env("HTTP_PROXY", &proxy.url("/")).fails("http", "http", "418", "");
    assert_eq!(facts(&found, "http")["status"], 418);
}
