//! One event stream as messages, over all the connections that it takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use crate::message::Message;
use crate::transport::event_stream::Event;
use crate::transport::events::End;
use crate::transport::events::Events;
use crate::transport::http::Body;

/// An event stream that may be resumed where it broke (specification 2025-11-25, "Resumability and
/// Redelivery").
pub(crate) struct Stream {
    events: Events,
    max_event: usize,
    last_id: Option<String>,
    retry: Option<Duration>,
    // The newest event ids, to know a replayed event by.
    seen: VecDeque<Arc<str>>,
    resumed: bool,
}

impl Stream {
    pub(crate) fn new(body: Body, max_event: usize) -> Self {
        Self {
            events: Events::new(body, max_event),
            max_event,
            last_id: None,
            retry: None,
            seen: VecDeque::new(),
            resumed: false,
        }
    }

    /// Waits for a message and takes what came together with it. Events without data, of another
    /// type, replayed or without a message in them are passed over. Cancel safe.
    pub(crate) async fn next(&mut self, messages: &mut Vec<Message>) -> Result<(), End> {
        while messages.is_empty() {
            match self.events.next().await {
                Ok(event) => self.take(event, messages),
                Err(end) => {
                    self.note();
                    return Err(end);
                }
            }
        }
        while messages.len() < limits::MESSAGES_TOGETHER {
            // What cannot be read now is told when it is waited for.
            let Ok(Some(event)) = self.events.next_ready() else { break };
            self.take(event, messages);
        }
        Ok(())
    }

    fn take(&mut self, event: Event, messages: &mut Vec<Message>) {
        let known = event.id.is_some_and(|id| self.is_known(&id));
        if event.kind != "message" || event.data.is_empty() || known {
            return;
        }
        match Message::parse(event.data) {
            Ok(message) => message.split_into(messages),
            Err(e) => tracing::warn!("dropped an event of the remote: {e}"),
        }
    }

    /// The id to resume after, once a connection has ended; `None` if the stream cannot be resumed.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long to wait before a reconnect: what the server asked for (A28).
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.retry
    }

    /// Goes on with the rest of the stream over another connection.
    pub(crate) fn resume(&mut self, body: Body) {
        self.events = Events::new(body, self.max_event);
        self.resumed = true;
    }

    /// Takes over what a connection said about the stream before it ended.
    fn note(&mut self) {
        let decoder = self.events.decoder();
        self.last_id = decoder.last_event_id().map(str::to_owned).or(self.last_id.take());
        self.retry = decoder.retry().or(self.retry);
    }

    /// Notes an event id, and tells whether the event was delivered before the stream broke.
    fn is_known(&mut self, id: &Arc<str>) -> bool {
        if self.resumed && self.seen.contains(id) {
            return true;
        }
        if self.seen.len() == limits::REMEMBERED_EVENTS {
            self.seen.pop_front();
        }
        self.seen.push_back(Arc::clone(id));
        false
    }
}
