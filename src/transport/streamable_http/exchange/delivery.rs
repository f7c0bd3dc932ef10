//! What a reply brings: the answer, and what is learned from it.

use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::transport::streamable_http::exchange::Exchange;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::session::Agreed;

impl Exchange {
    /// Messages of the server: the answer, or something on the way to it. Those for the host go to
    /// the host.
    pub(super) async fn deliver(&mut self, messages: &mut Vec<Message>) {
        messages.retain_mut(|message| self.is_for_host(message));
        // Nobody to tell if the host is gone.
        let _ = self.shared.host.send_all(messages).await;
    }

    fn is_for_host(&mut self, message: &mut Message) -> bool {
        let Some(head) = message.head() else { return false };
        match &head.kind {
            MessageKind::Notification { .. } => true,
            MessageKind::Request { .. } if self.flight.modern => {
                tracing::warn!("dropped a request of the remote: this protocol version knows none");
                false
            }
            MessageKind::Request { .. } => true,
            // An error without an id is for the only request that it can be for.
            MessageKind::Response { id: None, failed: true } if !self.answered => {
                *message = Message::error_response(Some(&self.id), message.payload(head));
                self.is_answer_for_host(message)
            }
            MessageKind::Response { id, .. } if id.as_ref() == Some(&self.id) && !self.answered => {
                self.is_answer_for_host(message)
            }
            MessageKind::Response { .. } => {
                tracing::warn!("dropped a response of the remote: nobody waits for it here");
                false
            }
        }
    }

    fn is_answer_for_host(&mut self, message: &mut Message) -> bool {
        self.answered = true;
        if self.own {
            self.answer = Some(message.clone());
            return false;
        }
        if let Some(learned) = self.learn(message) {
            *message = learned;
        }
        self.shared.flights.remove(&self.id);
        true
    }

    /// Keeps what later requests need of an answer. Returns the answer that takes its place, if any.
    fn learn(&self, answer: &Message) -> Option<Message> {
        let head = answer.head()?;
        if matches!(head.kind, MessageKind::Response { failed: true, .. }) {
            return None;
        }
        match (&*self.method, self.flight.modern) {
            ("initialize", _) => {
                if let Some(agreed) = Agreed::read(answer.payload(head)) {
                    let id = self.session_id.clone();
                    self.shared.session.open(self.message.clone(), agreed, id);
                }
                None
            }
            ("tools/list", true) => {
                let starts_over = !self.has_cursor();
                Some(self.shared.tools(|tools| tools.learn(answer.clone(), starts_over)))
            }
            (_, false) => {
                self.remember();
                None
            }
            _ => None,
        }
    }

    fn has_cursor(&self) -> bool {
        let params = self.message.head().and_then(|head| Params::read(&self.message, head).ok());
        params.is_some_and(|params| params.cursor.is_some())
    }

    fn remember(&self) {
        if !matches!(
            &*self.method,
            "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
        ) {
            return;
        }
        let params = self.message.head().and_then(|head| Params::read(&self.message, head).ok());
        let uri = params.as_ref().and_then(|params| params.uri.as_deref());
        self.shared.session.remember(&self.message, uri);
    }
}
