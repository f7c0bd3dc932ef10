//! A process group, which is known by a number.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use rustix::process::kill_process_group;
use rustix::process::test_kill_process_group;
use rustix::process::waitpgid;
use tokio::process::Child;

/// A group, by the number of the process that leads or led it. The number belongs to nobody
/// else as long as a member lives.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// For how long a group may outlive its leader before it is asked to end.
    pub(crate) const LINGERS: Duration = Duration::ZERO;

    /// The group that a child was started in.
    ///
    /// # Errors
    /// None on Unix.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        Ok(Self::led_by(child.id().unwrap_or_default()))
    }

    /// Numbers that stand for no group at all are let be: neither 0, our own, nor 1 is ever meant.
    pub(crate) fn led_by(leader: u32) -> Self {
        let leader = i32::try_from(leader).ok().filter(|leader| *leader > 1);
        Self(leader.and_then(Pid::from_raw))
    }

    /// Asks all members to end. Those that are stopped wake up, or they could not. Whether they
    /// could be asked: they always can.
    pub(crate) fn terminate(&self) -> bool {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
        true
    }

    /// Ends all members.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Whether no member is left. Only to be asked once the leader was waited for.
    pub(crate) fn is_gone(&self) -> bool {
        let Some(group) = self.0 else { return true };
        // Members whose parents are gone are ours where we are the first process of a container.
        while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
        test_kill_process_group(group) == Err(Errno::SRCH)
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may be gone already, and what is not ours to end we cannot.
            let _ = kill_process_group(group, signal);
        }
    }
}
