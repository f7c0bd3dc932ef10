//! What goes to one client: its queue, and a backlog for a while in which it is full, so that a slow
//! client does not hold up the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

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
    messages: VecDeque<Message>,
    bytes: usize,
    // How long the server, and so everybody, has waited since this was empty.
    held: Duration,
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
        if backlog.closed {
            return true;
        }
        let message = if backlog.draining {
            message
        } else {
            match self.queue.try_send(message) {
                Ok(()) => return true,
                Err(message) => message,
            }
        };
        if self.queue.is_gone() {
            return true;
        }
        backlog.bytes += message.bytes().len();
        backlog.messages.push_back(message);
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

    /// As [`Outbox::room`], while others wait too: a client that is slow all the time may cost them
    /// [`limits::STALLED_CLIENT`] in all, until its backlog is empty once.
    pub(crate) async fn room_for_others(&self, shared: &Shared) {
        let since = Instant::now();
        let patience = limits::STALLED_CLIENT.saturating_sub(self.lock().held);
        match tokio::time::timeout(patience, self.room()).await {
            Ok(()) => self.lock().held += since.elapsed(),
            Err(_) => self.cut_off(shared),
        }
    }

    /// Notes why the client's receiver is about to end.
    pub(crate) fn fail(&self, reason: Failure) {
        self.queue.fail(reason);
    }

    fn cut_off(&self, shared: &Shared) {
        self.fail(stalled());
        self.close();
        shared.leave(self.client);
    }

    /// The next message of the backlog; none if it is empty and its task may end.
    fn take(&self) -> Option<Message> {
        let mut backlog = self.lock();
        let Some(message) = backlog.messages.pop_front() else {
            *backlog = Backlog { closed: backlog.closed, ..Backlog::default() };
            return None;
        };
        backlog.bytes -= message.bytes().len();
        self.room.notify_waiters();
        Some(message)
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
    // One by one: each that the client takes makes room for one.
    while let Some(message) = outbox.take() {
        let sent = outbox.queue.send(message);
        match tokio::time::timeout(limits::STALLED_CLIENT, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return outbox.close(),
            Err(_) => match shared.upgrade() {
                Some(shared) => return outbox.cut_off(&shared),
                None => return outbox.close(),
            },
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
