//! A client's way to the shared server.

use std::sync::Arc;

use bytes::Bytes;

use crate::adapt::mux::Shared;
use crate::adapt::mux::lock;
use crate::adapt::mux::params;
use crate::adapt::mux::params::Wishes;
use crate::adapt::mux::refusal;
use crate::adapt::mux::table::ClientKey;
use crate::adapt::mux::table::Number;
use crate::adapt::mux::table::Refused;
use crate::channel::Channel;
use crate::channel::Gone;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::limits;
use crate::message::Edit;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::Method;
use crate::message::RpcError;

/// The sending half of a client of a shared server. Dropping it leaves: what the client asked is
/// cancelled at the server, and its receiver ends.
#[derive(Debug)]
pub struct MuxSender {
    shared: Arc<Shared>,
    key: ClientKey,
}

impl Drop for MuxSender {
    fn drop(&mut self) {
        self.shared.leave(self.key);
    }
}

impl MuxSender {
    pub(crate) fn new(shared: Arc<Shared>, key: ClientKey) -> Self {
        Self { shared, key }
    }

    /// Hands `message` to the server, under ids of ours; waits for room. What the server is not to
    /// get is answered to this client (an id that is in use, too many requests) or dropped (a
    /// response that nobody asked it for). The parts of a batch go one by one.
    ///
    /// # Errors
    /// [`Gone`] if the server has gone or this client was cut off; its receiver knows why. Open
    /// requests, this one too, are answered there.
    pub async fn send(&self, message: Message) -> Result<(), Gone> {
        if !message.is_batch() {
            return self.send_one(message).await;
        }
        for part in message.split() {
            self.send_one(part).await?;
        }
        Ok(())
    }

    /// Waits until every request of this client is answered, or it is cut off.
    pub async fn settled(&self) {
        let settled = lock(&self.shared.table).settled(self.key);
        settled.cancelled().await;
    }

    async fn send_one(&self, message: Message) -> Result<(), Gone> {
        let Some(head) = message.head().cloned() else { return Ok(()) };
        match &head.kind {
            Kind::Request { id, method } => self.request(message, &head, (id, method)).await,
            Kind::Response { .. } => {
                let taken = lock(&self.shared.table).take_answer(self.key, &head);
                if taken { self.forward(message).await } else { Ok(()) }
            }
            Kind::Notification { method } => match self.notification(&message, &head, method) {
                Some(mut edits) => self.forward(message.spliced(&mut edits)).await,
                None => Ok(()),
            },
        }
    }

    async fn request(
        &self,
        message: Message,
        head: &Head,
        (id, method): (&Id, &Method),
    ) -> Result<(), Gone> {
        let at = message.id_range(head);
        let id_text = std::str::from_utf8(&message.bytes()[at.clone()]).unwrap_or_default();
        let admitted = match Wishes::read(&message, head) {
            Ok(wishes) => lock(&self.shared.table)
                .admit(self.key, (id, method), id_text, &wishes)
                .map(|(number, server)| (number, server, wishes)),
            Err(ambiguous) => {
                Err(Refused::answer(RpcError::invalid_request(&ambiguous.to_string())))
            }
        };
        let (number, server, wishes) = match admitted {
            Ok(admitted) => admitted,
            Err(Refused::Answer(error)) => return self.answer(error.answer(Some(id))).await,
            Err(Refused::Gone) => return Err(Gone),
        };
        let text = Bytes::from(number.to_string());
        let token = wishes.progress.map(|token| Edit { at: token.at, text: text.clone() });
        let mut edits: Vec<Edit> = token.into_iter().chain([Edit { at, text }]).collect();
        let unsent = Unsent { shared: &self.shared, number };
        let outcome = self.shared.send(&server, message.spliced(&mut edits)).await;
        // Whether it was sent is certain now.
        std::mem::forget(unsent);
        match outcome {
            Ok(()) => self.shared.sent(number, self.key),
            Err(Gone) => self.unreachable(number).await,
        }
        outcome
    }

    /// The values to put into a notification; `None` if it is not to be passed on.
    fn notification(&self, message: &Message, head: &Head, method: &str) -> Option<Vec<Edit>> {
        let edits = match method {
            "notifications/cancelled" => params::cancelled_id(message, head)
                .ok()
                .flatten()
                .and_then(|value| Some((Id::from_json(value.text())?, value)))
                .and_then(|(id, value)| {
                    let number = lock(&self.shared.table).cancel(self.key, &id)?;
                    Some(vec![Edit { at: value.at, text: number.to_string().into() }])
                }),
            // On what the server asked this client, under the server's token.
            "notifications/progress" => params::progress_token(message, head)
                .ok()
                .flatten()
                .filter(|token| lock(&self.shared.table).gave_token(self.key, token.text()))
                .map(|_| Vec::new()),
            _ => Some(Vec::new()),
        };
        if edits.is_none() {
            lock(&self.shared.table).dropped += 1;
        }
        edits
    }

    async fn forward(&self, message: Message) -> Result<(), Gone> {
        let server = lock(&self.shared.table).server_of(self.key).ok_or(Gone)?;
        self.shared.send(&server, message).await
    }

    /// Gives this client an answer of ours.
    async fn answer(&self, answer: Message) -> Result<(), Gone> {
        let outbox = lock(&self.shared.table).outbox_of(self.key).ok_or(Gone)?;
        if !outbox.put(&self.shared, answer) {
            // Who floods us with what is refused, and reads nothing, has to wait.
            outbox.room().await;
        }
        Ok(())
    }

    /// The server takes nothing any more. Its end, which is to come, answers the request with the
    /// reason; if it does not come soon, we do.
    async fn unreachable(&self, number: Number) {
        let over = self.shared.over.cancelled();
        if tokio::time::timeout(limits::SERVER_LAST_WORDS, over).await.is_ok() {
            return;
        }
        let open = lock(&self.shared.table).close(number);
        if let Some(open) = open {
            // Gone itself, if this fails.
            let _ = self.answer(open.answer(&refusal::not_taken())).await;
        }
    }
}

/// A request that is noted as open while it waits for room: who gives up waiting has not sent it.
struct Unsent<'a> {
    shared: &'a Shared,
    number: Number,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        lock(&self.shared.table).close(self.number);
    }
}

/// Makes a whole channel of a client: `far` is our end of it.
pub(crate) async fn carry(client: MuxSender, mut answers: Receiver, far: Channel) {
    let Channel { sender, receiver } = far;
    let up = up(client, receiver);
    let down = down(&mut answers, &sender);
    tokio::pin!(down);
    tokio::select! {
        () = &mut down => return,
        () = sender.gone() => return,
        () = up => {}
    }
    // The client has said all it will, and every request of it is answered: the rest of that.
    tokio::select! {
        () = down => {}
        () = sender.gone() => {}
    }
}

/// Client to server, until the client has said all and is answered. Leaves at its end.
async fn up(client: MuxSender, mut from: Receiver) {
    while let Some(message) = from.recv().await {
        if client.send(message).await.is_err() {
            // The other direction says why.
            return std::future::pending().await;
        }
    }
    client.settled().await;
}

/// Server to client, until the client is cut off or the server has gone.
async fn down(from: &mut Receiver, to: &Sender) {
    let mut messages = Vec::new();
    while from.recv_all(&mut messages).await {
        if to.send_all(&mut messages).await.is_err() {
            return;
        }
    }
    if let Some(reason) = from.reason() {
        to.fail(reason.clone());
    }
}
