//! A child from its start to its end: on every path its input is closed, then it is asked to end, then
//! it is ended, and its whole group with it.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::auth::Label;
use crate::limits;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::process::census::Census;
use crate::transport::process::census::count;
use crate::transport::process::course::Course;
use crate::transport::process::course::Stage;
use crate::transport::process::group::Group;
use crate::transport::process::watchdog::Watchdog;

/// The group of a child, in all the books. However this goes, what is left of the group is ended,
/// and the books are closed.
pub(crate) struct Registration {
    pid: u32,
    group: Group,
    is_gone: bool,
    pub(crate) census: Arc<Census>,
    watchdog: Arc<Watchdog>,
    // What it takes up elsewhere.
    _held: Box<dyn Send>,
}

impl Registration {
    /// `held` is dropped when the group is gone.
    pub(crate) fn new(
        pid: u32,
        group: Group,
        census: Arc<Census>,
        watchdog: Arc<Watchdog>,
        held: impl Send + 'static,
    ) -> Self {
        watchdog.add(pid);
        census.begin();
        Self { pid, group, is_gone: false, census, watchdog, _held: Box::new(held) }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.is_gone {
            self.group.kill();
        }
        self.watchdog.remove(self.pid);
        self.census.end();
    }
}

/// What a life needs.
pub(crate) struct Life {
    pub(crate) child: Child,
    pub(crate) registration: Registration,
    pub(crate) course: Arc<Course>,
    pub(crate) exit_grace: Duration,
    pub(crate) kill_grace: Duration,
    pub(crate) label: Label,
}

impl Life {
    /// Waits for the end and sees to it. Then tells `exit` why it ended, if nobody had asked for it.
    /// `last_words` is what the child said last on standard error.
    pub(crate) async fn run(
        mut self,
        last_words: oneshot::Receiver<Option<String>>,
        exit: oneshot::Sender<Option<Failure>>,
    ) {
        let begun = Instant::now();
        let way = self.way().await;
        let lived = begun.elapsed();
        let stage = self.course.stage();
        // What was not written yet will not be read any more.
        self.course.reach(Stage::Condemned);
        self.clear_away(way).await;
        let status = self.status().await;
        let Self { registration, course, label, .. } = self;
        let census = Arc::clone(&registration.census);
        census.exit(status);
        drop(registration);
        course.reach(Stage::Gone);
        let words = last_words.await.ok().flatten();
        let failure = verdict(stage, way, status, words);
        let (session, peer) = (label.session(), label.peer());
        if failure.is_some() && lived < limits::STEADY {
            census.early_end.notify_one();
        }
        match &failure {
            Some(failure) => tracing::warn!(session, peer, "{}", failure.report.line()),
            None => tracing::debug!(session, peer, "the server process has ended"),
        }
        // Nobody may want to know.
        let _ = exit.send(failure);
    }

    /// Waits for the end of the child, or of its time: it has all there is, until the conversation
    /// is over.
    async fn way(&mut self) -> Way {
        tokio::select! {
            biased;
            _ = self.child.wait() => return Way::Exits,
            () = self.course.reached(Stage::Mute) => {}
        }
        let end = Instant::now() + self.exit_grace;
        let notice = limits::EXIT_NOTICE.min(self.exit_grace);
        let exits = tokio::select! {
            biased;
            _ = self.child.wait() => return Way::Exits,
            () = self.course.reached(Stage::Unwanted) => Way::Exits,
            () = tokio::time::sleep(notice) => Way::FallsSilent,
        };
        tokio::select! {
            biased;
            _ = self.child.wait() => exits,
            () = self.course.reached(Stage::Condemned) => Way::IsEnded,
            () = tokio::time::sleep_until(end) => Way::IsEnded,
        }
    }

    /// Ends what is left of the group.
    async fn clear_away(&mut self, way: Way) {
        let lingers = if way == Way::IsEnded { Duration::ZERO } else { Group::LINGERS };
        if self.is_gone_within(lingers).await {
            return;
        }
        count(&self.registration.census.terminated);
        if self.registration.group.terminate() && self.is_gone_within(self.kill_grace).await {
            return;
        }
        count(&self.registration.census.killed);
        // It may have left its group. On Windows its status then says that it did not end by itself.
        let _ = self.child.start_kill();
        self.registration.group.kill();
        if !self.is_gone_within(limits::KILL_WAIT).await {
            let pid = self.registration.pid;
            let (session, peer) = (self.label.session(), self.label.peer());
            tracing::warn!(session, peer, "not all of the process group {pid} could be ended");
        }
    }

    /// Whether the child and its group end in time. The child first: whether others are left can
    /// only be seen once it was waited for.
    async fn is_gone_within(&mut self, limit: Duration) -> bool {
        let Self { child, registration, .. } = self;
        let gone = async {
            let _ = child.wait().await;
            registration.group.gone().await;
        };
        let is_gone = timeout(limit, gone).await.is_ok();
        registration.is_gone = is_gone;
        is_gone
    }

    /// How the child has ended; `None` if it has not, or nobody knows.
    async fn status(&mut self) -> Option<ExitStatus> {
        timeout(Duration::ZERO, self.child.wait()).await.ok()?.ok()
    }
}

/// How a child comes to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It exits.
    Exits,
    /// It closes its input or its output, and exits a while later.
    FallsSilent,
    /// By a signal of ours.
    IsEnded,
}

/// Why the conversation has ended, unless that was wanted, or was told by whoever condemned the
/// child. `stage` is how far it had come when the child ended, or was told to.
fn verdict(
    stage: Stage,
    way: Way,
    status: Option<ExitStatus>,
    last_words: Option<String>,
) -> Option<Failure> {
    let well = status.is_some_and(|status| status.success());
    let error = match (stage, way) {
        (Stage::Unwanted, Way::Exits | Way::FallsSilent) if well => return None,
        (_, Way::Exits) => format!("the server process {}", how(status)),
        (_, Way::FallsSilent) => {
            format!("the server process closed its input or output, and later {}", how(status))
        }
        (Stage::Mute, Way::IsEnded) => {
            "the server process closed its input or output and did not end".into()
        }
        (_, Way::IsEnded) => return None,
    };
    let never_ran = never_ran(status).filter(|_| way == Way::Exits);
    let kind = if never_ran.is_some() { Kind::NotSent } else { Kind::OutcomeUnknown };
    let hint = never_ran.map(str::to_owned);
    Some(Failure::new(kind, Report { cause: last_words, hint, ..Report::new(error) }))
}

fn how(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "has ended".to_owned() };
    match (status.code(), signal(status)) {
        // The numbers that Windows has for crashes are known in this form.
        (Some(code @ ..0), _) => format!("exited with status {code:#X}"),
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => format!("ended: {status}"),
    }
}

/// What to do where a shell, or `env`, says by its status that it could not run the program (POSIX,
/// "Exit Status for Commands"; 9009 is the word of `cmd.exe`).
fn never_ran(status: Option<ExitStatus>) -> Option<&'static str> {
    match status?.code()? {
        126 => Some("the status means that a program may not be run: check that it is executable"),
        127 | 9009 => {
            Some("the status means that a program was not found: check its name and its `PATH`")
        }
        _ => None,
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
#[cfg(windows)]
mod tests {
    use std::os::windows::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::how;
    use super::never_ran;

    #[test]
    fn a_crash_is_told_by_the_number_that_windows_has_for_it() {
        let status = |code| Some(ExitStatus::from_raw(code));
        assert_eq!(how(status(0xC000_0005)), "exited with status 0xC0000005");
        assert_eq!(how(status(1)), "exited with status 1");
        assert!(never_ran(status(9009)).is_some());
    }
}
