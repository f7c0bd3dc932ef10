//! The group of processes that a child leads, so that what it starts ends with it.

#[cfg(unix)]
pub(crate) use unix::Group;

#[cfg(not(unix))]
pub(crate) use other::Group;

#[cfg(unix)]
mod unix {
    use rustix::io::Errno;
    use rustix::process::Pid;
    use rustix::process::Signal;
    use rustix::process::WaitOptions;
    use rustix::process::kill_process_group;
    use rustix::process::test_kill_process_group;
    use rustix::process::waitpgid;

    use crate::limits;

    /// A group, by the number of the process that leads or led it. The number belongs to nobody
    /// else as long as a member lives.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Group(Option<Pid>);

    impl Group {
        /// `None` stands for no group at all: neither 0, our own, nor 1 is ever meant.
        pub(crate) fn new(leader: u32) -> Self {
            let leader = i32::try_from(leader).ok().filter(|leader| *leader > 1);
            Self(leader.and_then(Pid::from_raw))
        }

        /// Asks all members to end. Those that are stopped wake up, or they could not.
        pub(crate) fn terminate(self) {
            self.signal(Signal::TERM);
            self.signal(Signal::CONT);
        }

        /// Ends all members.
        pub(crate) fn kill(self) {
            self.signal(Signal::KILL);
        }

        /// Whether no member is left. Only to be asked once the leader was waited for.
        pub(crate) fn is_gone(self) -> bool {
            let Some(group) = self.0 else { return true };
            // Members whose parents are gone are ours where we are the first process of a container.
            while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
            test_kill_process_group(group) == Err(Errno::SRCH)
        }

        /// Waits until no member is left.
        pub(crate) async fn gone(self) {
            let mut pause = *limits::GROUP_CHECK.start();
            while !self.is_gone() {
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(*limits::GROUP_CHECK.end());
            }
        }

        fn signal(self, signal: Signal) {
            if let Some(group) = self.0 {
                // It may be gone already, and what is not ours to end we cannot.
                let _ = kill_process_group(group, signal);
            }
        }
    }
}

#[cfg(not(unix))]
mod other {
    /// There are no groups: the child alone is ended, by its handle.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Group;

    impl Group {
        pub(crate) fn new(_: u32) -> Self {
            Self
        }

        pub(crate) fn terminate(self) {}

        pub(crate) fn kill(self) {}

        pub(crate) fn is_gone(self) -> bool {
            true
        }

        pub(crate) async fn gone(self) {}
    }
}
