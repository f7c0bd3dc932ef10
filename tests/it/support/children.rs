//! Child processes for the tests, and the proof that nothing of them is left.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use mcp_secure_remote::channel::Channel;
use mcp_secure_remote::channel::Receiver;
use mcp_secure_remote::limits;
use mcp_secure_remote::message::Message;
use mcp_secure_remote::transport::process::Children;
use mcp_secure_remote::transport::process::Process;
use mcp_secure_remote::transport::process::ProcessConfig;
use mcp_secure_remote::transport::process::watchdog::WatchdogProgram;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::support::watched::LIMIT;

/// Times long enough for whatever ends by itself. No test waits for them.
pub(crate) const PATIENT: Duration = Duration::from_secs(60);

/// A program with arguments.
pub(crate) fn program(name: &str, args: &[&str]) -> ProcessConfig {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ProcessConfig {
        program: name.into(),
        args: args.iter().map(OsString::from).collect(),
        directory: None,
        environment: vec![("PATH".into(), path)],
        max_message: limits::MAX_MESSAGE_BYTES,
        exit_grace: PATIENT,
        kill_grace: PATIENT,
    }
}

/// A shell that runs `script`.
pub(crate) fn shell(script: &str) -> ProcessConfig {
    program("sh", &["-c", script])
}

/// A notification of this method.
pub(crate) fn notification(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#)
}

pub(crate) fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.to_owned())).unwrap()
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.bytes().to_vec()).unwrap()
}

/// The children of one test.
pub(crate) struct Nursery {
    children: Option<Children>,
    born: Mutex<Vec<Born>>,
}

/// What must be gone in the end.
struct Born {
    pid: u32,
    pipes: HashSet<PathBuf>,
}

impl Nursery {
    pub(crate) fn new() -> Self {
        let program = WatchdogProgram::at(env!("CARGO_BIN_EXE_mcp-secure-remote"));
        let children = Children::new(program).expect("a watchdog");
        Self { children: Some(children), born: Mutex::default() }
    }

    pub(crate) fn children(&self) -> &Children {
        self.children.as_ref().expect("not over")
    }

    pub(crate) fn start(&self, config: ProcessConfig) -> Process {
        let launch = config.check().expect("a program");
        let process = self.children().spawn(&launch, "test", ()).expect("a child");
        let pid = process.pid;
        self.born.lock().unwrap().push(Born { pid, pipes: streams_of(pid) });
        process
    }

    /// Waits until all children are gone, and checks that nothing of them is left.
    pub(crate) async fn over(self) {
        timeout(LIMIT, self.children().finished()).await.expect("the children end");
        self.nothing_is_left().await;
    }

    /// As [`Nursery::over`] for children that nobody has told to end.
    pub(crate) async fn dropped(mut self) {
        drop(self.children.take());
        self.nothing_is_left().await;
    }

    async fn nothing_is_left(self) {
        for Born { pid, pipes } in self.born.into_inner().unwrap() {
            until(&format!("end of group {pid}"), || members(pid).is_empty()).await;
            until("end of its pipes", || pipes.is_disjoint(&our_pipes())).await;
        }
    }
}

/// Waits until `is_so`.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "no {what} within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The next message.
pub(crate) async fn next(channel: &mut Channel) -> String {
    text(&receive(&mut channel.receiver).await.expect("a message"))
}

/// The next message, or the end.
pub(crate) async fn receive(receiver: &mut Receiver) -> Option<Message> {
    timeout(LIMIT, receiver.recv()).await.expect("a message or the end in time")
}

/// Sends and gives what comes back.
pub(crate) async fn ask(channel: &mut Channel, line: &str) -> String {
    timeout(LIMIT, channel.sender.send(message(line))).await.expect("room").expect("a child");
    next(channel).await
}

/// Waits for the end of the channel; what came before it, and why it ended.
pub(crate) async fn end(mut channel: Channel) -> (Vec<String>, Option<String>) {
    let mut messages = Vec::new();
    while let Some(message) = receive(&mut channel.receiver).await {
        messages.push(text(&message));
    }
    let reason = channel.receiver.reason();
    (
        messages,
        reason.map(|failure| format!("{}: {}", failure.kind.as_str(), failure.report.line())),
    )
}

/// The members of a group that live, or that we have not waited for: name and state.
#[cfg(target_os = "linux")]
pub(crate) fn members(group: u32) -> Vec<String> {
    let us = std::process::id();
    let of = |pid: String| {
        let (parent, its_group, state, name) = stat(&pid)?;
        let counts = state != "Z" || parent == us;
        (its_group == group && counts).then(|| format!("{pid} {name} {state}"))
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| of(entry.file_name().into_string().ok()?)).collect()
}

/// The processes that `parent` has to wait for, running or not.
#[cfg(target_os = "linux")]
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().into_string().ok());
    let ours = pids.filter(|pid| stat(pid).is_some_and(|stat| stat.0 == parent));
    ours.filter_map(|pid| pid.parse().ok()).collect()
}

/// Whether a group has members; their names are not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn members(group: u32) -> Vec<String> {
    let group = rustix::process::Pid::from_raw(group.cast_signed()).unwrap();
    let lives = rustix::process::test_kill_process_group(group).is_ok();
    lives.then(|| group.to_string()).into_iter().collect()
}

/// Parent, group, state and name of a process.
#[cfg(target_os = "linux")]
fn stat(pid: &str) -> Option<(u32, u32, String, String)> {
    pid.parse::<u32>().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some((fields[1].parse().ok()?, fields[2].parse().ok()?, fields[0].into(), name.into()))
}

/// The pipes that are the three streams of a child; none where the system does not tell. The child
/// may not have let go yet of what else it was born with.
fn streams_of(pid: u32) -> HashSet<PathBuf> {
    let streams = (0..3).map(|number| format!("/proc/{pid}/fd/{number}").into());
    pipes(streams)
}

/// The pipes that we hold.
fn our_pipes() -> HashSet<PathBuf> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return HashSet::new() };
    pipes(entries.flatten().map(|entry| entry.path()))
}

fn pipes(descriptors: impl Iterator<Item = PathBuf>) -> HashSet<PathBuf> {
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("pipe:")).collect()
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
