//! Processes of peers: each is bounded in time, killed by its id, and quiet unless its test fails.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::mem;
use std::net::TcpListener;
use std::process;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// From the start of a server to its `LISTENING` line; an interpreter needs 1 s on an idle machine.
const START: Duration = Duration::from_secs(60);
/// For a line that a server is about to log.
const LOG_LINE: Duration = Duration::from_secs(10);

/// A server that runs until it is dropped.
pub(crate) struct Server {
    command: Command,
    child: Child,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    log: Arc<Log>,
}

impl Server {
    /// Starts it and waits for the line `LISTENING <port>` on one of its two outputs.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_when(command, |line| line.strip_prefix("LISTENING ")?.parse().ok())
    }

    /// Starts it and waits for a line which tells that it listens, and where.
    pub(crate) fn start_when(
        mut command: Command,
        ready: impl Fn(&str) -> Option<u16> + Clone + Send + 'static,
    ) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Log::default());
        let (found, port) = mpsc::channel();
        log.follow(child.stdout.take().unwrap(), ready.clone(), found.clone());
        log.follow(child.stderr.take().unwrap(), ready, found);
        let Ok(port) = port.recv_timeout(START) else {
            let _ = child.kill();
            panic!("not ready: {command:?}\n{}", log.text.lock().unwrap());
        };
        Self { command, child, port, log }
    }

    /// Kills it and starts it again on the same port, which it has to take from `PORT`.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = mem::replace(&mut self.command, Command::new("true"));
        command.env("PORT", self.port.to_string());
        *self = Self::start(command);
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether this text has been logged, or will be within a moment.
    pub(crate) fn logs(&self, text: &str) -> bool {
        let log = self.log.text.lock().unwrap();
        let absent = |log: &mut String| !log.contains(text);
        !self.log.grown.wait_timeout_while(log, LOG_LINE, absent).unwrap().1.timed_out()
    }

    /// Whether this text has been logged.
    pub(crate) fn logged(&self, text: &str) -> bool {
        self.log.text.lock().unwrap().contains(text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- server on port {}:\n{}", self.port, self.log.text.lock().unwrap());
        }
    }
}

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn follow(
        self: &Arc<Self>,
        output: impl Read + Send + 'static,
        ready: impl Fn(&str) -> Option<u16> + Send + 'static,
        found: mpsc::Sender<u16>,
    ) {
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(port) = ready(&line) {
                    let _ = found.send(port);
                }
                *log.text.lock().unwrap() += &(line + "\n");
                log.grown.notify_all();
            }
        });
    }
}

/// A free port below those that systems give to outgoing connections: while its server is away,
/// nobody else takes it.
pub(crate) fn lasting_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Another test binary that runs at the same time begins elsewhere.
        let step = NEXT.fetch_add(1, Ordering::Relaxed) + process::id() * 97;
        let port = 20_000 + (step % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A command that ran to its end.
pub(crate) struct Finished {
    /// The exit code; none after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command with this on its standard input, which is then closed. Panics at the limit.
pub(crate) fn run(command: Command, input: &str, limit: Duration) -> Finished {
    let shown = format!("{command:?}");
    try_run(command, input, limit).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// The same, where the program may be missing.
pub(crate) fn try_run(mut command: Command, input: &str, limit: Duration) -> io::Result<Finished> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    thread::spawn(move || stdin.write_all(input.as_bytes())); // an early exit is no fault of ours
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let (Ok(stdout), Ok(stderr)) = (stdout.recv_timeout(limit), stderr.recv_timeout(limit)) else {
        let _ = child.kill();
        let said = stderr.recv_timeout(LOG_LINE).unwrap_or_default();
        panic!("not finished within {limit:?}: {command:?}\n{said}");
    };
    Ok(Finished { code: child.wait()?.code(), stdout, stderr })
}

fn collect(mut output: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
