//! New certificates for a server that is in use.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use rustix::process::Signal;
use serde_json::json;

use crate::support::host::LEGACY;
use crate::support::http::Ask;
use crate::support::http::Wire;
use crate::support::serve::Serving;
use crate::support::serve::has_tool;
use crate::support::serve::until;
use crate::support::session::Session;
use crate::support::session::call;

#[test]
fn ten_clients_that_never_pause_notice_nothing_of_five_reloads() {
    let serve = Serving::mutual().start();
    let client = serve.client("pump");
    let (rounds, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let text = "x".repeat(64 * 1024);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let session = Session::open_as(&serve, Some(&client), LEGACY);
                // One connection for all.
                let mut wire = session.wire();
                let mut id = 0;
                while !stop.load(Ordering::SeqCst) {
                    id += 1;
                    let ask = session.sign(Ask::post(call(id, "echo", json!({"text": text}))));
                    let answer = wire.ask(&ask);
                    assert_eq!(answer.head.status, 200);
                    assert!(answer.body.contains(&text), "every byte is there");
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let pumped = |count: usize| {
            let before = rounds.load(Ordering::SeqCst);
            until("rounds", || (rounds.load(Ordering::SeqCst) >= before + count).then_some(()));
        };
        pumped(20);
        for number in 0..5 {
            if number == 2 {
                serve.replace_identity();
            }
            serve.signal(Signal::HUP);
            pumped(20);
        }
        let mut fresh = Wire::of(&serve, &client);
        assert_eq!(fresh.ask(&Ask::new("GET", "/")).head.status, 404);
        let now = serve.served_certificate(&client);
        assert_eq!(now, serve.certificate_on_disk(), "who connects now sees the new certificate");
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(serve.started(), 10);
}

#[test]
fn a_broken_file_leaves_the_old_certificate_in_force() {
    let serve = Serving::mutual().start();
    let client = serve.client("client");
    let before = serve.served_certificate(&client);
    std::fs::write(serve.path("server.crt"), "no certificate").unwrap();
    serve.signal(Signal::HUP);
    serve.wait_for_log("the old TLS files stay in force");
    assert_eq!(serve.served_certificate(&client), before);
}

/// As a service manager may send it that was told "changed" while the server was starting.
#[test]
#[cfg(target_os = "linux")]
fn a_hangup_that_comes_while_it_starts_ends_nothing() {
    if !has_tool("strace") {
        return;
    }
    // Its own system call sends the signal: just before the first client could connect.
    let strace = ["strace", "-D", "-f", "-qqq", "-o", "/dev/null"];
    let hangup = ["-e", "trace=listen", "-e", "inject=listen:signal=HUP"];
    let serve = Serving::mutual().under(&[&strace[..], &hangup].concat()).start();
    serve.wait_for_log("read the TLS files anew");
    assert_eq!(serve.served_certificate(&serve.client("client")), serve.certificate_on_disk());
}
