//! Messages on their way out, as many lines in one write as there are.

use bytes::Bytes;

use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;

/// The lines that are to be written next.
#[derive(Default)]
pub(crate) struct Bundle {
    /// Small lines, gathered so that a burst costs few system calls.
    pub(crate) small: Vec<u8>,
    /// A large line that follows them, without its end: it goes out as it is.
    pub(crate) large: Option<Bytes>,
    waiting: Vec<Message>,
}

impl Bundle {
    /// Whether there is something for the next time already.
    pub(crate) fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Waits for a message and takes what waits behind it; `None` once nothing more will come.
    pub(crate) async fn next(&mut self, messages: &mut Receiver) -> Option<()> {
        if self.waiting.is_empty() && !messages.recv_all(&mut self.waiting).await {
            return None;
        }
        self.small.clear();
        let mut taken = 0;
        for message in &self.waiting {
            taken += 1;
            let bytes = message.bytes();
            if bytes.len() > limits::WRITE_BYTES {
                self.large = Some(bytes.clone());
                break;
            }
            self.small.extend_from_slice(bytes);
            self.small.push(b'\n');
            if self.small.len() > limits::WRITE_BYTES {
                break;
            }
        }
        self.waiting.drain(..taken);
        Some(())
    }

    /// Gives most of the memory back once all is written.
    pub(crate) fn slim(&mut self) {
        self.small.clear();
        self.small.shrink_to(limits::IDLE_ROOM_BYTES);
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
    }
}
