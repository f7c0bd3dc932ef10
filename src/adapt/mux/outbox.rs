//! What goes to one client: its queue, and a backlog for a while in which it is full, so that a slow
//! client does not hold up the others.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use tokio::sync::Notify;

use crate::adapt::mux::Shared;
use crate::adapt::mux::table::ClientKey;
use crate::channel::Sender;
use crate::limits;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

/// The way to one client. The client's receiver ends when the last owner of this lets go.
#[derive(Debug)]
pub(crate) struct Outbox {
    client: ClientKey,
    queue: Sender,
    backlog: Mutex<Backlog>,
    room: Notify,
}

#[derive(Debug, Default)]
struct Backlog {
    messages: Vec<Message>,
    bytes: usize,
    // A task moves the backlog into the queue; nothing may overtake it.
    draining: bool,
    // Nobody takes these any more.
    closed: bool,
}

impl Backlog {
    fn has_room(&self) -> bool {
        let few = self.messages.len() < limits::BACKLOG_MESSAGES;
        self.closed || few && self.bytes < limits::BACKLOG_BYTES
    }
}

impl Outbox {
    /// The way to `client`, whose messages go into `queue`.
    pub(crate) fn new(client: ClientKey, queue: Sender) -> Self {
        Self { client, queue, backlog: Mutex::default(), room: Notify::new() }
    }

    /// Queues `message`, at once and whatever waits already. False if the backlog is full now: who
    /// can wait should wait for [`Outbox::room`].
    pub(crate) fn put(self: &Arc<Self>, shared: &Arc<Shared>, message: Message) -> bool {
        let mut backlog = self.lock();
        let message = if backlog.draining {
            message
        } else {
            match self.queue.try_send(message) {
                Ok(()) => return true,
                Err(message) => message,
            }
        };
        if backlog.closed || self.queue.is_gone() {
            return true;
        }
        backlog.bytes += message.bytes().len();
        backlog.messages.push(message);
        if !backlog.draining {
            backlog.draining = true;
            shared.tasks.spawn(drain(Arc::clone(self), Arc::downgrade(shared)));
        }
        backlog.has_room()
    }

    /// Waits until there is room in the backlog. It takes [`limits::STALLED_CLIENT`] at most: then
    /// the client is cut off.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.lock().has_room() {
                return;
            }
            room.await;
        }
    }

    /// Notes why the client's receiver is about to end.
    pub(crate) fn fail(&self, reason: Failure) {
        self.queue.fail(reason);
    }

    /// The backlog, or nothing if it is empty and its task may end.
    fn take(&self) -> Option<Vec<Message>> {
        let mut backlog = self.lock();
        self.room.notify_waiters();
        backlog.bytes = 0;
        backlog.draining = !backlog.messages.is_empty();
        backlog.draining.then(|| std::mem::take(&mut backlog.messages))
    }

    fn close(&self) {
        *self.lock() = Backlog { closed: true, ..Backlog::default() };
        self.room.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves the backlog into the queue until it is empty, or the client is gone or cut off.
async fn drain(outbox: Arc<Outbox>, shared: Weak<Shared>) {
    while let Some(mut messages) = outbox.take() {
        let sent = outbox.queue.send_all(&mut messages);
        match tokio::time::timeout(limits::STALLED_CLIENT, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return outbox.close(),
            Err(_) => {
                outbox.fail(stalled());
                outbox.close();
                if let Some(shared) = shared.upgrade() {
                    shared.leave(outbox.client);
                }
                return;
            }
        }
    }
}

fn stalled() -> Failure {
    let wait = limits::STALLED_CLIENT;
    let report = Report::new("cut off, since messages were not taken").cause(format!(
        "the queue of this client stayed full for {wait:?}, and it shares a server"
    ));
    Failure::new(Kind::Overloaded, report)
}
