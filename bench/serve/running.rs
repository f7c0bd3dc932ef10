//! A server that runs, in a process of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::files;
use crate::link::Place;
use crate::options::Options;
use crate::process::Process;
use crate::process::Watch;
use crate::run::Fault;
use crate::subject::Subject;

/// Longest wait for a server to listen.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A server; dropping it kills it, and its children see their input end.
pub(crate) struct Running {
    child: Child,
    /// Where it listens.
    pub(crate) place: Place,
    #[allow(dead_code, reason = "dropping it is its message")]
    watch: Watch,
}

impl Running {
    /// Spawns the subject and waits until it listens.
    pub(crate) fn start(subject: Subject, options: &Options, folder: &Path) -> Result<Self, Fault> {
        let mut command = subject.command(options, folder)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let watch = Process::new(child.id()).watch();
        let (told, port) = mpsc::channel();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|it| Box::new(it) as _),
            child.stderr.take().map(|it| Box::new(it) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let told = told.clone();
            thread::spawn(move || drain(output, &told));
        }
        drop(told);
        let port = port.recv_timeout(START_LIMIT);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or_default()));
        let protocol: &[u8] = if subject.is_http2 { b"h2" } else { b"http/1.1" };
        let tls = subject.is_secure().then(|| files::connector(folder, protocol)).transpose()?;
        let place = Place { address, tls, is_http2: subject.is_http2 };
        let running = Self { child, place, watch };
        if address.port() == 0 { Err("it does not listen".into()) } else { Ok(running) }
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all that a server says, so that it never waits for a reader, and tells its port.
fn drain(output: Box<dyn Read + Send>, told: &mpsc::Sender<u16>) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        if let Some(port) = port(&String::from_utf8_lossy(&line)) {
            // Only the first one counts.
            let _ = told.send(port);
        }
    }
}

/// The port in `127.0.0.1:8623`, or in `LISTENING 8623`.
fn port(line: &str) -> Option<u16> {
    let rest = line
        .split_once("127.0.0.1:")
        .or_else(|| line.split_once("LISTENING "))
        .map(|(_, rest)| rest)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok().filter(|port| *port > 0)
}
