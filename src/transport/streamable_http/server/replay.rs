//! What a client may have missed: the messages of a session's streams, kept for a while.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::limits;
use crate::message::Message;
use crate::transport::event_body::EventId;

/// The latest messages of all streams of one session. Bounded by [`limits::REPLAY_BYTES`] and one
/// message more, and by [`limits::REPLAY_TIME`].
#[derive(Debug, Default)]
pub(super) struct Replay {
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    id: EventId,
    message: Message,
    since: Instant,
}

impl Replay {
    /// Keeps `message`, and gives up older ones where there is no room.
    pub(super) fn keep(&mut self, id: EventId, message: Message) {
        self.bytes += message.bytes().len();
        self.kept.push_back(Kept { id, message, since: Instant::now() });
        while self.kept.len() > 1
            && (self.bytes > limits::REPLAY_BYTES || self.kept.len() > limits::REPLAY_MESSAGES)
        {
            self.drop_first();
        }
    }

    /// The messages of a stream after `last`, and the number of the event before the first of them:
    /// older ones may be gone.
    pub(super) fn after(&self, last: EventId) -> (u64, Vec<Message>) {
        let later = |kept: &&Kept| kept.id.stream == last.stream && kept.id.number > last.number;
        let mut later = self.kept.iter().filter(later).peekable();
        let before = later.peek().map_or(last.number, |kept| kept.id.number - 1);
        (before, later.map(|kept| kept.message.clone()).collect())
    }

    /// Gives up what is too old.
    pub(super) fn expire(&mut self) {
        while self.kept.front().is_some_and(|kept| kept.since.elapsed() > limits::REPLAY_TIME) {
            self.drop_first();
        }
    }

    /// Gives up one stream if it takes much room.
    pub(super) fn forget_large(&mut self, stream: u64) {
        let of_it = self.kept.iter().filter(|kept| kept.id.stream == stream);
        let bytes: usize = of_it.map(|kept| kept.message.bytes().len()).sum();
        if bytes > limits::REPLAY_DELIVERED_BYTES {
            self.forget(stream);
        }
    }

    /// Gives up one stream.
    pub(super) fn forget(&mut self, stream: u64) {
        if self.kept.iter().all(|kept| kept.id.stream != stream) {
            return;
        }
        self.kept.retain(|kept| kept.id.stream != stream);
        self.bytes = self.kept.iter().map(|kept| kept.message.bytes().len()).sum();
        if self.kept.is_empty() {
            // Sessions are many, and most are idle.
            self.kept = VecDeque::new();
        }
    }

    fn drop_first(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.bytes -= kept.message.bytes().len();
        }
    }
}
