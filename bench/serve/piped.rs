//! The stdio server without any network: the price of two pipes.

use std::io::Read;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::call::Tool;
use crate::process::Process;
use crate::run::Fault;

/// A child that is asked through its pipes.
pub(crate) struct Piped {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    room: Vec<u8>,
    calls: u64,
}

impl Piped {
    /// Starts it.
    pub(crate) fn start() -> Result<Self, Fault> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("pipe").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = child.stdout.take().ok_or("no output")?;
        Ok(Self { child, input, output, room: vec![0; 256 * 1024], calls: 0 })
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Calls `tool` so many times, one after the other; the time of each.
    pub(crate) fn sequence(&mut self, tool: Tool, count: usize) -> Result<Vec<Duration>, Fault> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            self.calls += 1;
            let mut line = tool.request_with("{}", self.calls);
            line.push('\n');
            let begun = Instant::now();
            self.input.write_all(line.as_bytes())?;
            self.read_line()?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    fn read_line(&mut self) -> Result<(), Fault> {
        loop {
            let read = self.output.read(&mut self.room)?;
            if read == 0 {
                return Err("it ended before it answered".into());
            }
            if self.room[read - 1] == b'\n' {
                return Ok(());
            }
        }
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
