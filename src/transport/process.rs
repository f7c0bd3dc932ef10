//! A server that speaks stdio, as a child process of ours: one message a line (specification,
//! "stdio").
//!
//! Dropping the [`Sender`](crate::channel::Sender) of a [`Process`] closes the child's input once all
//! is written; dropping the whole [`Channel`] too. From then on the child has some time to end, then it
//! gets SIGTERM, and at last SIGKILL, and so does every process of its group. A child that ends on its
//! own accord closes the channel, after all that it wrote, and its end is the reason.

mod allowance;
mod census;
mod chunk;
mod clean;
mod course;
mod environment;
mod group;
mod input;
mod life;
mod output;
mod program;
mod spawn;
mod stderr;
pub mod watchdog;

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::oneshot;

use crate::auth::Label;
use crate::channel;
use crate::channel::Channel;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::process::census::Census;
use crate::transport::process::course::Course;
use crate::transport::process::life::Life;
use crate::transport::process::life::Registration;
use crate::transport::process::output::Output;
use crate::transport::process::stderr::Voice;
use crate::transport::process::watchdog::Watchdog;
use crate::transport::process::watchdog::WatchdogProgram;

pub use crate::transport::process::census::Counts;
pub use crate::transport::process::environment::child_environment;

/// How a child is started, and how it is ended.
#[derive(Clone)]
pub struct ProcessConfig {
    /// A path, or a name that is looked for in the `PATH` of `environment`.
    pub program: OsString,
    /// Its arguments, as they are: there is no shell.
    pub args: Vec<OsString>,
    /// Where it runs; where we do if there is none.
    pub directory: Option<PathBuf>,
    /// Its whole environment: see [`child_environment`].
    pub environment: Vec<(OsString, OsString)>,
    /// Largest message that it may write, in bytes.
    pub max_message: usize,
    /// From the end of its input to SIGTERM.
    pub exit_grace: Duration,
    /// From SIGTERM to SIGKILL.
    pub kill_grace: Duration,
}

impl ProcessConfig {
    /// Looks for the program and the directory, so that a server that cannot be started is known
    /// before anybody asks for it.
    ///
    /// # Errors
    /// One of them is not there or cannot be used.
    pub fn check(self) -> Result<Launch, Report> {
        if let Some(directory) = &self.directory {
            program::check_folder(directory)?;
        }
        let is_path = |name: &OsStr| environment::is_same(name, "PATH");
        // What is set last counts.
        let path = self.environment.iter().rfind(|(name, _)| is_path(name));
        let program = program::find(&self.program, path.map(|(_, path)| &**path))?;
        Ok(Launch { program, config: Arc::new(self) })
    }
}

/// Shows neither arguments nor values of variables, which may be secret.
impl fmt::Debug for ProcessConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("ProcessConfig")
            .field("program", &self.program)
            .field("arguments", &self.args.len())
            .field("directory", &self.directory)
            .field("environment", &variables)
            .field("max_message", &self.max_message)
            .field("exit_grace", &self.exit_grace)
            .field("kill_grace", &self.kill_grace)
            .finish()
    }
}

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The whole path.
    program: PathBuf,
    config: Arc<ProcessConfig>,
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    /// The conversation with it.
    pub channel: Channel,
    /// Its number, which is that of its group too.
    pub pid: u32,
}

/// All children. Dropping it ends them at once, without any grace.
pub struct Children {
    tasks: Tasks,
    census: Arc<Census>,
    watchdog: Arc<Watchdog>,
}

impl Children {
    /// None yet. The watchdog, which ends the children should we be killed, is started now. What this
    /// process was itself started with, besides its three streams, is kept from all programs that it
    /// starts from now on: a socket of a service manager is none of their business.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn new(watchdog: WatchdogProgram) -> io::Result<Self> {
        keep_descriptors();
        let tasks = Tasks::new();
        let watchdog = Watchdog::start(watchdog, &tasks)?;
        Ok(Self { tasks, census: Arc::default(), watchdog })
    }

    /// Starts a child. `label` names it in the log; `held` is dropped when the last process of its group is
    /// gone.
    ///
    /// # Errors
    /// It cannot be started: overloaded where it may be a little later, not sent otherwise.
    pub fn spawn(
        &self,
        launch: &Launch,
        label: impl Into<Label>,
        held: impl Send + 'static,
    ) -> Result<Process, Failure> {
        let label = label.into();
        let (child, group) = spawn::spawn(launch)?;
        let Some(pid) = child.id() else {
            let report = Report::new("the server process ended while it was started");
            return Err(Failure::new(Kind::NotSent, report));
        };
        let (census, watchdog) = (Arc::clone(&self.census), Arc::clone(&self.watchdog));
        let registration = Registration::new(pid, group, census, watchdog, held);
        let (session, peer) = (label.session(), label.peer());
        tracing::debug!(session, peer, pid, "the server process has started");
        let channel = self.attend(child, registration, &launch.config, label);
        Ok(Process { channel, pid })
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.census.running()
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        self.census.counts()
    }

    /// Waits until one has ended right after its start, and nobody had asked for it.
    pub async fn early_end(&self) {
        self.census.early_end.notified().await;
    }

    /// Waits until none runs. The channels of all of them have to be dropped for that, or it takes
    /// as long as they like.
    pub async fn finished(&self) {
        self.census.all_gone().await;
    }

    /// Gives a child a task for each of its streams, and one for its life.
    fn attend(
        &self,
        mut child: Child,
        registration: Registration,
        config: &ProcessConfig,
        label: Label,
    ) -> Channel {
        let (sender, input) = channel::queue();
        let (messages, receiver) = channel::queue();
        let (said, last_words) = oneshot::channel();
        let (exited, exit) = oneshot::channel();
        let course = Arc::new(Course::new());
        if let Some(stdin) = child.stdin.take() {
            self.tasks.spawn(input::write(stdin, input, Arc::clone(&course)));
        }
        if let Some(stdout) = child.stdout.take() {
            let (census, label) = (Arc::clone(&self.census), label.clone());
            let output = Output::new(config.max_message, messages, census, label);
            self.tasks.spawn(output.read(stdout, Arc::clone(&course), exit));
        }
        if let Some(stderr) = child.stderr.take() {
            let voice = Voice::new(Arc::clone(&self.census), label.clone());
            self.tasks.spawn(voice.drain(stderr, Arc::clone(&course), said));
        }
        let (exit_grace, kill_grace) = (config.exit_grace, config.kill_grace);
        let life = Life { child, registration, course, exit_grace, kill_grace, label };
        self.tasks.spawn(life.run(last_words, exited));
        Channel { sender, receiver }
    }
}

/// Our own descriptors are kept from programs since they were made; those of others may not be.
#[cfg(unix)]
fn keep_descriptors() {
    /// What comes after the three streams.
    const FIRST: i32 = 3;
    close_fds::set_fds_cloexec_threadsafe(FIRST, &[]);
}

/// Other systems hand on what is named, and nothing else.
#[cfg(not(unix))]
fn keep_descriptors() {}
