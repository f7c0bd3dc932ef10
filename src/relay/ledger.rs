//! Which requests of the host wait for their answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Label;
use crate::auth::label;
use crate::limits;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::Method;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

/// The open requests, by id.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    label: Option<Label>,
    open: HashMap<Id, Open>,
    // Cancelled, in the sense of "has happened", when the last one is answered.
    empty: Option<CancellationToken>,
}

#[derive(Debug)]
struct Open {
    method: Method,
    since: Instant,
}

/// What to do with a message of the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody waits for it.
    Drop,
    /// It goes to the host.
    Forward,
}

/// The ledger, for a moment.
pub(crate) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a request is open.
pub(crate) fn is_open(ledger: &Mutex<Ledger>) -> bool {
    !lock(ledger).open.is_empty()
}

/// Waits until no request is open.
pub(crate) async fn drained(ledger: &Mutex<Ledger>) {
    let empty = CancellationToken::new();
    {
        let mut ledger = lock(ledger);
        if ledger.open.is_empty() {
            return;
        }
        ledger.empty = Some(empty.clone());
    }
    empty.cancelled().await;
}

impl Ledger {
    /// No request is open. With a label the log speaks of a client and a server.
    pub(crate) fn new(label: Option<Label>) -> Self {
        Self { label, ..Self::default() }
    }

    /// Notes the requests in a message of the host. Returns the answers if it cannot go on: an id
    /// that is in use already, or too many requests.
    pub(crate) fn admit(&mut self, message: &Message) -> Vec<Message> {
        for head in message.heads() {
            self.trace(true, message, head, None);
        }
        if let Some(id) = message.cancelled_request() {
            self.cancel(&id);
        }
        let full = self.open.len() >= limits::MAX_IN_FLIGHT;
        let clash = message.request_ids().any(|id| self.open.contains_key(id));
        if full || clash {
            return message.request_ids().map(|id| refusal(id, full)).collect();
        }
        let since = Instant::now();
        for head in message.heads() {
            if let MessageKind::Request { id, method } = &head.kind {
                let open = Open { method: method.clone(), since };
                if let Entry::Vacant(entry) = self.open.entry(id.clone()) {
                    entry.insert(open);
                }
            }
        }
        Vec::new()
    }

    /// Decides on a message of the remote: the first answer to an open request counts.
    pub(crate) fn settle(&mut self, message: &Message) -> Verdict {
        let Some(head) = message.head() else { return Verdict::Drop };
        if !matches!(head.kind, MessageKind::Response { .. }) {
            self.trace(false, message, head, None);
            return Verdict::Forward;
        }
        let open = head.response_id().and_then(|id| self.open.remove(id));
        self.trace(false, message, head, open.as_ref().map(|open| open.since));
        self.note_empty();
        if open.is_some() {
            return Verdict::Forward;
        }
        tracing::debug!("dropped a response that nobody waits for");
        Verdict::Drop
    }

    /// Answers all that is open.
    pub(crate) fn close(&mut self, failure: &Failure) -> Vec<Message> {
        let answer = |(id, open): (Id, Open)| {
            RpcError::failed(failure, Some(&open.method)).answer(Some(&id))
        };
        self.open.drain().map(answer).collect()
    }

    /// A cancelled request gets no answer any more: a late one finds nobody who waits.
    fn cancel(&mut self, id: &Id) {
        // The specification does not allow `initialize` to be cancelled.
        if self.open.get(id).is_some_and(|open| &*open.method != "initialize") {
            self.open.remove(id);
        }
        self.note_empty();
    }

    /// One line a message, never its body.
    fn trace(&self, is_up: bool, message: &Message, head: &Head, since: Option<Instant>) {
        let way = match (&self.label, is_up) {
            (None, true) => "host -> remote",
            (None, false) => "remote -> host",
            (Some(_), true) => "client -> server",
            (Some(_), false) => "server -> client",
        };
        label::trace(way, self.label.as_ref(), message, head, since.map(|since| since.elapsed()));
    }

    fn note_empty(&mut self) {
        if let Some(empty) = &self.empty
            && self.open.is_empty()
        {
            empty.cancel();
        }
    }
}

fn refusal(id: &Id, full: bool) -> Message {
    if !full {
        return RpcError::invalid_request("this id is in use").answer(Some(id));
    }
    let report = Report::new("too many requests at the same time")
        .cause(format!("{} wait for their answer", limits::MAX_IN_FLIGHT));
    let mut failure = Failure::new(Kind::Overloaded, report);
    failure.retry_safe = true;
    RpcError::failed(&failure, None).answer(Some(id))
}
