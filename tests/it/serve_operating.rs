//! What an operator of `serve` sees and does: health, numbers, logs, service managers, taking over.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::host::Host;
use crate::support::launch::Launch;
use crate::support::namespace;
use crate::support::operated::Operated;
use crate::support::operated::PROGRAM;
use crate::support::operated::Reply;
use crate::support::operated::SERVER;
use crate::support::operated::call;
use crate::support::operated::command;
use crate::support::operated::exchange;
use crate::support::operated::get;
use crate::support::operated::initialize;
use crate::support::operated::modern_call;
use crate::support::operated::post;
use crate::support::operated::serve;
use crate::support::patient::uninterrupted;
use crate::support::pki;
use crate::support::pki::Ca;
use crate::support::serve::until;
use crate::support::watched::LIMIT;

#[test]
fn a_server_that_stops_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let server = Operated::serve(&[]);
    assert_eq!(server.becomes("/readyz", 200).body, "ready\n");
    let (address, session) = (server.address(), initialize(server.address()));
    let waits = json!({ "for": gate.to_str() });
    let waiting = std::thread::spawn(move || call(address, &session, "wait", waits).unwrap());
    server.line("[SERVER] waiting");
    server.signal(Signal::TERM);
    let reply = server.becomes("/readyz", 503);
    assert_eq!(reply.body, "the server is stopping\n");
    assert_eq!(get(server.admin(), "/healthz").status, 200);
    fs::write(&gate, "").unwrap();
    let answer = waiting.join().unwrap();
    assert_eq!((answer.status, server.ended()), (200, Some(0)), "{answer:?}");
}

#[test]
fn a_command_that_cannot_be_started_is_not_ready_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("fine");
    let script = format!(
        "test -e {} || {{ echo Error: no licence >&2; exit 3; }}; exec python3 {SERVER}",
        flag.display()
    );
    let mut command = command(PROGRAM);
    command.args(["serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--", "sh", "-c"]);
    let server = Operated::start(command.arg(script));
    server.line("not ready");
    // What is logged is in force a moment later.
    let reply = until("a try that failed", || {
        Some(get(server.admin(), "/readyz")).filter(|reply| !reply.body.contains("first time"))
    });
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("status 3") && reply.body.contains("no licence"), "{reply:?}");
    assert_eq!(get(server.admin(), "/healthz").status, 200);
    fs::write(&flag, "").unwrap();
    server.becomes("/readyz", 200);
    // What worked once can fail later.
    fs::remove_file(&flag).unwrap();
    let request = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
    let reply = post(server.address(), &[], &request).unwrap();
    assert!(reply.status == 502 || reply.json()["error"].is_object(), "{reply:?}");
    server.becomes("/readyz", 503);
}

#[test]
fn the_program_asks_a_running_server_whether_it_is_ready() {
    let ask = |admin: SocketAddr| {
        let mut command = command(PROGRAM);
        let output = command.args(["serve", "--ready", "--admin", &admin.to_string()]).output();
        let output = output.expect("the program starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let server = Operated::serve(&[]);
    server.becomes("/readyz", 200);
    assert_eq!(ask(server.admin()), (Some(0), String::new()));

    let mut broken = command(PROGRAM);
    broken.args(["serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--", "sh", "-c"]);
    let broken = Operated::start(broken.arg("echo no licence >&2; exit 3"));
    broken.line("not ready");
    let (code, said) = ask(broken.admin());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("error: the server is not ready\ncause: "), "{said}");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, said) = ask(nobody);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("hint:  pass the address that the server was given with `--admin`"),
        "{said}"
    );
}

#[test]
fn a_port_that_is_taken_is_told_with_the_flag_that_named_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (flag, others) in [("--admin", ["--listen", "--reuse-port"]), ("--listen", ["--admin"; 2])]
    {
        let (listen, admin) = match flag {
            "--admin" => ("127.0.0.1:0".to_owned(), address.to_string()),
            _ => (address.to_string(), "127.0.0.1:0".to_owned()),
        };
        let mut command = command(PROGRAM);
        command.args(["serve", "--listen", &listen, "--admin", &admin, "--", "cat"]);
        let server = Operated::start(&mut command);
        assert_eq!(server.ended(), Some(1));
        let log = server.log();
        assert!(log.contains(&format!("cannot listen on {address}, the address of `{flag}`")));
        let told = log.split("error: ").nth(1).unwrap();
        assert!(told.contains(&format!("another port with `{flag}`")), "{log}");
        assert!(others.iter().all(|other| !told.contains(other)), "{log}");
    }
}

#[test]
fn the_admin_page_is_for_its_own_names_and_for_reading() {
    let server = Operated::serve(&[]);
    let admin = server.admin();
    for (line, host, status) in [
        ("GET /metrics", "localhost", 200),
        ("GET /metrics", "evil.example", 403),
        ("POST /metrics", "localhost", 405),
        ("GET /mcp", "localhost", 404),
    ] {
        let reply = exchange(admin, line, &[("Host", host)], "").unwrap();
        assert_eq!(reply.status, status, "{line} {host}");
    }
    assert_eq!(get(server.address(), "/metrics").status, 404);
}

#[test]
fn what_happens_is_counted() {
    let server = Operated::serve(&[]);
    server.becomes("/readyz", 200);
    let address = server.address();
    let session = initialize(address);
    for tool in ["echo", "echo", "noise"] {
        assert_eq!(call(address, &session, tool, json!({})).unwrap().status, 200);
    }
    let with_session = [("Mcp-Session-Id", &*session)];
    let unknown = json!({"jsonrpc": "2.0", "id": 2, "method": "no/such"});
    assert!(post(address, &with_session, &unknown).unwrap().json()["error"].is_object());
    assert_eq!(call(address, "nobody", "echo", json!({})).unwrap().status, 404);
    assert_eq!(modern_call(address, 1, "echo").unwrap().status, 200);
    let numbers_now = numbers(&server);
    for (name, expected) in [
        ("mcp_serve_requests_total{method=\"initialize\",outcome=\"ok\"}", 1.0),
        ("mcp_serve_requests_total{method=\"tools/call\",outcome=\"ok\"}", 4.0),
        ("mcp_serve_requests_total{method=\"tools/call\",outcome=\"refused_4xx\"}", 1.0),
        ("mcp_serve_requests_total{method=\"other\",outcome=\"error\"}", 1.0),
        ("mcp_serve_request_duration_seconds_count", 6.0),
        ("mcp_serve_request_duration_seconds_bucket{le=\"+Inf\"}", 6.0),
        ("mcp_serve_sessions_open{transport=\"streamable-http\"}", 1.0),
        ("mcp_serve_sessions_open{transport=\"sse\"}", 0.0),
        ("mcp_serve_sessions_opened_total", 1.0),
        ("mcp_serve_child_noise_lines_total", 1.0),
        ("mcp_serve_ready", 1.0),
        // One of them was tried at the start.
        ("mcp_serve_children_started_total", 3.0),
    ] {
        assert_eq!(numbers_now.0.get(name), Some(&expected), "{name} in {numbers_now:?}");
    }
    assert!(numbers_now.0["mcp_serve_received_bytes_total"] > 500.0);
    assert!(!numbers_now.0.contains_key("mcp_serve_certificate_days_left"), "there is no TLS");
    exchange(address, "DELETE /mcp", &with_session, "").unwrap();
    numbers_now.until("mcp_serve_sessions_ended_total{reason=\"deleted\"}", 1.0, &server);
    numbers_now.until("mcp_serve_children_running", 1.0, &server);
}

#[test]
fn a_session_of_http_sse_is_counted_too() {
    let server = Operated::serve(&[]);
    let address = server.address();
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    stream.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!("GET /sse HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let mut next = |start: &str| {
        let mut lines = stream.by_ref().lines().map(|line| line.expect("a line in time"));
        lines.find_map(|line| line.strip_prefix(start).map(str::to_owned)).expect(start)
    };
    let path = next("data: ");
    for (id, method) in [(1, "initialize"), (2, "tools/list"), (3, "no/such")] {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}});
        let kind = [("Content-Type", "application/json")];
        let line = format!("POST {path}");
        assert_eq!(exchange(address, &line, &kind, &request.to_string()).unwrap().status, 202);
        next("data: ");
    }
    let open = "mcp_serve_sessions_open{transport=\"sse\"}";
    let now = numbers(&server);
    for (name, expected) in [
        (open, 1.0),
        ("mcp_serve_requests_total{method=\"stream\",outcome=\"ok\"}", 1.0),
        ("mcp_serve_requests_total{method=\"initialize\",outcome=\"ok\"}", 1.0),
        ("mcp_serve_requests_total{method=\"tools/list\",outcome=\"ok\"}", 1.0),
        ("mcp_serve_requests_total{method=\"other\",outcome=\"error\"}", 1.0),
        ("mcp_serve_request_duration_seconds_count", 3.0),
    ] {
        assert_eq!(now.0.get(name), Some(&expected), "{name} in {now:?}");
    }
    drop(stream);
    now.until(open, 0.0, &server);
    now.until("mcp_serve_sessions_ended_total{reason=\"disconnected\"}", 1.0, &server);
}

#[test]
fn the_certificate_and_those_who_do_not_get_in_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    let leaf = Ca::new("test CA").server(&["localhost"]);
    let cert = pki::write(&folder, "server.crt", leaf.chain_pem());
    let key = pki::write(&folder, "server.key", leaf.key.serialize_pem());
    let flag = |name: &str, path: &Path| format!("--tls-{name}={}", path.display());
    let server = Operated::serve(&[&flag("cert", &cert), &flag("key", &key)]);
    let now = numbers(&server);
    assert!(now.0["mcp_serve_certificate_days_left"] > 0.0, "{now:?}");
    assert_eq!(now.0["mcp_serve_certificate_reload_failed"], 0.0);
    // Not TLS.
    let _ = get_if_any(server.address());
    wait_until(|| {
        let now = numbers(&server).0;
        let mut failures = now.iter().filter(|(name, _)| name.contains("handshake_failures"));
        failures.any(|(name, count)| name.contains("reason=\"") && *count == 1.0)
    });
    fs::write(&cert, "no certificate").unwrap();
    server.signal(Signal::HUP);
    now.until("mcp_serve_certificate_reload_failed", 1.0, &server);
    fs::write(&cert, leaf.chain_pem()).unwrap();
    server.signal(Signal::HUP);
    now.until("mcp_serve_certificate_reload_failed", 0.0, &server);
}

/// A request in clear text.
fn get_if_any(address: SocketAddr) -> std::io::Result<Reply> {
    exchange(address, "GET /", &[], "")
}

#[test]
fn a_hangup_without_tls_files_ends_nothing() {
    let server = Operated::serve(&[]);
    let session = initialize(server.address());
    server.signal(Signal::HUP);
    server.signal(Signal::HUP);
    assert_eq!(call(server.address(), &session, "echo", json!({})).unwrap().status, 200);
}

#[test]
fn log_lines_about_a_session_name_it_and_its_peer() {
    let server = Operated::serve(&["--log-format=json", "--debug"]);
    let address = server.address();
    let session = initialize(address);
    call(address, &session, "say", json!({ "text": "a word" })).unwrap();
    modern_call(address, 7, "echo").unwrap();
    exchange(address, "DELETE /mcp", &[("Mcp-Session-Id", &session)], "").unwrap();
    for (words, session) in [
        ("a session begins", "1"),
        ("client -> server request id=1 method=\\\"tools/call\\\"", "1"),
        ("server -> client response id=1 result", "1"),
        ("[SERVER] a word", "1"),
        ("a session ends", "1"),
        ("client -> server request id=7 method=\\\"tools/call\\\"", "modern"),
        ("server -> client response id=7 result", "modern"),
    ] {
        let line: Value = serde_json::from_str(&server.line(words)).unwrap();
        assert_eq!(line["fields"]["session"], session, "{line}");
        let peer = line["fields"]["peer"].as_str().unwrap_or_default();
        assert!(peer.starts_with("127.0.0.1:"), "{line}");
    }
    assert!(!server.log().contains("host -> remote"));
}

#[test]
fn a_service_manager_hears_of_start_reload_life_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = serve(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000");
    let server = Operated::start(&mut command);
    let heard = |wanted: &str| loop {
        let mut word = [0; 256];
        let count = uninterrupted(|| manager.recv(&mut word));
        let count = count.unwrap_or_else(|e| panic!("no {wanted}: {e}"));
        let word = String::from_utf8_lossy(&word[..count]).into_owned();
        if word != "WATCHDOG=1" || wanted == word {
            assert!(word.starts_with(wanted), "{word} instead of {wanted}");
            return word;
        }
    };
    heard("READY=1");
    initialize(server.address());
    heard("WATCHDOG=1");
    heard("WATCHDOG=1");
    server.signal(Signal::HUP);
    assert!(heard("RELOADING=1").contains("\nMONOTONIC_USEC="));
    heard("READY=1");
    server.signal(Signal::TERM);
    heard("STOPPING=1");
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_socket_that_a_service_manager_opened_is_used() {
    let manager = "import os, socket, sys\n\
        s = socket.create_server(('127.0.0.1', 0))\n\
        os.dup2(s.fileno(), 3)\n\
        os.set_inheritable(3, True)\n\
        print('opened', s.getsockname()[1], file=sys.stderr, flush=True)\n\
        os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
        os.execv(sys.argv[1], sys.argv[1:])\n";
    let mut command = command("python3");
    command.args(["-c", manager, PROGRAM, "serve", "--", "python3", SERVER]);
    let server = Operated::start(&mut command);
    let opened = server.line("opened ");
    let address = server.address();
    assert_eq!(Some(&*address.port().to_string()), opened.split(' ').next_back());
    assert_eq!(server.log().matches("listening on ").count(), 1, "no other one is opened");
    initialize(address);
}

/// O10. Clients come and go all the time while one process takes over from another. The kernel is told
/// to hand on what it has accepted for a socket that closes: else it resets one of very many.
#[cfg(target_os = "linux")]
#[test]
fn a_new_process_takes_the_port_over_and_no_modern_request_fails() {
    const NAME: &str =
        "serve_operating::a_new_process_takes_the_port_over_and_no_modern_request_fails";
    const MIGRATING: &str = "
        ip link set lo up
        echo 1 > /proc/sys/net/ipv4/tcp_migrate_req";
    if !namespace::enter(NAME, MIGRATING) {
        return;
    }
    const REQUESTS: usize = 1000;
    const CLIENTS: usize = 4;
    let old = Operated::serve(&["--reuse-port"]);
    let address = old.address();
    let listen = format!("--listen={address}");
    modern_call(address, 0, "echo").unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                for id in 0..REQUESTS / CLIENTS {
                    match modern_call(address, id, "echo") {
                        Ok(reply) if reply.status == 200 => {}
                        other => failed.push(format!("{other:?}")),
                    }
                    done.fetch_add(1, SeqCst);
                }
                failed
            })
        })
        .collect();
    wait_until(|| done.load(SeqCst) >= REQUESTS / 4);
    let mut command = command(PROGRAM);
    command.args(["serve", &listen, "--reuse-port", "--", "python3", SERVER]);
    let new = Operated::start(&mut command);
    new.address();
    wait_until(|| done.load(SeqCst) >= REQUESTS / 2);
    old.signal(Signal::TERM);
    assert_eq!(old.ended(), Some(0));
    assert!(done.load(SeqCst) < REQUESTS, "all was over before the hand-over");
    let failed: Vec<String> =
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
}

#[test]
fn a_session_of_the_old_process_is_opened_anew_by_the_bridge() {
    let old = Operated::serve(&["--reuse-port"]);
    let address = old.address();
    let host = Launch::plain(&format!("http://{address}/mcp")).arg("--debug").start();
    host.initialize();
    assert!(by(&host, 10).contains("echo by "));
    let other = initialize(address);
    let mut command = command(PROGRAM);
    let listen = format!("--listen={address}");
    command.args(["serve", &listen, "--reuse-port", "--", "python3", SERVER]);
    let new = Operated::start(&mut command);
    new.address();
    old.signal(Signal::TERM);
    assert_eq!(old.ended(), Some(0));
    assert_eq!(call(address, &other, "echo", json!({})).unwrap().status, 404);
    assert!(by(&host, 11).contains("echo by "), "the bridge has a new session");
}

/// What a call through the bridge says.
fn by(host: &Host, id: u64) -> String {
    host.ask(id, "tools/call", json!({ "name": "echo", "arguments": {} }));
    let answer = host.answer(id);
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + LIMIT;
    while !is_so() {
        assert!(std::time::Instant::now() < end, "it does not come to that");
        std::thread::yield_now();
    }
}

/// The numbers of the page by name and labels.
#[derive(Debug)]
struct Numbers(BTreeMap<String, f64>);

impl Numbers {
    /// Waits until a number is this.
    fn until(&self, name: &str, wanted: f64, server: &Operated) {
        wait_until(|| numbers(server).0.get(name) == Some(&wanted));
    }
}

/// Reads the page as a collector does, and minds its form: each family is announced once, with type
/// and help, before its samples; samples have the endings of their type; nothing stands twice.
#[track_caller]
fn numbers(server: &Operated) -> Numbers {
    let reply = get(server.admin(), "/metrics");
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = reply.body.strip_suffix("# EOF\n").expect("a whole page");
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (what, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            match what {
                "HELP" => assert!(!rest.is_empty(), "{line}"),
                "TYPE" => assert!(kinds.insert(name, rest).is_none(), "{line}"),
                "UNIT" => assert!(name.ends_with(rest), "{line}"),
                _ => panic!("{line}"),
            }
            family = name;
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a value");
        let name = sample.split('{').next().unwrap();
        let endings: &[&str] = match kinds[family] {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{other}"),
        };
        let ending = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
        assert!(endings.contains(&ending), "{line}");
        assert!(name.starts_with("mcp_serve_"), "{line}");
        let value: f64 = value.parse().expect("a number");
        assert!(numbers.insert(sample.to_owned(), value).is_none(), "twice: {line}");
    }
    buckets_grow(&numbers);
    Numbers(numbers)
}

fn buckets_grow(numbers: &BTreeMap<String, f64>) {
    let of = |name: &str| -> Option<(f64, f64)> {
        let end = name.strip_prefix("mcp_serve_request_duration_seconds_bucket{le=\"")?;
        let end = end.strip_suffix("\"}")?;
        let end = if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() };
        Some((end, numbers[name]))
    };
    let mut buckets: Vec<_> = numbers.keys().filter_map(|name| of(name)).collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(buckets.len() > 10 && buckets.windows(2).all(|two| two[0].1 <= two[1].1));
}
