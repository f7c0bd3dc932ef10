//! The children of the modern era: one for each principal, or one for all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

use crate::adapt::Era;
use crate::adapt::mux::Mux;
use crate::adapt::mux::MuxSender;
use crate::adapt::mux::Settings;
use crate::auth::Peer;
use crate::auth::Principal;
use crate::channel::Receiver;
use crate::command::serve::servers::Nursery;
use crate::limits;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::retry::Backoff;
use crate::task::Tasks;
use crate::transport::streamable_http::server::Unserved;

/// The children of the modern era.
pub(super) struct Modern {
    nursery: Arc<Nursery>,
    shared: bool,
    idle: Duration,
    slots: Arc<Mutex<HashMap<Principal, Arc<Slot>>>>,
    // The era belongs to the server, so that it is asked once.
    legacy_only: AtomicBool,
    // One for each child.
    tasks: Tasks,
}

/// The child of one principal.
#[derive(Default)]
struct Slot {
    mux: Mutex<Option<Arc<Mux>>>,
    // Held while a child is started, so that it is started once.
    history: tokio::sync::Mutex<History>,
}

/// What became of the children before.
#[derive(Default)]
struct History {
    backoff: Backoff,
    started: Option<Instant>,
    // No new one before.
    not_before: Option<Instant>,
}

impl Modern {
    pub(super) fn new(nursery: Arc<Nursery>, shared: bool, idle: Duration) -> Self {
        let (slots, tasks) = (Arc::default(), Tasks::new());
        Self { nursery, shared, idle, slots, legacy_only: AtomicBool::new(false), tasks }
    }

    /// A place for one request of `peer`.
    pub(super) async fn join(&self, peer: &Peer) -> Result<(MuxSender, Receiver), Unserved> {
        if self.legacy_only.load(Relaxed) {
            return Err(Unserved::LegacyOnly);
        }
        let principal = if self.shared { Principal::Anonymous } else { peer.principal() };
        let slot = Arc::clone(lock(&self.slots).entry(principal).or_default());
        if let Some(joined) = slot.join() {
            return Ok(joined);
        }
        let mut history = slot.history.lock().await;
        // Somebody else may have been quicker.
        if let Some(joined) = slot.join() {
            return Ok(joined);
        }
        let mux = self.start(peer, &mut history).await?;
        let joined = mux.join().map_err(Unserved::Failed)?;
        *lock(&slot.mux) = Some(Arc::clone(&mux));
        drop(history);
        self.tasks.spawn(attend(mux, Arc::clone(&slot), self.idle));
        Ok(joined)
    }

    /// Ends all children.
    pub(super) fn close(&self) {
        self.tasks.stop();
        for slot in lock(&self.slots).values() {
            lock(&slot.mux).take();
        }
    }

    /// Starts a child, unless the last ones died at once, and asks it for its era.
    async fn start(&self, peer: &Peer, history: &mut History) -> Result<Arc<Mux>, Unserved> {
        history.check().map_err(Unserved::Failed)?;
        let label = format!("modern, {peer}");
        let (child, _starting) = self.nursery.spawn(&label).await.map_err(Unserved::Failed)?;
        history.started = Some(Instant::now());
        let settings = Settings { era: Era::Modern, cancel_on_leave: true };
        let mux = Arc::new(Mux::new(child, settings));
        match probe(&mux).await {
            Ok(true) => Ok(mux),
            Ok(false) => {
                tracing::info!("the server speaks the legacy era alone");
                self.legacy_only.store(true, Relaxed);
                Err(Unserved::LegacyOnly)
            }
            Err(failure) => Err(Unserved::Failed(failure)),
        }
    }
}

impl Slot {
    fn join(&self) -> Option<(MuxSender, Receiver)> {
        lock(&self.mux).as_ref()?.join().ok()
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
        if self.started.is_some_and(|started| started.elapsed() > limits::STEADY) {
            self.backoff.reset();
            self.started = None;
        }
        if self.started.is_some() {
            // The last one did not live long: the next but one has to wait.
            self.not_before = Some(now + self.backoff.next(None));
        }
        Ok(())
    }
}

/// Waits for the end of a child, or of its use.
async fn attend(mux: Arc<Mux>, slot: Arc<Slot>, idle: Duration) {
    tokio::select! {
        reason = mux.over() => {
            if let Some(failure) = reason {
                tracing::warn!("{}", failure.report.line());
            }
        }
        () = unused(&mux, idle) => tracing::info!("a server is not used any more, and ends"),
    }
    let mut current = lock(&slot.mux);
    if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &mux)) {
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

/// Whether the server speaks the modern era: it answers `server/discover`, or with an error that
/// only the modern era knows (specification 2026-07-28, "Versioning").
async fn probe(mux: &Mux) -> Result<bool, Failure> {
    let (sender, mut answers) = mux.join()?;
    let lost = || Failure::new(Kind::NotSent, Report::new("the server ended at its start"));
    let Some(discover) = discover() else { return Ok(false) };
    sender.send(discover).await.map_err(|_| lost())?;
    let answer = tokio::time::timeout(limits::SERVER_DISCOVER, answers.recv()).await;
    let answer = match answer {
        Ok(Some(answer)) => answer,
        Ok(None) => return Err(answers.reason().cloned().unwrap_or_else(lost)),
        Err(_) => return Ok(false),
    };
    if let Some(failure) = mux.reason() {
        return Err(failure);
    }
    let Some(head) = answer.head() else { return Ok(false) };
    let body: serde_json::Value = serde_json::from_slice(answer.payload(head)).unwrap_or_default();
    Ok(match body.get("code").and_then(serde_json::Value::as_i64) {
        Some(code) => (-32022..=-32020).contains(&code),
        None => body.get("supportedVersions").is_some(),
    })
}

fn discover() -> Option<Message> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
        },
    });
    let request = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "server/discover",
        "params": { "_meta": meta },
    });
    Message::parse(Bytes::from(request.to_string())).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
