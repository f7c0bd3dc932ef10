//! The children behind the fronts: one for each legacy session, one for the modern requests of each
//! principal, or one of each era for all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::adapt::Era;
use crate::adapt::deadline;
use crate::adapt::mux::MuxSender;
use crate::auth::Label;
use crate::auth::Peer;
use crate::auth::Principal;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::command::serve::config::ServeConfig;
use crate::command::serve::greeting::Greeting;
use crate::command::serve::guest;
use crate::command::serve::resident::Resident;
use crate::command::serve::room::Room;
use crate::limits;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::process::Children;
use crate::transport::process::Counts;
use crate::transport::process::Launch;
use crate::transport::streamable_http::server::Backend;
use crate::transport::streamable_http::server::ModernBackend;
use crate::transport::streamable_http::server::Opened;
use crate::transport::streamable_http::server::Unserved;

/// All children of one command.
pub(super) struct Servers {
    nursery: Arc<Nursery>,
    // One for all of the legacy era, if that is wanted.
    shared: Option<Arc<Resident>>,
    // One for each principal, or the one for all under nobody's name.
    modern: Mutex<HashMap<Principal, Arc<Resident>>>,
    // The era belongs to the server, so that it is asked once.
    legacy_only: AtomicBool,
    idle: Duration,
    max_requests: usize,
    room: Arc<Room>,
    sessions: AtomicU64,
    // One for each session with the child that is shared.
    guests: Tasks,
    // No new sessions.
    finishing: AtomicBool,
}

/// Where children are started, a few at a time.
pub(super) struct Nursery {
    launch: Launch,
    children: Children,
    most: usize,
    starting: Arc<Semaphore>,
    starts: usize,
    request_timeout: Option<Duration>,
    // One for each child whose answers are waited for so long and no longer.
    deadlines: Tasks,
    doubts: Notify,
}

impl Servers {
    /// None yet.
    ///
    /// # Errors
    /// The command cannot be started.
    pub(super) fn start(config: &ServeConfig) -> Result<Self, Report> {
        let limits = &config.limits;
        let failed = |error: std::io::Error| {
            Report::new("cannot start the process that watches over the children")
                .cause(error.to_string())
        };
        let nursery = Arc::new(Nursery {
            launch: config.process.clone().check()?,
            children: Children::new(config.watchdog.clone()).map_err(failed)?,
            most: limits.sessions,
            starting: Arc::new(Semaphore::new(limits.starting)),
            starts: limits.starting,
            request_timeout: limits.request_timeout,
            deadlines: Tasks::new(),
            doubts: Notify::new(),
        });
        Ok(Self {
            nursery,
            shared: config
                .shared
                .then(|| Resident::new(Era::Legacy, Label::from("shared"), limits.session_idle)),
            modern: Mutex::default(),
            legacy_only: AtomicBool::new(false),
            idle: limits.session_idle,
            max_requests: limits.requests,
            room: Room::new(limits.sessions, limits.sessions_each),
            sessions: AtomicU64::new(0),
            guests: Tasks::new(),
            finishing: AtomicBool::new(false),
        })
    }

    /// Where the children come from.
    pub(super) fn nursery(&self) -> Arc<Nursery> {
        Arc::clone(&self.nursery)
    }

    /// What has been counted about the children.
    pub(super) fn counts(&self) -> Counts {
        self.nursery.children.counts()
    }

    /// Opens no more sessions; those that run go on.
    pub(super) fn finish(&self) {
        self.finishing.store(true, Relaxed);
    }

    /// Ends all children, and waits for them.
    pub(super) async fn close(&self) {
        for resident in self.residents().values().chain(&self.shared) {
            resident.close();
        }
        self.guests.stop();
        self.guests.finished().await;
        self.nursery.children.finished().await;
    }
}

impl Backend for Servers {
    fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Relaxed) + 1
    }

    async fn open(&self, peer: &Peer, label: &Label) -> Result<Opened, Failure> {
        if self.finishing.load(Relaxed) {
            return Err(stopping());
        }
        let place = self.room.take(peer.principal())?;
        if let Some(resident) = &self.shared {
            let lodger = resident.get(&self.nursery).await?;
            let Greeting::Welcome(welcome) = &lodger.greeting else { return Err(not_legacy()) };
            let (server, welcome) = (lodger.mux.channel()?, welcome.clone());
            let (channel, far) = Channel::pair();
            self.guests.spawn(async move {
                let _place = place;
                guest::run(far, server, welcome).await;
            });
            return Ok(Opened { channel, starting: None });
        }
        // Who opens and leaves one session after the other has as many processes as sessions.
        let (channel, starting) = self.nursery.spawn(label, place).await?;
        Ok(Opened { channel, starting: Some(starting) })
    }
}

impl ModernBackend for Servers {
    fn speaks_modern(&self) -> bool {
        !self.legacy_only.load(Relaxed)
    }

    async fn join(&self, peer: &Arc<Peer>) -> Result<(MuxSender, Receiver), Unserved> {
        if self.legacy_only.load(Relaxed) {
            return Err(Unserved::LegacyOnly);
        }
        let resident = self.resident(peer);
        let lodger = resident.get(&self.nursery).await.map_err(Unserved::Failed)?;
        if matches!(lodger.greeting, Greeting::LegacyOnly) {
            tracing::info!("the server speaks the legacy era alone");
            self.legacy_only.store(true, Relaxed);
            resident.close();
            return Err(Unserved::LegacyOnly);
        }
        if lodger.mux.in_flight() >= self.max_requests {
            let text = "too many requests of this client wait for their answer";
            return Err(Unserved::Failed(Failure::full(text, self.max_requests)));
        }
        lodger.mux.join().map_err(Unserved::Failed)
    }
}

impl Servers {
    fn residents(&self) -> MutexGuard<'_, HashMap<Principal, Arc<Resident>>> {
        self.modern.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the modern child of a peer.
    fn resident(&self, peer: &Peer) -> Arc<Resident> {
        let principal = if self.shared.is_some() { Principal::Anonymous } else { peer.principal() };
        let mut residents = self.residents();
        if residents.len() > limits::PRINCIPALS {
            // Nobody is there, and nobody is about to come.
            residents.retain(|_, it| it.current().is_some() || Arc::strong_count(it) > 1);
        }
        let resident = residents
            .entry(principal)
            .or_insert_with(|| Resident::new(Era::Modern, self.label(peer), self.idle));
        Arc::clone(resident)
    }

    /// What the modern child of a peer is called.
    fn label(&self, peer: &Peer) -> Label {
        Label::new("modern", self.shared.is_none().then_some(peer))
    }
}

/// A child of the legacy era has said something else than a welcome, which does not happen.
fn not_legacy() -> Failure {
    Failure::new(Kind::Protocol, Report::new("the server does not speak the legacy era"))
}

/// For who would open a session now.
fn stopping() -> Failure {
    let report = Report::new("the server is stopping").hint("try again later");
    let mut failure = Failure::new(Kind::Overloaded, report);
    failure.retry_safe = true;
    failure
}

impl Nursery {
    /// A child, and what is to be dropped when it is gone. It counts as starting as long as the permit
    /// is held.
    ///
    /// # Errors
    /// There are too many, or the system has no room for one more.
    pub(super) async fn spawn(
        &self,
        label: &Label,
        held: impl Send + 'static,
    ) -> Result<(Channel, OwnedSemaphorePermit), Failure> {
        let turn = Arc::clone(&self.starting).acquire_owned();
        let turn = tokio::time::timeout(limits::START_QUEUE, turn).await;
        let Ok(Ok(starting)) = turn else {
            return Err(Failure::full("too many servers are starting", self.starts));
        };
        if self.children.running() >= self.most {
            return Err(Failure::full("there are too many sessions", self.most));
        }
        let process = self.children.spawn(&self.launch, label.clone(), held);
        let process = process.inspect_err(|_| self.raise_doubt())?;
        let channel = match self.request_timeout {
            Some(limit) => {
                deadline::limited(process.channel, limit, label.clone(), &self.deadlines)
            }
            None => process.channel,
        };
        Ok((channel, starting))
    }

    /// A child has failed in a way that others may, too.
    pub(super) fn raise_doubt(&self) {
        self.doubts.notify_one();
    }

    /// Waits until there is doubt whether the command can be started.
    pub(super) async fn doubt(&self) {
        tokio::select! {
            () = self.doubts.notified() => {}
            () = self.children.early_end() => {}
        }
    }
}
