//! A child that several clients share: started when the first one comes, ended when none has come for
//! a while, and started again if it dies.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapt::Era;
use crate::adapt::mux::Mux;
use crate::adapt::mux::Settings;
use crate::auth::Label;
use crate::command::serve::greeting;
use crate::command::serve::greeting::Greeting;
use crate::command::serve::servers::Nursery;
use crate::limits;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::retry::Backoff;
use crate::task::Tasks;

/// The place of one shared child.
pub(super) struct Resident {
    era: Era,
    label: Label,
    idle: Duration,
    current: Mutex<Option<Arc<Lodger>>>,
    // Held while a child is started, so that it is started once.
    history: tokio::sync::Mutex<History>,
    tasks: Tasks,
}

/// A shared child that runs.
pub(super) struct Lodger {
    pub(super) mux: Mux,
    /// What it said first.
    pub(super) greeting: Greeting,
}

/// What became of the children before.
#[derive(Default)]
struct History {
    backoff: Backoff,
    started: Option<Instant>,
    // No new one before.
    not_before: Option<Instant>,
}

impl Resident {
    /// No child yet. `label` names it in the log.
    pub(super) fn new(era: Era, label: Label, idle: Duration) -> Arc<Self> {
        Arc::new(Self {
            era,
            label,
            idle,
            current: Mutex::default(),
            history: tokio::sync::Mutex::default(),
            tasks: Tasks::new(),
        })
    }

    /// The child, if it is there.
    pub(super) fn current(&self) -> Option<Arc<Lodger>> {
        lock(&self.current).clone().filter(|lodger| !lodger.mux.is_over())
    }

    /// The child, started if need be.
    ///
    /// # Errors
    /// It cannot be started, or died too often of late.
    pub(super) async fn get(self: &Arc<Self>, nursery: &Nursery) -> Result<Arc<Lodger>, Failure> {
        if let Some(lodger) = self.current() {
            return Ok(lodger);
        }
        let mut history = self.history.lock().await;
        // Somebody else may have been quicker.
        if let Some(lodger) = self.current() {
            return Ok(lodger);
        }
        history.check()?;
        let (child, _starting) = nursery.spawn(&self.label, ()).await?;
        history.started = Some(Instant::now());
        let mux = Mux::new(child, Settings { era: self.era, cancel_on_leave: true });
        let greeting = match self.era {
            Era::Legacy => greeting::initialize(&mux).await,
            Era::Modern => greeting::discover(&mux).await,
        };
        let greeting = greeting.inspect_err(|_| nursery.raise_doubt())?;
        let lodger = Arc::new(Lodger { mux, greeting });
        *lock(&self.current) = Some(Arc::clone(&lodger));
        self.tasks.spawn(attend(Arc::clone(&lodger), Arc::clone(self)));
        Ok(lodger)
    }

    /// Ends the child.
    pub(super) fn close(&self) {
        self.tasks.stop();
        lock(&self.current).take();
    }
}

impl History {
    /// Whether it is time for another child.
    fn check(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if let Some(wait) = self.not_before.and_then(|then| then.checked_duration_since(now)) {
            let report = Report::new("the server keeps ending right after its start")
                .hint("run its command by hand to see why");
            let mut failure = Failure::new(Kind::Overloaded, report);
            failure.retry_safe = true;
            failure.retry_after = Some(wait);
            return Err(failure);
        }
        let Some(started) = self.started else { return Ok(()) };
        if started.elapsed() > limits::STEADY {
            self.backoff.reset();
        } else {
            // The last one did not live long: the one after this has to wait.
            self.not_before = Some(now + self.backoff.next(None));
        }
        Ok(())
    }
}

/// Waits for the end of a child, or of its use.
async fn attend(lodger: Arc<Lodger>, resident: Arc<Resident>) {
    let (session, peer) = (resident.label.session(), resident.label.peer());
    tokio::select! {
        // Its end was logged where it was seen.
        _ = lodger.mux.over() => {}
        () = unused(&lodger.mux, resident.idle) => {
            tracing::info!(session, peer, "the server is not used any more, and ends");
        }
    }
    let mut current = lock(&resident.current);
    if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &lodger)) {
        *current = None;
    }
}

async fn unused(mux: &Mux, limit: Duration) {
    loop {
        let rest = match mux.idle_since() {
            Some(since) => limit.saturating_sub(since.elapsed()),
            None => limit,
        };
        if rest.is_zero() {
            return;
        }
        tokio::time::sleep(rest).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
