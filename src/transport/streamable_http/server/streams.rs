//! Which of a session's streams a message of the server goes to (specification 2025-11-25,
//! "Multiple Connections": one of them, never several).

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::channel;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::limits;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::Method;
use crate::message::RpcError;
use crate::report::Failure;
use crate::transport::event_body::EventId;
use crate::transport::streamable_http::params::progress_token;
use crate::transport::streamable_http::server::replay::Replay;

/// The streams of one session: one for each POST with a request, and the general one that a GET
/// opens.
#[derive(Debug, Default)]
pub(super) struct Streams {
    last: u64,
    open: HashMap<u64, Stream>,
    waiting: HashMap<Id, Waiting>,
    // Cancelled, in the sense of "has happened", when the last one is answered.
    answered: Option<CancellationToken>,
    tokens: HashMap<Id, u64>,
    general: Option<u64>,
    // For the general stream, until there is one.
    backlog: VecDeque<Message>,
    backlog_bytes: usize,
    // Messages that there was no room for.
    lost: u64,
    replay: Replay,
    // Events have ids, so that a broken stream can be taken up again.
    resumable: bool,
    // The session has ended: a stream that begins now ends at once.
    closed: bool,
}

/// A request.
#[derive(Debug)]
struct Waiting {
    stream: u64,
    method: Method,
    since: Instant,
}

#[derive(Debug)]
struct Stream {
    // None while no client reads it.
    outlet: Option<Sender>,
    // Tells one reader from the next.
    reader: u64,
    // Messages so far, which is the number of the latest event.
    sent: u64,
    // Requests that wait for their answer on it.
    requests: usize,
    tokens: Vec<Id>,
}

/// A client at one end of a stream.
#[derive(Debug)]
pub(super) struct Attached {
    /// Which stream, and who reads it now.
    pub(super) place: Place,
    /// What is to be sent.
    pub(super) queue: Receiver,
    /// What the client has missed; it comes first.
    pub(super) missed: Vec<Message>,
    /// The id of the next event; `None` where the session has no ids.
    pub(super) next: Option<EventId>,
}

/// One reader of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    stream: u64,
    reader: u64,
}

/// Why a request cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotNow {
    /// Too many wait for their answer.
    Full,
    /// One with this id waits for its answer.
    InUse,
}

/// Where a message goes now.
#[derive(Debug)]
pub(super) enum Route {
    /// To nobody: it was kept, or nobody waits for it.
    Kept,
    /// To a client.
    To(Sender, Message, Place),
    /// It was kept, and the oldest that was kept is lost, the so-manieth; not told each time.
    Lost(u64),
}

impl Streams {
    /// From now on events have ids.
    pub(super) fn make_resumable(&mut self) {
        self.resumable = true;
    }

    /// A stream for the answers to the requests in `message`; of all requests together at most
    /// `most` may wait.
    pub(super) fn begin(&mut self, message: &Message, most: usize) -> Result<Attached, NotNow> {
        let is_used = message.request_ids().any(|id| self.waiting.contains_key(id));
        if is_used || message.is_batch() && has_twins(message) {
            return Err(NotNow::InUse);
        }
        if self.waiting.len() + message.request_ids().count() > most {
            return Err(NotNow::Full);
        }
        let (outlet, queue) = channel::queue();
        let place = self.add(outlet);
        let mut tokens = Vec::new();
        let since = Instant::now();
        for head in message.heads() {
            let Kind::Request { id, method } = &head.kind else { continue };
            let waiting = Waiting { stream: place.stream, method: method.clone(), since };
            self.waiting.insert(id.clone(), waiting);
            tokens.extend(progress_token(message, head));
        }
        self.tokens.extend(tokens.iter().map(|token| (token.clone(), place.stream)));
        if let Some(stream) = self.open.get_mut(&place.stream) {
            stream.requests = message.request_ids().count();
            stream.tokens = tokens;
        }
        Ok(self.attached(place, queue, Vec::new(), 0))
    }

    /// The general stream, for a GET. A reader that it has already loses it: a client that comes
    /// again knows better than we whether the old connection lives.
    pub(super) fn general(&mut self) -> Attached {
        // Also those before it, which are kept for a client that comes back.
        self.open.retain(|_, stream| stream.requests > 0);
        let (outlet, queue) = channel::queue();
        let place = self.add(outlet);
        self.general = Some(place.stream);
        let missed = self.take_backlog(place.stream);
        self.attached(place, queue, missed, 0)
    }

    /// Takes a stream up again after the event `last`. `None` if it is not known any more.
    pub(super) fn resume(&mut self, last: EventId) -> Option<Attached> {
        if !self.resumable || last.stream > self.last {
            return None;
        }
        let (seen, mut missed) = self.replay.after(last);
        let (outlet, queue) = channel::queue();
        let Some(stream) = self.open.get_mut(&last.stream) else {
            // It is complete: what is left of it is all there is.
            let place = Place { stream: last.stream, reader: 0 };
            let known = !missed.is_empty();
            return known.then(|| self.attached(place, queue, missed, seen));
        };
        if last.number > stream.sent {
            return None;
        }
        // All of it may be too old to be kept.
        let seen = stream.sent - missed.len() as u64;
        stream.outlet = Some(outlet);
        stream.reader += 1;
        let place = Place { stream: last.stream, reader: stream.reader };
        if stream.requests == 0 {
            // Only the general stream is open without a request.
            if self.general != Some(last.stream) {
                self.close_general();
                self.general = Some(last.stream);
            }
            missed.extend(self.take_backlog(last.stream));
        }
        Some(self.attached(place, queue, missed, seen))
    }

    /// Where a message of the server goes.
    pub(super) fn route(&mut self, message: Message) -> Route {
        self.replay.expire();
        let Some(head) = message.head() else { return Route::Kept };
        if let Some(id) = head.response_id() {
            let Some(waiting) = self.waiting.remove(id) else {
                tracing::debug!("dropped a response that nobody waits for");
                return Route::Kept;
            };
            self.note_answered();
            return self.answer(waiting.stream, message);
        }
        match self.stream_for(&message, head) {
            Some(stream) => self.send(stream, message),
            None => self.hold(message),
        }
    }

    /// The client wants no answer to this request any more, and most servers give none.
    pub(super) fn cancel(&mut self, id: &Id) {
        // The specification does not allow `initialize` to be cancelled.
        if self.waiting.get(id).is_none_or(|waiting| &*waiting.method == "initialize") {
            return;
        }
        let Some(Waiting { stream: number, .. }) = self.waiting.remove(id) else { return };
        self.note_answered();
        let Some(stream) = self.open.get_mut(&number) else { return };
        stream.requests -= 1;
        if stream.requests == 0 {
            self.end(number);
        }
    }

    /// For how long a request has waited for its answer, if it does.
    pub(super) fn waits_for(&self, id: &Id) -> Option<Duration> {
        self.waiting.get(id).map(|waiting| waiting.since.elapsed())
    }

    /// Cancelled, in the sense of "has happened", as soon as no request waits for its answer.
    pub(super) fn answered(&mut self) -> CancellationToken {
        let answered = self.answered.get_or_insert_default().clone();
        self.note_answered();
        answered
    }

    /// Answers all that wait, as far as somebody reads.
    pub(super) fn fail(&mut self, failure: &Failure) {
        for (id, waiting) in self.waiting.drain() {
            let outlet = self.open.get(&waiting.stream).and_then(|it| it.outlet.as_ref());
            let error = RpcError::failed(failure, Some(&waiting.method)).answer(Some(&id));
            // Who is that far behind sees the end of the stream.
            let _ = outlet.map(|outlet| outlet.try_send(error));
        }
        self.note_answered();
    }

    /// The reader of `place` has gone. Its stream goes on if it can be taken up again.
    pub(super) fn leave(&mut self, place: Place, resumable: bool) {
        let Some(stream) = self.open.get_mut(&place.stream) else { return };
        if stream.reader != place.reader {
            return;
        }
        stream.outlet = None;
        if self.general == Some(place.stream) {
            self.general = None;
        }
        if !(resumable && self.resumable) {
            self.end(place.stream);
        }
    }

    /// All of a stream was handed on: what is large need not be kept.
    pub(super) fn finished(&mut self, place: Place) {
        if !self.open.contains_key(&place.stream) {
            self.replay.forget_large(place.stream);
        }
    }

    /// The answer reached the client in another way than as an event.
    pub(super) fn forget(&mut self, place: Place) {
        self.end(place.stream);
        self.replay.forget(place.stream);
    }

    /// Ends the general stream.
    pub(super) fn close_general(&mut self) {
        if let Some(stream) = self.general.take() {
            self.open.remove(&stream);
        }
    }

    /// Ends them all.
    pub(super) fn close(&mut self) {
        *self = Self { closed: true, ..Self::default() };
    }

    /// How many have a reader.
    pub(super) fn readers(&self) -> usize {
        self.open.values().filter(|stream| stream.outlet.is_some()).count()
    }

    fn add(&mut self, outlet: Sender) -> Place {
        self.last += 1;
        let stream =
            Stream { outlet: Some(outlet), reader: 0, sent: 0, requests: 0, tokens: Vec::new() };
        if !self.closed {
            self.open.insert(self.last, stream);
        }
        Place { stream: self.last, reader: 0 }
    }

    fn attached(&self, place: Place, queue: Receiver, missed: Vec<Message>, seen: u64) -> Attached {
        let id = EventId { stream: place.stream, number: seen + 1 };
        Attached { place, queue, missed, next: self.resumable.then_some(id) }
    }

    /// The stream for what is no answer: progress belongs to its request, what the server wants
    /// during a request goes beside its answer, and the rest is for the general stream.
    fn stream_for(&self, message: &Message, head: &Head) -> Option<u64> {
        let general = || self.general;
        match &head.kind {
            Kind::Notification { method } if &**method == "notifications/progress" => {
                let token = progress_token(message, head);
                token.and_then(|token| self.tokens.get(&token).copied()).or_else(general)
            }
            Kind::Notification { method } if &**method == "notifications/message" => {
                self.newest().or_else(general)
            }
            Kind::Notification { .. } => self.general,
            Kind::Request { .. } => self.newest().or_else(general),
            Kind::Response { .. } => None,
        }
    }

    /// The newest stream with a reader and a request.
    fn newest(&self) -> Option<u64> {
        let busy = |(_, stream): &(&u64, &Stream)| stream.outlet.is_some() && stream.requests > 0;
        self.open.iter().filter(busy).map(|(number, _)| *number).max()
    }

    fn send(&mut self, number: u64, message: Message) -> Route {
        let Some(stream) = self.open.get_mut(&number) else { return Route::Kept };
        stream.sent += 1;
        let id = EventId { stream: number, number: stream.sent };
        let place = Place { stream: number, reader: stream.reader };
        let outlet = stream.outlet.clone();
        if self.resumable {
            self.replay.keep(id, message.clone());
        }
        outlet.map_or(Route::Kept, |outlet| Route::To(outlet, message, place))
    }

    fn answer(&mut self, number: u64, message: Message) -> Route {
        let route = self.send(number, message);
        if let Some(stream) = self.open.get_mut(&number) {
            stream.requests -= 1;
            if stream.requests == 0 {
                self.end(number);
            }
        }
        route
    }

    /// Forgets a stream, but not what may be replayed of it.
    fn end(&mut self, number: u64) {
        let Some(stream) = self.open.remove(&number) else { return };
        for token in &stream.tokens {
            self.tokens.remove(token);
        }
        if stream.requests > 0 {
            self.waiting.retain(|_, waiting| waiting.stream != number);
            self.note_answered();
        }
    }

    fn note_answered(&self) {
        if let Some(answered) = &self.answered
            && self.waiting.is_empty()
        {
            answered.cancel();
        }
    }

    /// Keeps a message until there is a general stream.
    fn hold(&mut self, message: Message) -> Route {
        let before = self.lost;
        self.backlog_bytes += message.bytes().len();
        self.backlog.push_back(message);
        while self.backlog.len() > limits::GENERAL_BACKLOG
            || (self.backlog_bytes > limits::REPLAY_BYTES && self.backlog.len() > 1)
        {
            self.lost += 1;
            let lost = self.backlog.pop_front();
            self.backlog_bytes -= lost.map_or(0, |message| message.bytes().len());
        }
        let is_told = self.lost > before && self.lost.is_power_of_two();
        if is_told { Route::Lost(self.lost) } else { Route::Kept }
    }

    fn take_backlog(&mut self, number: u64) -> Vec<Message> {
        self.backlog_bytes = 0;
        let messages: Vec<Message> = self.backlog.drain(..).collect();
        for message in &messages {
            let Some(stream) = self.open.get_mut(&number) else { continue };
            stream.sent += 1;
            if self.resumable {
                let id = EventId { stream: number, number: stream.sent };
                self.replay.keep(id, message.clone());
            }
        }
        messages
    }
}

/// Whether two requests of a batch have one id.
fn has_twins(batch: &Message) -> bool {
    let mut ids = HashSet::new();
    batch.request_ids().any(|id| !ids.insert(id))
}

#[cfg(test)]
mod tests;
