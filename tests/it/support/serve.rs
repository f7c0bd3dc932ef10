//! A running `serve` with scripted servers behind it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::Location;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustls::ClientConnection;
use rustls::StreamOwned;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;

use crate::support::http;
use crate::support::pipes;
use crate::support::pipes::Reads;
use crate::support::pipes::Seen;
use crate::support::pki;
use crate::support::pki::Ca;
use crate::support::pki::Leaf;
use crate::support::scripted;
use crate::support::watched::LIMIT;
use crate::support::watched::Watched;

/// A command line of `serve`.
pub(crate) struct Serving {
    under: Vec<String>,
    flags: Vec<String>,
    child: Vec<String>,
    folder: TempDir,
    ca: Option<Ca>,
}

/// A running server. Dropping it kills it, and shows what it said if the test fails.
pub(crate) struct Serve {
    pub(crate) address: SocketAddr,
    /// Who issues the certificates, where TLS is spoken.
    pub(crate) ca: Option<Ca>,
    pub(crate) folder: TempDir,
    pid: u32,
    seen: Arc<Watched<Seen>>,
}

impl Serving {
    /// In clear text on loopback.
    pub(crate) fn plain() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = ["--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
        Self { under: Vec::new(), flags, child: Vec::new(), folder, ca: None }
    }

    /// Over TLS, with a certificate demanded of each client.
    pub(crate) fn mutual() -> Self {
        let (mut serving, ca) = (Self::plain(), Ca::new("test CA"));
        serving.write_identity(&ca.server(&["localhost"]));
        pki::write(&serving.folder, "ca.crt", ca.pem());
        let files = [
            ("--tls-cert", "server.crt"),
            ("--tls-key", "server.key"),
            ("--tls-client-ca", "ca.crt"),
        ];
        for (flag, file) in files {
            let path = serving.folder.path().join(file).display().to_string();
            serving = serving.flag(flag, path);
        }
        serving.ca = Some(ca);
        serving
    }

    /// Over TLS, without a certificate demanded of anybody: for tools that have none.
    pub(crate) fn tls() -> Self {
        let (mut serving, ca) = (Self::plain(), Ca::new("test CA"));
        serving.write_identity(&ca.server(&["localhost"]));
        for (flag, file) in [("--tls-cert", "server.crt"), ("--tls-key", "server.key")] {
            let path = serving.folder.path().join(file).display().to_string();
            serving = serving.flag(flag, path);
        }
        serving.ca = Some(ca);
        serving
    }

    /// The files of the test can be read and changed by every user.
    pub(crate) fn let_everybody_in(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        let log = path.join("child.log");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
    }

    fn write_identity(&self, leaf: &Leaf) {
        pki::write(&self.folder, "server.crt", leaf.chain_pem());
        pki::write(&self.folder, "server.key", leaf.key.serialize_pem());
    }

    pub(crate) fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.flags.extend([name.to_owned(), value.to_string()]);
        self
    }

    pub(crate) fn switch(mut self, name: &str) -> Self {
        self.flags.push(name.to_owned());
        self
    }

    /// A flag of the scripted server.
    pub(crate) fn child(mut self, flag: &str) -> Self {
        self.child.push(flag.to_owned());
        self
    }

    /// Under another program that takes the command as its last arguments.
    pub(crate) fn under(mut self, tool: &[&str]) -> Self {
        self.under = tool.iter().map(|&word| word.to_owned()).collect();
        self
    }

    #[track_caller]
    pub(crate) fn start(self) -> Serve {
        let log = self.folder.path().join("child.log");
        fs::write(&log, "").unwrap();
        let program = env!("CARGO_BIN_EXE_mcp-secure-remote");
        let mut words = self.under.iter().map(String::as_str).chain([program, "serve"]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(&self.flags).arg("--").arg(scripted::program());
        command.arg("--log").arg(&log).args(&self.child).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        let pid = child.id();
        let (_input, seen) = pipes::attend(child, Reads::On);
        let address = seen.wait("address in the log", |seen| {
            assert!(seen.exit.is_none(), "the server did not start: {}", seen.errors);
            let line = seen.errors.lines().find(|line| line.contains("listening on "))?;
            line.rsplit("://").next()?.split('/').next()?.parse().ok()
        });
        Serve { address, ca: self.ca, folder: self.folder, pid, seen }
    }
}

impl Serve {
    /// In clear text on loopback, with nothing special about it.
    #[track_caller]
    pub(crate) fn plain() -> Self {
        Serving::plain().start()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// A client certificate that it trusts.
    pub(crate) fn client(&self, name: &str) -> Leaf {
        self.ca.as_ref().unwrap().client(name)
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.ca.as_ref().unwrap().der()
    }

    /// Replaces the server's certificate and key.
    pub(crate) fn replace_identity(&self) {
        let leaf = self.ca.as_ref().unwrap().server(&["localhost"]);
        pki::write(&self.folder, "server.crt", leaf.chain_pem());
        pki::write(&self.folder, "server.key", leaf.key.serialize_pem());
    }

    /// The certificate that it shows to who connects now.
    pub(crate) fn served_certificate(&self, leaf: &Leaf) -> CertificateDer<'static> {
        let socket = TcpStream::connect(self.address).unwrap();
        let config = Arc::new(http::config(self, Some(leaf)));
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(config, name).unwrap();
        let mut stream = StreamOwned::new(client, socket);
        stream.flush().expect("a handshake");
        stream.conn.peer_certificates().expect("a certificate")[0].clone().into_owned()
    }

    /// The certificate that lies in its file.
    pub(crate) fn certificate_on_disk(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path("server.crt")).unwrap()
    }

    /// A path in a folder of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.seen.lock().errors.clone()
    }

    /// Waits until it has logged `text`.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.seen.wait(&format!("`{text}` in the log"), |seen| {
            let said = seen.errors.contains(text);
            assert!(said || seen.exit.is_none(), "it has ended: {}", seen.errors);
            said.then_some(())
        });
    }

    /// What came into all its children, line by line.
    pub(crate) fn child_log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("child.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// How many children it has started.
    pub(crate) fn started(&self) -> usize {
        self.child_log().iter().filter(|line| line.starts_with("start ")).count()
    }

    /// How many lines with this in them have come into its children.
    pub(crate) fn received(&self, text: &str) -> usize {
        self.child_log().iter().filter(|line| line.contains(text)).count()
    }

    /// The processes that it has started and that are not reaped, without the watchdog.
    pub(crate) fn children(&self) -> Vec<u32> {
        let children = children_of(self.pid).into_iter();
        children.filter(|pid| !command_line(*pid).contains("watch-children")).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may be gone already.
        let _ = rustix::process::kill_process(pid(self.pid), signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn exit(&self) -> ExitStatus {
        self.seen.wait("end of the program", |seen| seen.exit)
    }

    /// As [`Serve::exit`], for an end that may not come within `limit`.
    pub(crate) fn exits_within(&self, limit: Duration) -> Option<ExitStatus> {
        self.seen.wait_for(limit, |seen| seen.exit)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.seen.lock().exit.is_some()
    }

    /// Asks it to stop, and gives its exit code.
    #[track_caller]
    pub(crate) fn stop(&self) -> Option<i32> {
        self.signal(Signal::TERM);
        let exit = self.exit();
        assert_eq!(exit.signal(), None, "it ended by a signal: {}", self.log());
        exit.code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(10_000);
            eprintln!(
                "the server said, at last:\n{}",
                String::from_utf8_lossy(&log.as_bytes()[from..])
            );
            let lines = self.child_log();
            let lines: Vec<_> = lines.iter().rev().take(40).rev().collect();
            eprintln!("its children saw: {lines:#?}");
        }
        if !self.has_ended() {
            self.signal(Signal::KILL);
            self.exit();
        }
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// Sends SIGKILL to a process that the server started.
pub(crate) fn kill(number: u32) {
    let _ = rustix::process::kill_process(pid(number), Signal::KILL);
}

/// The processes whose parent is `parent`, zombies included.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")));
    lists.flatten().flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn command_line(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

/// Whether a process runs; a zombie does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Whether the command line of a live process mentions `path`.
pub(crate) fn somebody_runs_with(path: &Path) -> bool {
    let path = path.display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_alive(*pid)).any(|pid: u32| command_line(pid).contains(&path))
}

/// Open descriptors, threads and resident bytes of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) resident: usize,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { descriptors: count("fd"), threads: count("task"), resident: kilobytes * 1024 }
    }
}

/// Looks again and again until `ready` gives something: for what other processes do, who ring no
/// bell.
#[track_caller]
pub(crate) fn until<R>(what: &str, mut ready: impl FnMut() -> Option<R>) -> R {
    let place = Location::caller();
    let ready = until_within(LIMIT, &mut ready);
    ready.unwrap_or_else(|| panic!("no {what} within {LIMIT:?}, at {place}"))
}

/// The same, but not longer than `limit`, and it may be in vain.
pub(crate) fn until_within<R>(limit: Duration, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
    let end = Instant::now() + limit;
    loop {
        let result = ready();
        if result.is_some() || Instant::now() >= end {
            return result;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a tool is installed; says so where it is not, and fails in CI.
pub(crate) fn has_tool(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(OsStr::new(name)).is_file());
    let strict = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(found || !strict, "{name} is not installed");
    if !found {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}
