//! What a reply brings: the answer, and what is learned from it.

use crate::message::{Kind as MessageKind, Message};
use crate::transport::streamable_http::exchange::Exchange;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::session::Agreed;

impl Exchange {
    /// A message of the server: the answer, or something on the way to it.
    pub(super) async fn deliver(&mut self, message: Message) {
        let Some(head) = message.head() else { return };
        if self.flight.modern && head.request_id().is_some() {
            tracing::warn!("dropped a request of the remote: this protocol version knows none");
            return;
        }
        if let MessageKind::Response { id, .. } = &head.kind {
            if id.as_ref() != Some(&self.id) || self.answered {
                tracing::warn!("dropped a response of the remote: it belongs to another request");
                return;
            }
            return self.answer(message).await;
        }
        // Nobody to tell if the host is gone.
        let _ = self.shared.host.send(message).await;
    }

    async fn answer(&mut self, message: Message) {
        self.answered = true;
        if self.own {
            self.answer = Some(message);
            return;
        }
        let message = self.learn(message);
        self.shared.flights.remove(&self.id);
        // Nobody to tell if the host is gone.
        let _ = self.shared.host.send(message).await;
    }

    /// Keeps what later requests need of an answer.
    fn learn(&self, answer: Message) -> Message {
        let Some(head) = answer.head() else { return answer };
        if matches!(head.kind, MessageKind::Response { failed: true, .. }) {
            return answer;
        }
        match (&*self.method, self.flight.modern) {
            ("initialize", _) => {
                if let Some(agreed) = Agreed::read(answer.payload(head)) {
                    let id = self.session_id.clone();
                    self.shared.session.open(self.message.clone(), agreed, id);
                }
                answer
            }
            ("tools/list", true) => {
                let starts_over = !self.has_cursor();
                self.shared.tools(|tools| tools.learn(answer, starts_over))
            }
            (_, false) => {
                self.remember();
                answer
            }
            _ => answer,
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

    /// An error without an id is for the only request that it can be for.
    pub(super) fn named(&self, message: Message) -> Message {
        match message.head().map(|head| (head, &head.kind)) {
            Some((head, MessageKind::Response { id: None, failed: true })) => {
                Message::error_response(Some(&self.id), message.payload(head))
            }
            _ => message,
        }
    }
}
