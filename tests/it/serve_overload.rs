//! Clients that do not behave, and one that does beside them.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use mcp_secure_remote::limits;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Ask;
use crate::support::http::Wire;
use crate::support::operated::get;
use crate::support::serve::Serve;
use crate::support::serve::Serving;
use crate::support::serve::Usage;
use crate::support::serve::has_tool;
use crate::support::serve::until;
use crate::support::serve::until_within;
use crate::support::session::Session;
use crate::support::session::call;
use crate::support::session::modern;
use crate::support::session::text;

/// Less than who waits behind others has to wait, and much more than a call takes on a busy machine.
const UNHARMED: Duration = Duration::from_secs(10);

/// The longest of `count` calls, each on a connection of its own.
fn worst_of(session: &Session<'_>, count: usize) -> Duration {
    let one = |id| {
        let began = Instant::now();
        assert_eq!(text(&session.call(id, "echo", json!({"text": "fine"}))), "fine");
        began.elapsed()
    };
    (0..count).map(one).max().unwrap()
}

#[test]
fn a_good_client_is_served_beside_forty_silent_and_twenty_that_send_garbage() {
    let serve = Serving::mutual().flag("--handshake-timeout", "2s").start();
    let client = serve.client("good");
    let session = Session::open_as(&serve, Some(&client), LEGACY);
    let usage = Usage::of(serve.pid());
    let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(serve.address).unwrap()).collect();
    let garbage: Vec<_> = (0..20u8)
        .map(|number| {
            let mut stream = TcpStream::connect(serve.address).unwrap();
            stream.write_all(&[number.wrapping_mul(37); 300]).unwrap();
            stream
        })
        .collect();
    let worst = worst_of(&session, 50);
    assert!(worst < UNHARMED, "{worst:?}");
    for mut stream in garbage.into_iter().chain(silent) {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // An alert, perhaps, and the end; a reset is an end as well.
        match stream.read_to_end(&mut Vec::new()) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("not reaped"),
            _ => {}
        }
    }
    until("descriptors", || {
        (Usage::of(serve.pid()).descriptors <= usage.descriptors).then_some(())
    });
    assert_eq!(session.status(), 200);
}

#[test]
fn five_hundred_handshakes_at_once_leave_a_session_quick_enough() {
    let serve = Serving::mutual().start();
    let client = serve.client("good");
    let session = Session::open_as(&serve, Some(&client), LEGACY);
    let over = AtomicBool::new(false);
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        let handshakes: Vec<_> = (0..500)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = Wire::of(&serve, &client);
                    assert_eq!(wire.ask(&Ask::new("GET", "/")).head.status, 404);
                })
            })
            .collect();
        let watch = scope.spawn(|| {
            let mut times = Vec::new();
            let mut wire = session.wire();
            while !over.load(Ordering::SeqCst) || times.len() < 20 {
                let began = Instant::now();
                let id = times.len();
                let ask = session.sign(Ask::post(call(id, "echo", json!({"text": "fine"}))));
                assert_eq!(wire.ask(&ask).head.status, 200);
                times.push(began.elapsed());
            }
            times
        });
        handshakes.into_iter().for_each(|it| it.join().unwrap());
        over.store(true, Ordering::SeqCst);
        times = watch.join().unwrap();
    });
    times.sort_unstable();
    let worst = times[times.len() * 99 / 100];
    // Two processors do all 500, on both sides, without optimisation, and perhaps other tests.
    assert!(worst < UNHARMED, "{worst:?} of {}", times.len());
}

#[test]
fn slow_clients_lose_their_connection_and_nobody_else_does() {
    let serve = Serving::plain().child("--modern").start();
    let session = Session::open(&serve);
    let usage = Usage::of(serve.pid());
    let patience = Duration::from_secs(100);
    let post = Ask::post(call(1, "echo", json!({"text": "slow"}))).text("localhost");
    std::thread::scope(|scope| {
        let drip = |bytes: String, from: usize| {
            let mut wire = Wire::to(&serve).patience(Duration::from_secs(1));
            let began = Instant::now();
            wire.write(&bytes[..from]);
            let mut rest = bytes[from..].bytes().cycle();
            // A byte a second, until nobody takes it.
            while began.elapsed() < patience && !wire.is_closed() {
                wire.write([rest.next().unwrap()]);
            }
            began.elapsed()
        };
        let head = scope.spawn({
            let post = post.clone();
            move || drip(format!("{}{}", &post[..30], "x".repeat(1000)), 30)
        });
        let body = scope.spawn({
            let head = post.split("content-length").next().unwrap().to_owned();
            let head = format!("{head}content-length: 100000\r\n\r\n");
            move || drip(format!("{head}{}", " ".repeat(1000)), head.len())
        });
        let unread = scope.spawn(|| {
            let mut wire = Wire::to(&serve);
            let ask = modern(call(1, "big", json!({"bytes": 15 * 1024 * 1024})));
            wire.send(&ask);
            let began = Instant::now();
            until_within(patience, || {
                let rows = std::fs::read_to_string("/proc/net/tcp").unwrap();
                (!is_connected(&rows, wire.local_port(), serve.address.port())).then_some(())
            });
            began.elapsed()
        });
        let good = scope.spawn(|| worst_of(&session, 200));
        let seconds = |it: Duration| it.as_secs();
        assert!((15..40).contains(&seconds(head.join().unwrap())), "a head");
        assert!((20..60).contains(&seconds(unread.join().unwrap())), "an answer that nobody reads");
        assert!((50..80).contains(&seconds(body.join().unwrap())), "a body");
        assert!(good.join().unwrap() < UNHARMED);
    });
    until("descriptors", || {
        (Usage::of(serve.pid()).descriptors <= usage.descriptors + 10).then_some(())
    });
    assert_eq!(session.status(), 200);
}

/// Else two of them would keep both cores busy with what nobody wants.
#[test]
fn processes_that_write_noise_without_end_are_slowed_and_others_are_served() {
    const LINE: usize = 60;
    let serve = Serving::plain().flag("--admin", "127.0.0.1:0").start();
    serve.wait_for_log("health and metrics are on ");
    let log = serve.log();
    let admin = log.split("metrics are on http://").nth(1).unwrap().split('/').next().unwrap();
    let admin = admin.parse().unwrap();
    let noise = || {
        let name = "mcp_serve_child_noise_lines_total ";
        let numbers = get(admin, "/metrics").body;
        numbers.lines().find_map(|line| line.strip_prefix(name)?.parse::<usize>().ok()).unwrap()
    };
    let noisy = [Session::open(&serve), Session::open(&serve)];
    let began = Instant::now();
    for session in &noisy {
        assert_eq!(text(&session.call(1, "babble", json!({"bytes": LINE - 1}))), "done");
    }
    let session = Session::open(&serve);
    let worst = worst_of(&session, 50);
    assert!(worst < UNHARMED, "{worst:?}");
    let lines = until("much noise", || Some(noise()).filter(|lines| *lines > 30_000));
    // What one has to wait for each line, and what was read before it had to wait.
    let most = began.elapsed().div_duration_f64(limits::NOISE_PAUSE) as usize;
    let most = noisy.len() * (most + 2 * limits::READ_BYTES / LINE);
    assert!(lines <= most, "{lines} lines were read, and {most} are allowed");
    assert_eq!(session.status(), 200);
    assert_eq!(serve.stop(), Some(0), "noise holds up no end");
}

/// Whether the system knows an established connection between two ports, seen from the second.
fn is_connected(rows: &str, client: u16, server: u16) -> bool {
    let wanted = (format!(":{server:04X}"), format!(":{client:04X}"));
    rows.lines().any(|row| {
        let fields: Vec<_> = row.split_whitespace().collect();
        fields.len() > 3
            && fields[1].ends_with(&wanted.0)
            && fields[2].ends_with(&wanted.1)
            && fields[3] == "01"
    })
}

#[test]
fn a_server_without_descriptors_lives_and_recovers() {
    let serve = Serving::plain().under(&["prlimit", "--nofile=64"]).start();
    let session = Session::open(&serve);
    let held: Vec<_> = (0..100).map(|_| TcpStream::connect(serve.address).unwrap()).collect();
    serve.wait_for_log("cannot accept connections for the moment");
    assert!(!serve.has_ended());
    drop(held);
    assert_eq!(text(&session.call(1, "echo", json!({"text": "still here"}))), "still here");
    assert_eq!(Session::open(&serve).status(), 200);
    let complaints = serve.log().matches("cannot accept connections").count();
    assert!(complaints < 20, "the log is not flooded: {complaints} lines");
}

#[test]
fn a_session_whose_process_cannot_be_forked_is_refused_for_the_moment() {
    // Root may always fork: then the server runs as nobody.
    let root = rustix::process::geteuid().is_root();
    let user = rustix::process::getuid().as_raw();
    let limit = format!("--nproc={}", if root { 12 } else { processes_of(user) + 12 });
    let tool: &[&str] = match root {
        true => &["setpriv", "--reuid=61234", "--clear-groups", "prlimit", &limit],
        false => &["prlimit", &limit],
    };
    let serving = Serving::plain();
    serving.let_everybody_in();
    let serve = serving.under(tool).start();
    let mut sessions = Vec::new();
    let refused = loop {
        let mut wire = Wire::to(&serve);
        let answer = wire.ask(&Ask::post(crate::support::session::initialize(LEGACY)));
        match answer.head.header("mcp-session-id") {
            Some(id) => sessions.push(id.to_owned()),
            None => break answer,
        }
        assert!(sessions.len() < 100, "the limit is none");
    };
    assert_eq!(refused.head.status, 503, "{refused:?}");
    assert!(refused.head.header("retry-after").is_some(), "{refused:?}");
    let delete = Ask::new("DELETE", "/mcp").header("mcp-session-id", &sessions[0]);
    assert_eq!(Wire::to(&serve).ask(&delete).head.status, 204);
    until("room for another", || {
        let ask = Ask::post(crate::support::session::initialize(LEGACY));
        (Wire::to(&serve).ask(&ask).head.status == 200).then_some(())
    });
}

/// Threads of a user, which is what the limit counts.
fn processes_of(user: u32) -> usize {
    let wanted = format!("Uid:\t{user}\t");
    let statuses = std::fs::read_dir("/proc").unwrap().flatten();
    let statuses = statuses.filter_map(|it| std::fs::read_to_string(it.path().join("status")).ok());
    let threads = statuses.filter(|status| status.contains(&wanted)).filter_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
        line.trim().parse::<usize>().ok()
    });
    threads.sum()
}

/// Runs a tool against the server while a session goes on; what it said.
fn attack(serve: &Serve, session: &Session<'_>, tool: &str, args: &[String]) -> String {
    let mut command = Command::new(tool);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = Mutex::new(Some(command.spawn().unwrap()));
    let over = AtomicBool::new(false);
    let mut worst = Duration::ZERO;
    let output = std::thread::scope(|scope| {
        let tool = scope.spawn(|| {
            let child = child.lock().unwrap().take().unwrap();
            let output = child.wait_with_output().unwrap();
            over.store(true, Ordering::SeqCst);
            output
        });
        // On one connection: very many of them in a row would be an attack of its own.
        let mut wire = session.wire();
        for id in (0..).take_while(|_| !over.load(Ordering::SeqCst)) {
            let began = Instant::now();
            let ask = session.sign(Ask::post(call(id, "echo", json!({"text": "fine"}))));
            assert_eq!(wire.ask(&ask).head.status, 200);
            worst = worst.max(began.elapsed());
        }
        tool.join().unwrap()
    });
    assert!(worst < UNHARMED, "{worst:?}");
    assert!(!serve.has_ended());
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn slowhttptest_does_a_good_client_no_harm() {
    if !has_tool("slowhttptest") {
        return;
    }
    let serve = Serve::plain();
    let session = Session::open(&serve);
    let url = format!("http://{}/mcp", serve.address);
    let words = |kind: &str| -> Vec<String> {
        let line =
            format!("{kind} -c 300 -r 150 -i 1 -l 6 -p 3 -u {url} -t POST -f application/json");
        line.split(' ').map(str::to_owned).collect()
    };
    for kind in ["-H", "-B", "-X"] {
        attack(&serve, &session, "slowhttptest", &words(kind));
    }
    until("descriptors", || (Usage::of(serve.pid()).descriptors < 60).then_some(()));
    assert_eq!(session.status(), 200);
}

#[test]
fn h2load_does_a_good_client_no_harm() {
    if !has_tool("h2load") {
        return;
    }
    let serve = Serving::tls().flag("--max-requests", 1000).child("--modern").start();
    let session = Session::open(&serve);
    let ask = modern(call(1, "echo", json!({"text": "hello"})));
    let body = serve.path("body.json");
    std::fs::write(&body, ask.body()).unwrap();
    let url = format!("https://localhost:{}/mcp", serve.address.port());
    let mut args: Vec<String> =
        ["-n", "4000", "-c", "20", "-m", "30", "-d"].map(str::to_owned).into();
    args.push(body.display().to_string());
    for (name, value) in ask.headers() {
        args.extend(["-H".to_owned(), format!("{name}: {value}")]);
    }
    args.push(url);
    let said = attack(&serve, &session, "h2load", &args);
    assert!(said.contains("Application protocol: h2"), "{said}");
    assert!(said.contains("4000 2xx"), "every request is answered: {said}");
}
