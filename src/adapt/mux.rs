//! Several clients share one server that knows of one.
//!
//! Every client counts its requests from 0 or 1, so that what names a request is replaced on the
//! way: request ids, progress tokens, subscription ids, and the ids in cancellations (CVE-2026-25536
//! is what happens otherwise). Nothing else of a message changes, byte for byte. What the server
//! says goes to the one client that it concerns, and to nobody if there is none.

mod client;
mod members;
mod outbox;
mod params;
mod refusal;
mod route;
mod table;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::adapt::Era;
use crate::adapt::mux::outbox::Outbox;
use crate::adapt::mux::route::Route;
use crate::adapt::mux::table::ClientKey;
use crate::adapt::mux::table::Number;
use crate::adapt::mux::table::Table;
use crate::channel;
use crate::channel::Channel;
use crate::channel::Gone;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::message::Message;
use crate::report::Failure;
use crate::task::Tasks;

pub use crate::adapt::mux::client::MuxSender;

/// What a [`Mux`] has to know of its server.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The protocol that it speaks with all its clients.
    pub era: Era,
    /// Whether a client that leaves cancels what it has asked: in the modern era a lost connection
    /// is the cancellation (specification 2026-07-28, "Cancellation").
    pub cancel_on_leave: bool,
}

/// One server, shared. Dropping it ends the server's channel and all clients.
#[derive(Debug)]
pub struct Mux {
    shared: Arc<Shared>,
}

/// What the clients and the tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    table: Mutex<Table>,
    tasks: Tasks,
    // There are errands.
    errand: Notify,
    // Happens when the server has gone; `end` says why.
    over: CancellationToken,
    end: OnceLock<Option<Failure>>,
}

impl Mux {
    /// Shares `server` until its channel closes.
    pub fn new(server: Channel, settings: Settings) -> Self {
        let shared = Arc::new(Shared {
            table: Mutex::new(Table::new(server.sender, settings)),
            tasks: Tasks::new(),
            errand: Notify::new(),
            over: CancellationToken::new(),
            end: OnceLock::new(),
        });
        shared.run(distribute(Arc::clone(&shared), settings.era, server.receiver));
        shared.run(errands(Arc::clone(&shared)));
        Self { shared }
    }

    /// A new client: the way to the server, and what comes back. It costs no task.
    ///
    /// # Errors
    /// Why the server has gone, as a failure of a request that was not sent.
    pub fn join(&self) -> Result<(MuxSender, Receiver), Failure> {
        let (queue, receiver) = channel::queue();
        let Some(key) = lock(&self.shared.table).join(queue) else {
            let reason = self.shared.reason().unwrap_or_else(refusal::not_taken);
            return Err(refusal::not_sent(reason));
        };
        Ok((MuxSender::new(Arc::clone(&self.shared), key), receiver))
    }

    /// A new client as a whole channel, carried by a task: it leaves when it drops the channel, or
    /// closes its half and every request of it is answered.
    ///
    /// # Errors
    /// Why the server has gone.
    pub fn channel(&self) -> Result<Channel, Failure> {
        let (sender, answers) = self.join()?;
        let (near, far) = Channel::pair();
        self.shared.tasks.spawn(client::carry(sender, answers, far));
        Ok(near)
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        lock(&self.shared.table).clients.len()
    }

    /// How many requests of clients have no answer yet.
    pub fn in_flight(&self) -> usize {
        lock(&self.shared.table).open.len()
    }

    /// How many messages were dropped, since they were for nobody who is there.
    pub fn dropped(&self) -> u64 {
        lock(&self.shared.table).dropped
    }

    /// Since when there is no client; `None` while there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        lock(&self.shared.table).idle_since
    }

    /// Why the server has gone; `None` while it is there, and if it ended in good order.
    pub fn reason(&self) -> Option<Failure> {
        self.shared.reason()
    }

    /// Whether the server has gone.
    pub fn is_over(&self) -> bool {
        self.shared.end.get().is_some()
    }

    /// Waits until the server has gone, and says why; `None` if it ended in good order.
    pub async fn over(&self) -> Option<Failure> {
        self.shared.over.cancelled().await;
        self.shared.reason()
    }
}

impl Drop for Mux {
    fn drop(&mut self) {
        self.shared.finish(None);
    }
}

impl Shared {
    /// Runs `future` as long as the server is there.
    fn run(&self, future: impl Future<Output = ()> + Send + 'static) {
        let over = self.over.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = over.cancelled() => {}
                () = future => {}
            }
        });
    }

    /// Hands `message` to the server, unless that goes before there is room.
    async fn send(&self, server: &Sender, message: Message) -> Result<(), Gone> {
        tokio::select! {
            biased;
            sent = server.send(message) => sent,
            () = self.over.cancelled() => Err(Gone),
        }
    }

    /// The server has this request of `client` now.
    fn sent(&self, number: Number, client: ClientKey) {
        self.change(|table| table.sent(number, client));
    }

    /// A client has left, or is cut off.
    fn leave(&self, client: ClientKey) {
        self.change(|table| table.leave(client));
    }

    /// Changes the table, and sees to the errands that come of it.
    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = lock(&self.table);
        change(&mut table);
        if !table.errands.is_empty() {
            self.errand.notify_one();
        }
    }

    /// The server has gone: whatever is open is answered, and all clients end.
    fn finish(self: &Arc<Self>, reason: Option<Failure>) {
        let failure = reason.clone().unwrap_or_else(refusal::server_ended);
        // The first reason counts.
        let _ = self.end.set(reason);
        let answers = lock(&self.table).end(&failure);
        for (outbox, answer) in answers {
            outbox.put(self, answer);
        }
        self.over.cancel();
    }

    fn reason(&self) -> Option<Failure> {
        self.end.get().cloned().flatten()
    }
}

/// The table, for a moment.
fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Server to clients. Never waits for the server: what we have to say to it is an errand.
async fn distribute(shared: Arc<Shared>, era: Era, mut from: Receiver) {
    let (mut messages, mut parts) = (Vec::new(), Vec::new());
    while from.recv_all(&mut messages).await {
        messages.drain(..).for_each(|message| message.split_into(&mut parts));
        for message in parts.drain(..) {
            match route::route(&shared.table, era, &message) {
                Route::All(clients) => {
                    for client in clients {
                        put(&shared, &client, message.clone()).await;
                    }
                }
                Route::Nobody => {}
                Route::Ours => shared.errand.notify_one(),
                Route::One(client, mut edits) => {
                    put(&shared, &client, message.spliced(&mut edits)).await;
                }
            }
        }
    }
    shared.finish(from.reason().cloned());
}

/// Waits for a client whose backlog is full, and so makes the server wait, but others not for long.
async fn put(shared: &Arc<Shared>, client: &Arc<Outbox>, message: Message) {
    if client.put(shared, message) {
        return;
    }
    let alone = lock(&shared.table).clients.len() == 1;
    if alone { client.room().await } else { client.room_for_others(shared).await }
}

/// What we have to say to the server ourselves.
async fn errands(shared: Arc<Shared>) {
    loop {
        let (server, messages) = {
            let mut table = lock(&shared.table);
            (table.server.clone(), std::mem::take(&mut table.errands))
        };
        let Some(server) = server else { return };
        if messages.is_empty() {
            drop(server);
            shared.errand.notified().await;
            continue;
        }
        for message in messages {
            if server.send(message).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
