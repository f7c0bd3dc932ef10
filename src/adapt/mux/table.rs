//! Who is there, which requests are open, and under which names.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::adapt::mux::Settings;
use crate::adapt::mux::outbox::Outbox;
use crate::adapt::mux::params::Wishes;
use crate::adapt::mux::refusal;
use crate::channel::Sender;
use crate::limits;
use crate::message::Edit;
use crate::message::Head;
use crate::message::Id;
use crate::message::Message;
use crate::message::Method;
use crate::message::RpcError;
use crate::report::Failure;

/// Names a client as long as the server lives; a newer one has a higher one.
pub(crate) type ClientKey = u64;

/// The id that a request has at the server, and its progress token there.
pub(crate) type Number = u64;

/// Ten digits: the ids of most clients are no longer, so that a large result gets its own id back
/// where it lies in memory; and a server that keeps ids in 32 bits can count on for a while.
const FIRST_NUMBER: Number = 1_000_000_000;

/// All that changes, under one lock that is never held while anything waits.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) settings: Settings,
    // None once the server has gone.
    pub(crate) server: Option<Sender>,
    pub(crate) clients: BTreeMap<ClientKey, Client>,
    pub(crate) open: BTreeMap<Number, Open>,
    pub(crate) asked: HashMap<Id, Asked>,
    // What we have to say to the server ourselves.
    pub(crate) errands: Vec<Message>,
    pub(crate) idle_since: Option<Instant>,
    pub(crate) dropped: u64,
    next_client: ClientKey,
    next_number: Number,
    kept_bytes: usize,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) outbox: Arc<Outbox>,
    open: HashMap<Id, Number>,
    // Cancelled, in the sense of "has happened", when nothing is open any more.
    settled: Option<CancellationToken>,
}

/// A request of a client that has no answer yet.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) client: ClientKey,
    pub(crate) method: Method,
    /// The text of the client's id, byte for byte.
    pub(crate) id_text: Box<str>,
    /// The text of the client's progress token.
    pub(crate) token: Option<Box<str>>,
    /// Whether log messages were asked for.
    pub(crate) logs: bool,
    id: Id,
    // Whether the server may have it.
    sent: bool,
}

/// A request of the server that a client has to answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) client: ClientKey,
    /// The text of the server's progress token.
    pub(crate) token: Option<Box<str>>,
}

/// Why a request does not go to the server.
#[derive(Debug)]
pub(crate) enum Refused {
    /// This is the answer.
    Answer(Box<RpcError>),
    /// The client was cut off, or the server has gone.
    Gone,
}

impl Refused {
    /// Refused with this answer.
    pub(crate) fn answer(error: RpcError) -> Self {
        Self::Answer(Box::new(error))
    }
}

impl Table {
    /// Nobody is there yet.
    pub(crate) fn new(server: Sender, settings: Settings) -> Self {
        Self {
            settings,
            server: Some(server),
            clients: BTreeMap::new(),
            open: BTreeMap::new(),
            asked: HashMap::new(),
            errands: Vec::new(),
            idle_since: Some(Instant::now()),
            dropped: 0,
            next_client: 0,
            next_number: FIRST_NUMBER,
            kept_bytes: 0,
        }
    }

    /// A new client, whose messages go into `queue`. None if the server has gone.
    pub(crate) fn join(&mut self, queue: Sender) -> Option<ClientKey> {
        self.server.as_ref()?;
        let key = self.next_client;
        self.next_client += 1;
        let outbox = Arc::new(Outbox::new(key, queue));
        self.clients.insert(key, Client { outbox, open: HashMap::new(), settled: None });
        self.idle_since = None;
        Some(key)
    }

    /// The way to the server, for a client that is still there.
    pub(crate) fn server_of(&self, key: ClientKey) -> Option<Sender> {
        self.server.clone().filter(|_| self.clients.contains_key(&key))
    }

    /// The way to a client that is still there.
    pub(crate) fn outbox_of(&self, key: ClientKey) -> Option<Arc<Outbox>> {
        self.clients.get(&key).map(|client| Arc::clone(&client.outbox))
    }

    /// Opens a request of a client, and says under which number it goes to the server.
    pub(crate) fn admit(
        &mut self,
        key: ClientKey,
        (id, method): (&Id, &Method),
        id_text: &str,
        wishes: &Wishes,
    ) -> Result<(Number, Sender), Refused> {
        let server = self.server.clone().ok_or(Refused::Gone)?;
        let busy = self.open.len() + self.errands.len() >= limits::MAX_SHARED_IN_FLIGHT;
        let client = self.clients.get_mut(&key).ok_or(Refused::Gone)?;
        let full = client.open.len() >= limits::MAX_IN_FLIGHT;
        let Entry::Vacant(place) = client.open.entry(id.clone()) else {
            return Err(Refused::answer(RpcError::invalid_request("this id is in use")));
        };
        let token = wishes.progress.as_ref().map(|token| token.text().into());
        let open = Open {
            client: key,
            method: method.clone(),
            id_text: id_text.into(),
            token,
            logs: wishes.logs,
            id: id.clone(),
            sent: false,
        };
        if busy || full || self.kept_bytes + open.kept_bytes() > limits::KEPT_ID_BYTES {
            return Err(Refused::answer(refusal::too_many(full)));
        }
        let number = self.next_number;
        self.next_number += 1;
        self.kept_bytes += open.kept_bytes();
        place.insert(number);
        self.open.insert(number, open);
        Ok((number, server))
    }

    /// The server has this request now. If its client was cut off meanwhile, it is cancelled.
    pub(crate) fn sent(&mut self, number: Number, key: ClientKey) {
        if let Some(open) = self.open.get_mut(&number) {
            open.sent = true;
        } else if self.settings.cancel_on_leave && !self.clients.contains_key(&key) {
            self.errands.extend(cancellation(number));
        }
    }

    /// Ends an open request: nothing that names it finds its client any more.
    pub(crate) fn close(&mut self, number: Number) -> Option<Open> {
        let open = self.open.remove(&number)?;
        self.kept_bytes -= open.kept_bytes();
        if let Some(client) = self.clients.get_mut(&open.client) {
            client.open.remove(&open.id);
            client.note_settled();
        }
        Some(open)
    }

    /// A client cancels one of its requests, which gets no answer any more. The number of it, unless
    /// it is open no longer or may not be cancelled.
    pub(crate) fn cancel(&mut self, key: ClientKey, id: &Id) -> Option<Number> {
        let number = *self.clients.get(&key)?.open.get(id)?;
        // The specification does not allow `initialize` to be cancelled.
        self.open.get(&number).filter(|open| &*open.method != "initialize")?;
        self.close(number).map(|_| number)
    }

    /// Takes a client's answer to a request of the server; false if it is not this client's to give.
    pub(crate) fn take_answer(&mut self, key: ClientKey, head: &Head) -> bool {
        let id =
            head.response_id().filter(|id| self.asked.get(id).is_some_and(|a| a.client == key));
        let taken = id.is_some_and(|id| self.asked.remove(id).is_some());
        self.dropped += u64::from(!taken);
        taken
    }

    /// Whether the server gave this progress token to this client.
    pub(crate) fn gave_token(&self, key: ClientKey, token: &str) -> bool {
        self.asked.values().any(|a| a.client == key && a.token.as_deref() == Some(token))
    }

    /// A client has left: its requests are cancelled at the server, and what it was asked gets an
    /// error.
    pub(crate) fn leave(&mut self, key: ClientKey) {
        let Some(client) = self.clients.remove(&key) else { return };
        for number in client.open.into_values() {
            let Some(open) = self.close(number) else { continue };
            let cancellable = open.sent && &*open.method != "initialize";
            if cancellable && self.settings.cancel_on_leave {
                self.errands.extend(cancellation(number));
            }
        }
        let asked = self.asked.iter().filter(|(_, asked)| asked.client == key);
        let unanswered: Vec<Id> = asked.map(|(id, _)| id.clone()).collect();
        for id in unanswered {
            self.asked.remove(&id);
            self.errands.push(refusal::client_left().answer(Some(&id)));
        }
        if let Some(settled) = client.settled {
            settled.cancel();
        }
        if self.clients.is_empty() {
            self.idle_since = Some(Instant::now());
        }
    }

    /// The server has gone: all clients leave, with these last answers.
    pub(crate) fn end(&mut self, failure: &Failure) -> Vec<(Arc<Outbox>, Message)> {
        self.server = None;
        self.errands.clear();
        self.asked.clear();
        self.kept_bytes = 0;
        self.idle_since.get_or_insert_with(Instant::now);
        let clients = std::mem::take(&mut self.clients);
        let answers = std::mem::take(&mut self.open).into_values().filter_map(|open| {
            let mut failure = failure.clone();
            if !open.sent {
                failure = refusal::not_sent(failure);
            }
            Some((Arc::clone(&clients.get(&open.client)?.outbox), open.answer(&failure)))
        });
        let answers = answers.collect();
        for client in clients.into_values() {
            client.outbox.fail(failure.clone());
            client.settled.iter().for_each(CancellationToken::cancel);
        }
        answers
    }

    /// Happens when the client has no open request, or is gone.
    pub(crate) fn settled(&mut self, key: ClientKey) -> CancellationToken {
        let settled = CancellationToken::new();
        match self.clients.get_mut(&key) {
            Some(client) if !client.open.is_empty() => client.settled = Some(settled.clone()),
            _ => settled.cancel(),
        }
        settled
    }
}

impl Client {
    fn note_settled(&self) {
        if let Some(settled) = self.settled.as_ref().filter(|_| self.open.is_empty()) {
            settled.cancel();
        }
    }
}

impl Open {
    /// An error of ours for the client that asked.
    pub(crate) fn answer(&self, failure: &Failure) -> Message {
        let answer = RpcError::failed(failure, Some(&self.method)).answer(Some(&self.id));
        let Some(at) = answer.head().map(|head| answer.id_range(head)) else { return answer };
        answer.spliced(&mut [Edit { at, text: self.id_bytes() }])
    }

    /// The client's id, to be put where ours stands.
    pub(crate) fn id_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.id_text.as_bytes())
    }

    // The id is kept as text, as a key of the client's, and as our own way back to that.
    fn kept_bytes(&self) -> usize {
        3 * self.id_text.len() + self.token.as_deref().map_or(0, str::len)
    }
}

/// What tells the server that nobody waits for a request any more.
fn cancellation(number: Number) -> Option<Message> {
    let text = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number},"reason":"the client has gone"}}}}"#
    );
    Message::parse(text.into()).ok()
}
