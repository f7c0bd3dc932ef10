//! Where the messages of the server go.

use std::sync::Arc;
use std::sync::Mutex;

use crate::adapt::Era;
use crate::adapt::mux::lock;
use crate::adapt::mux::outbox::Outbox;
use crate::adapt::mux::params;
use crate::adapt::mux::params::Value;
use crate::adapt::mux::params::Wishes;
use crate::adapt::mux::refusal;
use crate::adapt::mux::table::Asked;
use crate::adapt::mux::table::ClientKey;
use crate::adapt::mux::table::Number;
use crate::adapt::mux::table::Open;
use crate::adapt::mux::table::Table;
use crate::limits;
use crate::message::Edit;
use crate::message::Head;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::RpcError;

/// The request that opens a subscription; while it is open, notifications name it.
const LISTEN: &str = "subscriptions/listen";

/// Where one message goes.
pub(crate) enum Route {
    /// To every client.
    All(Vec<Arc<Outbox>>),
    /// To nobody; dropped and counted.
    Nobody,
    /// To us: done already.
    Ours,
    /// To one client, with these values put in.
    One(Arc<Outbox>, Vec<Edit>),
}

/// Decides on one message of the server, and notes what it ends or opens.
pub(crate) fn route(table: &Mutex<Table>, era: Era, message: &Message) -> Route {
    let Some(head) = message.head() else { return Route::Nobody };
    let route = match &head.kind {
        Kind::Response { .. } => answer(table, message, head),
        Kind::Request { id, method } => question(table, era, message, (id, method)),
        Kind::Notification { method } => notification(table, era, message, method),
    };
    if matches!(route, Route::Nobody) {
        lock(table).dropped += 1;
        tracing::debug!("dropped a message of a shared server that is for nobody who is there");
    }
    route
}

/// The first answer to an open request goes to its client.
fn answer(table: &Mutex<Table>, message: &Message, head: &Head) -> Route {
    let number = head.response_id().and_then(|id| id.as_json().parse::<Number>().ok());
    let (open, outbox) = {
        let mut table = lock(table);
        let Some(open) = number.and_then(|number| table.close(number)) else {
            return Route::Nobody;
        };
        let Some(client) = table.clients.get(&open.client) else { return Route::Nobody };
        (open, Arc::clone(&client.outbox))
    };
    let mut edits = vec![Edit { at: message.id_range(head), text: open.id_bytes() }];
    if &*open.method == LISTEN {
        // The answer has to come; what it says of itself in two ways may stay as it is.
        let value = params::subscription_id(message, head).ok().flatten();
        let own = value.filter(|value| value.number() == number);
        edits.extend(own.map(|value| value.restored(&open.id_text)));
    }
    Route::One(outbox, edits)
}

/// A request of the server: one client answers it, or we do.
fn question(table: &Mutex<Table>, era: Era, message: &Message, (id, method): (&Id, &str)) -> Route {
    let Some(head) = message.head() else { return Route::Nobody };
    let wishes = Wishes::read(message, head);
    let mut table = lock(table);
    // A modern server may not ask, and must not get an answer (specification 2026-07-28, "stdio").
    // One that does not read gets no more answers than we keep for it.
    if era == Era::Modern || table.errands.len() >= limits::MAX_IN_FLIGHT {
        return Route::Nobody;
    }
    match wishes {
        _ if method == "ping" => {
            table.errands.extend(pong(message, head));
            Route::Ours
        }
        Ok(wishes) => table.ask(id, method, wishes),
        Err(ambiguous) => table.refuse(id, &RpcError::invalid_request(&ambiguous.to_string())),
    }
}

fn notification(table: &Mutex<Table>, era: Era, message: &Message, method: &str) -> Route {
    let Some(head) = message.head() else { return Route::Nobody };
    let found = match method {
        "notifications/progress" => params::progress_token(message, head),
        "notifications/cancelled" => params::cancelled_id(message, head),
        _ if era == Era::Modern => params::subscription_id(message, head),
        _ => Ok(None),
    };
    // A value that the client could read in another way than we do is not passed on.
    let Ok(value) = found else { return Route::Nobody };
    let mut table = lock(table);
    match (method, value) {
        ("notifications/progress", Some(value)) => table.progress(&value),
        ("notifications/cancelled", Some(value)) => match era {
            Era::Legacy => table.question_withdrawn(&value),
            Era::Modern => table.ended(&value),
        },
        ("notifications/progress" | "notifications/cancelled", None) => Route::Nobody,
        (_, Some(value)) => table.subscribed(&value),
        ("notifications/message", None) if era == Era::Modern => table.logged(),
        (_, None) => Route::All(table.clients.values().map(|c| Arc::clone(&c.outbox)).collect()),
    }
}

impl Table {
    /// A report on an open request that asked for some, under the client's own token.
    fn progress(&self, value: &Value) -> Route {
        let open = value.number().and_then(|number| self.open.get(&number));
        let token = open.and_then(|open| open.token.as_deref());
        self.to_asker(open, token.map(|token| value.restored(token)))
    }

    /// Something on a subscription, under the client's own id of it.
    fn subscribed(&self, value: &Value) -> Route {
        let open = value.number().and_then(|number| self.open.get(&number));
        let open = open.filter(|open| &*open.method == LISTEN);
        self.to_asker(open, open.map(|open| value.restored(&open.id_text)))
    }

    /// The server ends a subscription (specification 2026-07-28, "Cancellation"): no answer follows.
    fn ended(&mut self, value: &Value) -> Route {
        let number = value
            .number()
            .filter(|number| self.open.get(number).is_some_and(|open| &*open.method == LISTEN));
        let open = number.and_then(|number| self.close(number));
        self.to_asker(open.as_ref(), open.as_ref().map(|open| value.restored(&open.id_text)))
    }

    /// A log message: modern ones belong to a request, and do not say to which.
    fn logged(&self) -> Route {
        let open = self.open.values().rev().find(|open| open.logs);
        open.and_then(|open| self.clients.get(&open.client))
            .map_or(Route::Nobody, |client| Route::One(Arc::clone(&client.outbox), Vec::new()))
    }

    /// The server no longer waits for what it asked a client.
    fn question_withdrawn(&mut self, value: &Value) -> Route {
        let asked = Id::from_json(value.text()).and_then(|id| self.asked.remove(&id));
        asked
            .and_then(|asked| self.clients.get(&asked.client))
            .map_or(Route::Nobody, |client| Route::One(Arc::clone(&client.outbox), Vec::new()))
    }

    fn to_asker(&self, open: Option<&Open>, edit: Option<Edit>) -> Route {
        let client = open.and_then(|open| self.clients.get(&open.client));
        match (client, edit) {
            (Some(client), Some(edit)) => Route::One(Arc::clone(&client.outbox), vec![edit]),
            _ => Route::Nobody,
        }
    }

    /// Notes a question of the server, for the client that gets it.
    fn ask(&mut self, id: &Id, method: &str, wishes: Wishes) -> Route {
        if self.asked.contains_key(id) {
            return self.refuse(id, &RpcError::invalid_request("this id is in use"));
        }
        if self.asked.len() >= limits::MAX_IN_FLIGHT {
            return self.refuse(id, &refusal::too_many_questions());
        }
        let Some((client, outbox)) = self.whom_to_ask() else {
            return self.refuse(id, &refusal::no_client(method));
        };
        let token = wishes.progress.map(|token| token.text().into());
        self.asked.insert(id.clone(), Asked { client, token });
        Route::One(outbox, Vec::new())
    }

    fn refuse(&mut self, id: &Id, error: &RpcError) -> Route {
        self.errands.push(error.answer(Some(id)));
        Route::Ours
    }

    /// The client with the newest open request: most questions belong to a call. Else the newest.
    fn whom_to_ask(&self) -> Option<(ClientKey, Arc<Outbox>)> {
        let busy = self.open.values().next_back().map(|open| open.client);
        let key = busy.or_else(|| self.clients.keys().next_back().copied())?;
        self.clients.get(&key).map(|client| (key, Arc::clone(&client.outbox)))
    }
}

/// The answer to a `ping`, under the server's id byte for byte.
fn pong(message: &Message, head: &Head) -> Option<Message> {
    let id = &message.bytes()[message.id_range(head)];
    let text = [&b"{\"jsonrpc\":\"2.0\",\"id\":"[..], id, b",\"result\":{}}"].concat();
    Message::parse(text.into()).ok()
}
