//! What waits in one direction of a channel: a bounded queue with many senders and one receiver.
//! Very many of them are empty for most of their time, and one is made for each request, so an empty
//! one costs little (see docs/decisions/0021-queue.md).

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::task::ready;

use tokio::sync::Notify;
use tokio::task::coop;

use crate::channel::Gone;
use crate::limits;
use crate::message::Message;
use crate::report::Failure;

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    // Something was taken, or nothing will be taken any more.
    changed: Notify,
    reason: OnceLock<Box<Failure>>,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Batch>,
    // Of what is large, as far as it counts.
    bytes: usize,
    senders: usize,
    // There is a receiver.
    is_open: bool,
    // Somebody waits for room.
    is_short: bool,
    receiver: Option<Waker>,
}

/// What is queued together: mostly one message, many where they came together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Message>,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let bytes = match messages.iter().map(|message| message.bytes().len()).sum() {
            0..=limits::SMALL_MESSAGE_BYTES => 0,
            // What is larger than the whole queue takes all of it.
            bytes => usize::min(bytes, limits::CHANNEL_BYTES),
        };
        Self { messages, bytes }
    }
}

/// Why nothing was queued.
pub(super) enum Unqueued {
    /// There is no room now.
    Full(Batch),
    /// Nobody can receive it any more.
    Gone(Batch),
}

impl Queue {
    /// An empty queue with one sender and its receiver.
    pub(super) fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            senders: 1,
            is_open: true,
            is_short: false,
            receiver: None,
        };
        Self { state: Mutex::new(state), changed: Notify::new(), reason: OnceLock::new() }
    }

    /// Queues `batch` if there is room at once.
    pub(super) fn try_push(&self, batch: Batch) -> Result<(), Unqueued> {
        let mut state = self.lock();
        if !state.is_open {
            return Err(Unqueued::Gone(batch));
        }
        let has_room = state.waiting.len() < limits::CHANNEL_MESSAGES
            && state.bytes + batch.bytes <= limits::CHANNEL_BYTES;
        if !has_room {
            state.is_short = true;
            return Err(Unqueued::Full(batch));
        }
        state.bytes += batch.bytes;
        state.waiting.push_back(batch);
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// Waits for room, then queues `batch`.
    pub(super) async fn push(&self, mut batch: Batch) -> Result<(), Gone> {
        coop::consume_budget().await;
        loop {
            // Before the look, so that no change is missed.
            let changed = self.changed.notified();
            match self.try_push(batch) {
                Ok(()) => return Ok(()),
                Err(Unqueued::Gone(_)) => return Err(Gone),
                Err(Unqueued::Full(back)) => batch = back,
            }
            changed.await;
        }
    }

    /// The next batch; `None` once there is no sender and everything was taken.
    pub(super) fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        let turn = ready!(coop::poll_proceed(cx));
        let state = ready!(self.poll_state(cx));
        turn.made_progress();
        Poll::Ready(self.take(state))
    }

    /// Ready once there is a batch, or will be none any more.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_state(cx).map(drop)
    }

    fn poll_state(&self, cx: &mut Context<'_>) -> Poll<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if state.waiting.is_empty() && state.senders > 0 {
            if !state.receiver.as_ref().is_some_and(|receiver| receiver.will_wake(cx.waker())) {
                state.receiver = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(state)
    }

    /// The next batch, if there is one now.
    pub(super) fn try_pop(&self) -> Option<Batch> {
        self.take(self.lock())
    }

    fn take(&self, mut state: MutexGuard<'_, State>) -> Option<Batch> {
        let batch = state.waiting.pop_front()?;
        state.bytes -= batch.bytes;
        if state.waiting.is_empty() {
            state.waiting.shrink_to(limits::IDLE_QUEUE);
        }
        let somebody_waits = std::mem::take(&mut state.is_short);
        drop(state);
        if somebody_waits {
            self.changed.notify_waiters();
        }
        Some(batch)
    }

    /// One sender more, unless there is none any more.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.lock();
        let is_open = state.senders > 0;
        state.senders += usize::from(is_open);
        is_open
    }

    /// One sender less. With the last one the receiver hears of the end.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.senders -= 1;
        let receiver = if state.senders == 0 { state.receiver.take() } else { None };
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// The receiver leaves: what waits is dropped, and the senders hear of it.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_open = false;
        let waiting = std::mem::take(&mut state.waiting);
        state.receiver = None;
        drop(state);
        drop(waiting);
        self.changed.notify_waiters();
    }

    /// Whether the receiver has left.
    pub(super) fn is_closed(&self) -> bool {
        !self.lock().is_open
    }

    /// Waits until the receiver has left.
    pub(super) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Whether the last sender has left.
    pub(super) fn is_ended(&self) -> bool {
        self.lock().senders == 0
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// Notes why the senders leave. The first reason counts.
    pub(super) fn fail(&self, reason: Failure) {
        // A second reason is a consequence of the first.
        let _ = self.reason.set(Box::new(reason));
    }

    pub(super) fn reason(&self) -> Option<&Failure> {
        self.reason.get().map(|reason| &**reason)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
