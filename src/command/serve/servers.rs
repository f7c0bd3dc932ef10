//! The children behind the fronts: one for each legacy session, one for the modern requests of each
//! principal, or one of each era for all.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::adapt::mux::MuxSender;
use crate::auth::Peer;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::command::serve::config::ServeConfig;
use crate::command::serve::modern::Modern;
use crate::command::serve::room;
use crate::command::serve::room::Room;
use crate::limits;
use crate::relay;
use crate::relay::Manner;
use crate::report::Failure;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::process::Children;
use crate::transport::process::Launch;
use crate::transport::streamable_http::server::Backend;
use crate::transport::streamable_http::server::Opened;
use crate::transport::streamable_http::server::Unserved;

/// All children of one command.
pub(super) struct Servers {
    nursery: Arc<Nursery>,
    modern: Modern,
    room: Arc<Room>,
    manner: Manner,
    lifetime: Duration,
    sessions: AtomicU64,
    // One for each legacy session.
    relays: Tasks,
    stop: CancellationToken,
}

/// Where children are started, a few at a time.
pub(super) struct Nursery {
    launch: Launch,
    children: Children,
    most: usize,
    starting: Arc<Semaphore>,
    starts: usize,
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
        });
        Ok(Self {
            modern: Modern::new(Arc::clone(&nursery), config.shared, limits.session_idle),
            nursery,
            room: Room::new(limits.sessions, limits.sessions_each),
            manner: Manner { drain: config.shutdown_timeout, name: "the session" },
            lifetime: limits.session_lifetime,
            sessions: AtomicU64::new(0),
            relays: Tasks::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Ends all children, and waits for them.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.modern.close();
        self.relays.finished().await;
        self.nursery.children.finished().await;
    }
}

impl Backend for Servers {
    fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Relaxed) + 1
    }

    async fn open(&self, peer: &Arc<Peer>, session: u64) -> Result<Opened, Failure> {
        let place = self.room.take(peer.principal())?;
        let (child, starting) = self.nursery.spawn(&session.to_string()).await?;
        let (near, far) = Channel::pair();
        let (manner, lifetime, stop) = (self.manner, self.lifetime, self.stop.clone());
        self.relays.spawn(async move {
            let _place = place;
            let ended = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(lifetime) => {}
                }
            };
            relay::run(far, child, manner, ended).await;
        });
        Ok(Opened { channel: near, starting: Some(starting) })
    }

    async fn join(&self, peer: &Arc<Peer>) -> Result<(MuxSender, Receiver), Unserved> {
        self.modern.join(peer).await
    }
}

impl Nursery {
    /// A child. It counts as starting as long as the permit is held.
    ///
    /// # Errors
    /// There are too many, or the system has no room for one more.
    pub(super) async fn spawn(
        &self,
        label: &str,
    ) -> Result<(Channel, OwnedSemaphorePermit), Failure> {
        let turn = Arc::clone(&self.starting).acquire_owned();
        let turn = tokio::time::timeout(limits::START_QUEUE, turn).await;
        let Ok(Ok(starting)) = turn else {
            return Err(room::full("too many servers are starting", self.starts));
        };
        if self.children.running() >= self.most {
            return Err(room::full("there are too many sessions", self.most));
        }
        let process = self.children.spawn(&self.launch, label)?;
        Ok((process.channel, starting))
    }
}
