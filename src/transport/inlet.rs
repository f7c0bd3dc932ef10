//! The host's messages, with the means to hold them back behind a barrier.

use std::collections::VecDeque;
use std::future::Future;

use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;

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
                // Nobody is left to answer.
                self.held.clear();
                return None;
            }
        }
    }

    fn has_room(&self) -> bool {
        self.held.len() < limits::CHANNEL_MESSAGES
    }
}
