//! What is measured: child processes that are called through their standard input and output.

use std::io::Read;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use memchr::memchr_iter;
use memchr::memmem;

use crate::call;
use crate::call::Tool;
use crate::options::Options;
use crate::process::Process;
use crate::run::Fault;
use crate::server::Server;

/// A process that has not ended by then never will.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The bare client over HTTP/2.
    BareH2,
    /// The bare client over HTTP/1.1.
    BareH1,
    /// A stdio server that answers by itself.
    Pipe,
    /// The program over HTTP/2.
    OursH2,
    /// The program over HTTP/1.1.
    OursH1,
    /// The Python tool, which speaks HTTP/1.1 alone.
    Original,
}

impl Subject {
    /// In the order of the columns.
    pub(crate) const ALL: [Self; 6] =
        [Self::BareH2, Self::BareH1, Self::Pipe, Self::OursH2, Self::OursH1, Self::Original];

    /// For tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BareH2 => "bare h2",
            Self::BareH1 => "bare h1",
            Self::Pipe => "pipe",
            Self::OursH2 => "ours h2",
            Self::OursH1 => "ours h1",
            Self::Original => "original",
        }
    }

    /// Whether it speaks MCP on its standard input; the bare client is told by other lines.
    fn is_stdio(self) -> bool {
        !matches!(self, Self::BareH1 | Self::BareH2)
    }

    fn command(self, options: &Options, server: &Server) -> Result<Command, Fault> {
        let me = || std::env::current_exe().map(Command::new);
        let folder = server.folder();
        let mut command = match self {
            Self::BareH2 => {
                let mut command = me()?;
                command.args(["bare", "h2", &server.http2]).arg(folder);
                command
            }
            Self::BareH1 => {
                let mut command = me()?;
                command.args(["bare", "h1", &server.http1]).arg(folder);
                command
            }
            Self::Pipe => {
                let mut command = me()?;
                command.arg("pipe");
                command
            }
            Self::OursH1 | Self::OursH2 => {
                let url = if self == Self::OursH1 { &server.http1 } else { &server.http2 };
                let mut command = Command::new(&options.program);
                command.args([url, "--silent", "--tls-ca-only", "--max-message-size", "128MiB"]);
                command
            }
            Self::Original => {
                let program = options.original.as_ref().ok_or("the original is not installed")?;
                let mut command = Command::new(program);
                command.arg(&server.http1);
                command
            }
        };
        if matches!(self, Self::OursH1 | Self::OursH2 | Self::Original) {
            command.arg("--tls-cert").arg(folder.join("client.pem"));
            command.arg("--tls-key").arg(folder.join("client.key"));
            command.arg("--tls-ca").arg(folder.join("ca.pem"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(command)
    }
}

/// A subject that runs.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    room: Vec<u8>,
    stdio: bool,
    calls: u64,
    /// From spawn to the complete answer to `initialize`.
    pub(crate) start: Start,
}

/// What a start cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Start {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Time on the wall.
    pub(crate) wall: Duration,
}

impl Running {
    /// Spawns the subject and opens the conversation.
    pub(crate) fn start(
        subject: Subject,
        options: &Options,
        server: &Server,
    ) -> Result<Self, Fault> {
        let mut command = subject.command(options, server)?;
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut running = Self {
            input: child.stdin.take(),
            child,
            output,
            room: vec![0; 256 * 1024],
            stdio: subject.is_stdio(),
            calls: 0,
            start: Start::default(),
        };
        let _watch = running.process().watch();
        if running.stdio {
            running.write(&format!("{}\n", call::initialize()))?;
        }
        running.read_line()?;
        running.start = Start { wall: begun.elapsed(), cpu: running.process().cpu()? };
        if running.stdio {
            running.write(&format!("{}\n", call::INITIALIZED))?;
        }
        Ok(running)
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Calls `tool` so many times, one after the other; the time of each.
    pub(crate) fn sequence(&mut self, tool: Tool, count: usize) -> Result<Vec<Duration>, Fault> {
        let _watch = self.process().watch();
        if !self.stdio {
            self.write(&format!("sequence {} {count}\n", tool.name()))?;
            return self.read_times();
        }
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let line = self.next_request(tool);
            let begun = Instant::now();
            self.write(&line)?;
            let mut missing = tool.answers();
            while missing > 0 {
                missing = missing.saturating_sub(self.read_answers()?);
            }
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    /// Calls `tool` so many times with `in_flight` calls at any moment; the time of all together.
    pub(crate) fn flood(
        &mut self,
        tool: Tool,
        count: usize,
        in_flight: usize,
    ) -> Result<Duration, Fault> {
        let _watch = self.process().watch();
        if !self.stdio {
            self.write(&format!("flood {} {count} {in_flight}\n", tool.name()))?;
            return Ok(self.read_times()?.iter().sum());
        }
        let begun = Instant::now();
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            let room = (in_flight - (sent - answered)).min(count - sent);
            let lines: String = (0..room).map(|_| self.next_request(tool)).collect();
            self.write(&lines)?;
            sent += room;
            answered += self.read_answers()?;
        }
        Ok(begun.elapsed())
    }

    /// Closes its standard input; how long it takes to end. `None` if it had to be killed.
    pub(crate) fn end(mut self) -> Result<Option<Duration>, Fault> {
        let begun = Instant::now();
        drop(self.input.take());
        while begun.elapsed() < END_LIMIT {
            if self.child.try_wait()?.is_some() {
                return Ok(Some(begun.elapsed()));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(None)
    }

    fn next_request(&mut self, tool: Tool) -> String {
        self.calls += 1;
        let mut line = tool.request(self.calls);
        line.push('\n');
        line
    }

    fn write(&mut self, text: &str) -> Result<(), Fault> {
        let input = self.input.as_mut().ok_or("the input is closed")?;
        Ok(input.write_all(text.as_bytes())?)
    }

    /// Reads what there is; how many lines ended in it.
    fn read_answers(&mut self) -> Result<usize, Fault> {
        let read = self.output.read(&mut self.room)?;
        let read = &self.room[..read];
        if read.is_empty() {
            return Err("it ended before it answered".into());
        }
        // At the beginning alone: a large text is read for its time.
        let start = &read[..read.len().min(1024)];
        if memmem::find(start, b"\"error\"").is_some() {
            return Err(String::from_utf8_lossy(start).into());
        }
        Ok(memchr_iter(b'\n', read).count())
    }

    fn read_line(&mut self) -> Result<String, Fault> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let read = self.output.read(&mut self.room)?;
            if read == 0 {
                return Err("it ended before it answered".into());
            }
            line.extend_from_slice(&self.room[..read]);
        }
        Ok(String::from_utf8(line)?)
    }

    fn read_times(&mut self) -> Result<Vec<Duration>, Fault> {
        let line = self.read_line()?;
        let times = line.split_whitespace().map(|nanos| nanos.parse().map(Duration::from_nanos));
        Ok(times.collect::<Result<_, _>>()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
