//! What concerns a whole process with its children: its limits, its books, and its own violent end.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use mcp_secure_remote::report::Kind;
use mcp_secure_remote::transport::process::Process;
use mcp_secure_remote::transport::process::ProcessConfig;
use mcp_secure_remote::transport::process::watchdog;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Signal;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use tokio::runtime::Handle;

use crate::support::alone;
use crate::support::children::Nursery;
use crate::support::children::ask;
use crate::support::children::children_of;
use crate::support::children::end;
use crate::support::children::members;
use crate::support::children::next;
use crate::support::children::notification;
use crate::support::children::program;
use crate::support::children::shell;
use crate::support::children::signal;
use crate::support::children::until;
use crate::support::log::Log;
use crate::support::watched::LIMIT;

/// Ends by nothing but SIGKILL, and says so once it is there.
const IMMORTAL: &str = r#"trap '' TERM HUP INT; (while :; do sleep 1000 & wait; done) &
    echo '{"jsonrpc":"2.0","method":"ready"}'; while :; do sleep 1000 & wait; done"#;

/// Descriptors, tasks and processes.
fn books() -> (usize, usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let tasks = Handle::current().metrics().num_alive_tasks();
    (descriptors, tasks, children_of(std::process::id()).len())
}

/// Resident memory, in bytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// One child in one of the ways to leave it.
async fn live_and_end(nursery: &Nursery, number: usize) {
    let mut config = program("cat", &[]);
    config.exit_grace = Duration::ZERO;
    let mut child = nursery.start(config);
    let line = notification(&number.to_string());
    match number % 4 {
        0 => {}
        1 => assert_eq!(ask(&mut child.channel, &line).await, line),
        2 => {
            signal(child.pid, Signal::KILL);
            assert!(end(child.channel).await.1.is_some());
        }
        _ => {
            signal(child.pid, Signal::STOP);
            assert!(child.channel.receiver.reason().is_none());
        }
    }
}

#[tokio::test]
async fn a_thousand_children_leave_nothing_behind() {
    if !alone::run("process_alone::a_thousand_children_leave_nothing_behind") {
        return;
    }
    let nursery = Nursery::new();
    for number in 0..100 {
        live_and_end(&nursery, number).await;
    }
    nursery.children().finished().await;
    until("quiet", || Handle::current().metrics().num_alive_tasks() == 1).await;
    let (before, memory_before) = (books(), memory());
    for number in 0..1000 {
        live_and_end(&nursery, number).await;
    }
    nursery.children().finished().await;
    until("the books as before", || books() == before).await;
    let grown = memory().saturating_sub(memory_before);
    assert!(grown < 2 * 1024 * 1024, "{grown} bytes");
    assert_eq!(nursery.children().counts().spawned, 1100);
    nursery.over().await;
}

/// A child, or how it failed.
fn try_to_start(nursery: &Nursery, config: &ProcessConfig) -> Result<Process, (Kind, bool)> {
    let launch = config.clone().check().unwrap();
    let started = nursery.children().spawn(&launch, "test", ());
    started.map_err(|failure| (failure.kind, failure.retry_safe))
}

#[tokio::test]
async fn without_descriptors_no_child_starts_and_with_some_again_it_does() {
    if !alone::run("process_alone::without_descriptors_no_child_starts_and_with_some_again_it_does")
    {
        return;
    }
    let nursery = Nursery::new();
    let cat = program("cat", &[]);
    drop(try_to_start(&nursery, &cat).unwrap());
    nursery.children().finished().await;
    until("quiet", || Handle::current().metrics().num_alive_tasks() == 1).await;
    let before = books();
    for limit in 40..64 {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum }).unwrap();
        let mut children = Vec::new();
        let failure = loop {
            match try_to_start(&nursery, &cat) {
                Ok(child) => children.push(child),
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure, (Kind::Overloaded, true));
        assert!(children.len() > 2);
        for child in &mut children {
            let line = notification("still there");
            assert_eq!(ask(&mut child.channel, &line).await, line);
        }
        drop(children);
        nursery.children().finished().await;
        until("the books as before", || books() == before).await;
    }
    nursery.over().await;
}

#[tokio::test]
async fn when_no_process_can_be_made_that_is_overload_and_passes() {
    const NAME: &str = "process_alone::when_no_process_can_be_made_that_is_overload_and_passes";
    if !alone::is_alone() {
        // The limit does not hold for an administrator.
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let tool = if rustix::process::getuid().is_root() { &nobody[..] } else { &[] };
        let output = alone::under(tool, NAME).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        if matches!(output.status.code(), Some(126 | 127)) {
            return println!("LEFT OUT: nobody else may run this program");
        }
        return assert!(text.contains("1 passed"), "{text}");
    }
    let nursery = Nursery::new();
    let cat = program("cat", &[]);
    let before = getrlimit(Resource::Nproc);
    setrlimit(Resource::Nproc, Rlimit { current: Some(1), maximum: before.maximum }).unwrap();
    assert_eq!(try_to_start(&nursery, &cat).unwrap_err(), (Kind::Overloaded, true));
    setrlimit(Resource::Nproc, before).unwrap();
    drop(try_to_start(&nursery, &cat).unwrap());
    nursery.over().await;
}

/// Killed when it is dropped, also by a test that fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only where it is dead already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// This test is both: the one that watches, and the server that it kills.
#[tokio::test]
async fn when_the_server_is_killed_its_children_are_ended_with_all_they_started() {
    const NAME: &str =
        "process_alone::when_the_server_is_killed_its_children_are_ended_with_all_they_started";
    if alone::is_alone() {
        let nursery = Nursery::new();
        let gone = nursery.start(program("cat", &[]));
        drop(gone);
        nursery.children().finished().await;
        let mut children: Vec<_> = (0..3).map(|_| nursery.start(shell(IMMORTAL))).collect();
        for child in &mut children {
            next(&mut child.channel).await;
            println!("\ngroup {}", child.pid);
        }
        println!("\nwatchdog {}", watchdog_of(std::process::id()).unwrap());
        return std::future::pending().await;
    }
    let mut server = Server(alone::command(NAME).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut number = |what: &str| {
        let found = lines.find_map(|line| line.strip_prefix(what)?.trim().parse::<u32>().ok());
        found.expect("a number")
    };
    let groups: Vec<u32> = (0..3).map(|_| number("group")).collect();
    let watchdog = number("watchdog");
    assert!(groups.iter().all(|group| members(*group).len() > 1));
    // A service manager tells all of them, and the watchdog stays until its work is done.
    for name in [Signal::TERM, Signal::INT, Signal::HUP] {
        signal(watchdog, name);
    }
    drop(server);
    for group in groups {
        until("end of the group", || members(group).is_empty()).await;
    }
    until("end of the watchdog", || members(watchdog).is_empty()).await;
}

/// The process of ours that is the watchdog.
fn watchdog_of(parent: u32) -> Option<u32> {
    let is_watchdog = |pid: &u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains(watchdog::VERB)
    };
    children_of(parent).into_iter().find(is_watchdog)
}

/// Again both: a server whose watchdog was killed before it was killed itself.
#[tokio::test]
async fn a_watchdog_that_is_lost_is_replaced_and_told_all() {
    const NAME: &str = "process_alone::a_watchdog_that_is_lost_is_replaced_and_told_all";
    if alone::is_alone() {
        let log = Log::new();
        let us = std::process::id();
        let nursery = Nursery::new();
        let mut child = nursery.start(shell(IMMORTAL));
        next(&mut child.channel).await;
        let first = watchdog_of(us).unwrap();
        signal(first, Signal::KILL);
        // Without a pause: our clock stands still until there is another one.
        tokio::time::pause();
        let end = Instant::now() + LIMIT;
        while watchdog_of(us).is_none_or(|pid| pid == first) {
            assert!(Instant::now() < end, "no other watchdog within {LIMIT:?}");
            tokio::task::yield_now().await;
        }
        tokio::time::resume();
        assert!(log.has("lost the watchdog"));
        println!("\ngroup {}", child.pid);
        return std::future::pending().await;
    }
    let mut server = Server(alone::command(NAME).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let group = lines.find_map(|line| line.strip_prefix("group ")?.parse().ok()).unwrap();
    assert!(!members(group).is_empty(), "no watchdog ends what lives");
    drop(server);
    until("end of the group", || members(group).is_empty()).await;
}
