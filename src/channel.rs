//! Two bounded queues of messages, one each way, and a reason when it closes. Everything that can
//! be talked to is a [`Channel`].
//!
//! Closing is in halves. Dropping the [`Sender`] says "nothing more will come": the other end
//! finishes what runs and then closes its own half. Dropping the whole [`Channel`] ends the
//! transport behind it at once.

mod queue;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use crate::channel::queue::Batch;
use crate::channel::queue::Queue;
use crate::channel::queue::Unqueued;
use crate::limits;
use crate::message::Message;
use crate::report::Failure;

/// One end of a conversation.
#[derive(Debug)]
pub struct Channel {
    /// Where this end's messages go.
    pub sender: Sender,
    /// Where the other end's messages come from.
    pub receiver: Receiver,
}

impl Channel {
    /// Two ends that are joined.
    pub fn pair() -> (Self, Self) {
        let (near_sender, far_receiver) = queue();
        let (far_sender, near_receiver) = queue();
        let near = Self { sender: near_sender, receiver: near_receiver };
        (near, Self { sender: far_sender, receiver: far_receiver })
    }
}

/// One direction: at most [`limits::CHANNEL_MESSAGES`] messages and about
/// [`limits::CHANNEL_BYTES`] bytes wait in it.
pub fn queue() -> (Sender, Receiver) {
    let queue = Arc::new(Queue::new());
    (Sender(Arc::clone(&queue)), Receiver { queue, rest: VecDeque::new() })
}

/// The other end is gone: what is sent goes nowhere.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the other end of the channel is gone")]
pub struct Gone;

/// The sending half.
#[derive(Debug)]
pub struct Sender(Arc<Queue>);

impl Sender {
    /// Waits for room, then queues `message`.
    ///
    /// # Errors
    /// [`Gone`] if nobody can receive it any more.
    pub async fn send(&self, message: Message) -> Result<(), Gone> {
        self.0.push(Batch::new(vec![message])).await
    }

    /// As [`Sender::send`] for all of `messages`, in one step; it is empty afterwards.
    ///
    /// # Errors
    /// [`Gone`] if nobody can receive them any more.
    pub async fn send_all(&self, messages: &mut Vec<Message>) -> Result<(), Gone> {
        if messages.is_empty() {
            return Ok(());
        }
        self.0.push(Batch::new(std::mem::take(messages))).await
    }

    /// Queues `message` if there is room for it at once.
    ///
    /// # Errors
    /// The message itself, if it would have to wait or nobody can receive it any more.
    pub fn try_send(&self, message: Message) -> Result<(), Message> {
        let Err(Unqueued::Full(mut back) | Unqueued::Gone(mut back)) =
            self.0.try_push(Batch::new(vec![message]))
        else {
            return Ok(());
        };
        back.messages.pop().map_or(Ok(()), Err)
    }

    /// A sender that does not keep this direction open.
    pub fn downgrade(&self) -> WeakSender {
        WeakSender(Arc::clone(&self.0))
    }

    /// Notes why this direction is about to close. The first reason counts.
    pub fn fail(&self, reason: Failure) {
        self.0.fail(reason);
    }

    /// Whether nobody can receive any more.
    pub fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until nobody can receive any more.
    pub async fn gone(&self) {
        self.0.closed().await;
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        // There is one: this one.
        self.0.enter();
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The sending half in the hands of somebody who only now and then has something to add.
#[derive(Clone, Debug)]
pub struct WeakSender(Arc<Queue>);

impl WeakSender {
    /// As [`Sender::send`].
    ///
    /// # Errors
    /// [`Gone`] if nobody can receive it any more, or if this direction is closed.
    pub async fn send(&self, message: Message) -> Result<(), Gone> {
        if !self.0.enter() {
            return Err(Gone);
        }
        Sender(Arc::clone(&self.0)).send(message).await
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver {
    queue: Arc<Queue>,
    // The rest of what came together, for those who take one at a time.
    rest: VecDeque<Message>,
}

impl Receiver {
    /// The next message; `None` once the other end has closed and everything was received.
    /// Cancel safe.
    pub async fn recv(&mut self) -> Option<Message> {
        if self.rest.is_empty() {
            self.rest = self.next().await?.messages.into();
        }
        self.rest.pop_front()
    }

    /// The next response; what comes before it is dropped. `None` as for [`Receiver::recv`]. Cancel
    /// safe.
    pub async fn recv_response(&mut self) -> Option<Message> {
        loop {
            let message = self.recv().await?;
            if message.is_response() {
                return Some(message);
            }
        }
    }

    /// Waits until there is something to receive, or never will be.
    pub async fn ready(&self) {
        if self.rest.is_empty() {
            poll_fn(|cx| self.queue.poll_ready(cx)).await;
        }
    }

    /// Waits for a message and takes what waits behind it. False once the other end has closed and
    /// everything was received. Cancel safe.
    pub async fn recv_all(&mut self, messages: &mut Vec<Message>) -> bool {
        messages.extend(self.rest.drain(..));
        if messages.is_empty() {
            let Some(next) = self.next().await else { return false };
            *messages = next.messages;
        }
        self.take_ready(messages);
        true
    }

    /// As [`Receiver::recv_all`], for those who poll: ready with false at the end.
    pub fn poll_recv_all(
        &mut self,
        cx: &mut Context<'_>,
        messages: &mut Vec<Message>,
    ) -> Poll<bool> {
        messages.extend(self.rest.drain(..));
        if messages.is_empty() {
            match ready!(self.queue.poll_pop(cx)) {
                Some(next) => *messages = next.messages,
                None => return Poll::Ready(false),
            }
        }
        self.take_ready(messages);
        Poll::Ready(true)
    }

    async fn next(&self) -> Option<Batch> {
        poll_fn(|cx| self.queue.poll_pop(cx)).await
    }

    /// Takes what waits already.
    fn take_ready(&mut self, messages: &mut Vec<Message>) {
        while messages.len() < limits::MESSAGES_TOGETHER {
            let Some(next) = self.queue.try_pop() else { break };
            messages.extend(next.messages);
        }
    }

    /// Whether the other end has closed and everything was received.
    pub fn is_over(&self) -> bool {
        self.rest.is_empty() && self.queue.is_ended() && self.queue.is_empty()
    }

    /// Whether the other end has closed; what it sent before may still wait here.
    pub fn is_closed(&self) -> bool {
        self.queue.is_ended()
    }

    /// Why the other end closed; `None` for an orderly end.
    pub fn reason(&self) -> Option<&Failure> {
        self.queue.reason()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::channel::Channel;
    use crate::channel::Gone;
    use crate::channel::queue;
    use crate::limits;
    use crate::message::Id;
    use crate::message::Message;
    use crate::message::RpcError;
    use crate::report::Failure;
    use crate::report::Kind;
    use crate::report::Report;

    fn message() -> Message {
        RpcError::invalid_request("").answer(Some(&Id::string("x")))
    }

    fn large() -> Message {
        let text =
            format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, "x".repeat(limits::CHANNEL_BYTES / 2));
        Message::parse(Bytes::from(text)).unwrap()
    }

    #[tokio::test]
    async fn both_ends_hear_each_other() {
        let (mut near, mut far) = Channel::pair();
        near.sender.send(message()).await.unwrap();
        far.sender.send(message()).await.unwrap();
        assert!(far.receiver.recv().await.is_some());
        assert!(near.receiver.recv().await.is_some());
    }

    #[tokio::test]
    async fn a_closed_direction_ends_after_what_was_sent_and_tells_why() {
        let (sender, mut receiver) = queue();
        sender.send(message()).await.unwrap();
        sender.fail(Failure::new(Kind::Tls, Report::new("first")));
        sender.fail(Failure::new(Kind::Auth, Report::new("second")));
        assert!(!receiver.is_closed());
        drop(sender);
        assert!(receiver.is_closed() && !receiver.is_over());
        assert!(receiver.recv().await.is_some());
        assert!(receiver.recv().await.is_none());
        assert_eq!(receiver.reason().unwrap().report.error, "first");
    }

    #[tokio::test]
    async fn sending_to_nobody_is_said() {
        let (sender, receiver) = queue();
        drop(receiver);
        sender.gone().await;
        assert_eq!(sender.send(message()).await, Err(Gone));
        assert_eq!(sender.send(large()).await, Err(Gone));
    }

    #[tokio::test]
    async fn what_would_have_to_wait_comes_back() {
        let (sender, mut receiver) = queue();
        sender.try_send(large()).unwrap();
        assert!(sender.try_send(large()).is_err(), "no room in bytes");
        receiver.recv().await.unwrap();
        sender.try_send(large()).unwrap();
        for _ in 1..limits::CHANNEL_MESSAGES {
            sender.try_send(message()).unwrap();
        }
        assert!(sender.try_send(message()).is_err(), "no room in messages");
        drop(receiver);
        assert!(sender.try_send(message()).is_err(), "nobody there");
    }

    #[tokio::test(start_paused = true)]
    async fn large_messages_wait_for_room_in_bytes() {
        let (sender, mut receiver) = queue();
        sender.send(large()).await.unwrap();
        let second = sender.send(large());
        tokio::pin!(second);
        let limit = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(limit, &mut second).await.is_err(), "no room yet");
        receiver.recv().await.unwrap();
        second.await.unwrap();
    }
}
