//! What the system knows about another process.

use std::fs;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use nix::sys::signal;
use nix::sys::signal::Signal;
use nix::time;
use nix::unistd::Pid;

use crate::run::Fault;

/// Longest wait for anything: the slowest subject needs some seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// A process, by its id. It has to be a child that was not waited for, so that the id is its own.
#[derive(Clone, Copy)]
pub(crate) struct Process(u32);

/// Memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// In RAM.
    pub(crate) resident: f64,
    /// The same, but pages that several processes share are counted in parts.
    pub(crate) proportional: f64,
}

impl Process {
    /// The process of this id.
    pub(crate) fn new(id: u32) -> Self {
        Self(id)
    }

    /// User and system time of all its threads so far, also of those that have ended.
    pub(crate) fn cpu(self) -> Result<Duration, Fault> {
        let clock = time::clock_getcpuclockid(self.pid()?)?;
        Ok(time::clock_gettime(clock)?.into())
    }

    /// Its memory now.
    pub(crate) fn memory(self) -> Result<Memory, Fault> {
        let rollup = self.read("smaps_rollup")?;
        Ok(Memory { resident: bytes(&rollup, "Rss:")?, proportional: bytes(&rollup, "Pss:")? })
    }

    /// Forgets the peak so far.
    pub(crate) fn reset_peak(self) -> Result<(), Fault> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    /// The most memory in RAM since [`Process::reset_peak`], in bytes.
    pub(crate) fn peak(self) -> Result<f64, Fault> {
        bytes(&self.read("status")?, "VmHWM:")
    }

    /// Kills it unless the guard is dropped within some minutes.
    pub(crate) fn watch(self) -> Watch {
        let (guard, dropped) = mpsc::channel::<()>();
        thread::spawn(move || {
            if let (Err(RecvTimeoutError::Timeout), Ok(pid)) =
                (dropped.recv_timeout(LIMIT), self.pid())
            {
                let _ = signal::kill(pid, Signal::SIGKILL);
            }
        });
        Watch(guard)
    }

    fn pid(self) -> Result<Pid, Fault> {
        Ok(Pid::from_raw(self.0.try_into()?))
    }

    fn read(self, file: &str) -> Result<String, Fault> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.0))?)
    }
}

/// While it lives, a process that hangs is killed in the end.
pub(crate) struct Watch(#[allow(dead_code, reason = "dropping it is its message")] Sender<()>);

/// The kibibytes on the line that begins with `name`, as bytes.
fn bytes(text: &str, name: &str) -> Result<f64, Fault> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.ok_or_else(|| format!("the system does not tell `{name}`"))?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}
