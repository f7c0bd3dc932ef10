//! The host's messages, with the means to hold them back behind a barrier.

use std::collections::VecDeque;
use std::future::Future;

use crate::channel::Receiver;
use crate::channel::Sender;
use crate::limits;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

/// The messages of the host in their order.
pub struct Inlet {
    receiver: Receiver,
    held: VecDeque<Message>,
    open: bool,
}

impl Inlet {
    /// The messages that come from `receiver`.
    pub fn new(receiver: Receiver) -> Self {
        Self { receiver, held: VecDeque::new(), open: true }
    }

    /// The next message; `None` once the host will send no more.
    pub async fn next(&mut self) -> Option<Message> {
        if let Some(held) = self.held.pop_front() {
            return Some(held);
        }
        if !self.open {
            return None;
        }
        self.receiver.recv().await
    }

    /// Makes `message` the next one again.
    pub fn put_back(&mut self, message: Message) {
        self.held.push_front(message);
    }

    /// Runs `barrier` and holds what comes meanwhile. `None` if the host went away before it ended:
    /// then nobody waits for it any more.
    pub async fn hold<T>(&mut self, barrier: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(barrier);
        loop {
            tokio::select! {
                biased;
                done = &mut barrier => return Some(done),
                message = self.receiver.recv(), if self.open && self.has_room() => match message {
                    Some(message) => self.held.push_back(message),
                    None => self.open = false,
                },
                else => return None,
            }
            if !self.open {
                return None;
            }
        }
    }

    /// Whether the host went away while something was held back.
    pub fn is_over(&self) -> bool {
        !self.open
    }

    /// Answers what was held back and will not be sent any more.
    pub async fn abandon(&mut self, host: &Sender) {
        let error = never_sent("what came before it was not answered in time");
        for message in self.held.drain(..) {
            for id in message.request_ids() {
                // Nobody to tell if the host is gone.
                let _ = host.send(error.answer(Some(id))).await;
            }
        }
    }

    /// There is room for as many requests as may be open, so that the end of the host's input,
    /// which stands behind them, is seen however long the barrier takes.
    fn has_room(&self) -> bool {
        let bytes: usize = self.held.iter().map(|message| message.bytes().len()).sum();
        self.held.len() < 2 * limits::MAX_IN_FLIGHT && bytes < limits::CHANNEL_BYTES
    }
}

/// The error for what has certainly not left when the bridge ends, and why it had not.
pub fn never_sent(cause: impl Into<String>) -> RpcError {
    let report = Report::new("the bridge ended before this request was sent").cause(cause);
    RpcError::failed(&Failure::new(Kind::NotSent, report), None)
}
