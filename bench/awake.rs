//! Keeps the cores from sleeping: one busy process a core, which runs only when nobody else wants to.
//!
//! To wake a core that sleeps takes some 30 us in a virtual machine, much longer than all the work of
//! a call, and which of the processes wakes which core is a matter of luck.

use std::hint;
use std::process::Child;
use std::process::Command;
use std::thread;

use crate::run::Fault;

/// The busy processes; dropping it ends them.
pub(crate) struct Awake(Vec<Child>);

impl Awake {
    /// Starts one process for each core, in the scheduling class `SCHED_IDLE`.
    pub(crate) fn start() -> Result<Self, Fault> {
        let mut awake = Self(Vec::new());
        for _ in 0..thread::available_parallelism()?.get() {
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(std::env::current_exe()?).arg("spin");
            awake.0.push(command.spawn().map_err(|error| format!("cannot start `chrt`: {error}"))?);
        }
        Ok(awake)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A busy process: until it is killed, or left alone.
pub(crate) fn run() -> Result<(), Fault> {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        (0..10_000_000).for_each(|_| hint::spin_loop());
    }
    Ok(())
}
