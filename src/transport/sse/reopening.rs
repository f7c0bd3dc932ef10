//! The next stream after one was lost.

use std::sync::PoisonError;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::report::Failure;
use crate::retry::Backoff;
use crate::transport::events::Events;
use crate::transport::inlet::Inlet;
use crate::transport::sse::conversation::Conversation;
use crate::transport::sse::conversation::Handshake;
use crate::transport::sse::open;

impl Conversation {
    /// Opens the next stream. Whatever the host asks for before that succeeds is answered: nothing
    /// waits for a server that may never come back. `None` once the host is gone.
    pub(crate) async fn reopen(&self, inlet: &mut Inlet) -> Option<Events> {
        let mut backoff = Backoff::default();
        loop {
            let pause = tokio::time::sleep(backoff.next(None));
            let asked = tokio::select! {
                message = inlet.next() => Some(message?),
                () = pause => None,
            };
            match self.handshake_again().await {
                Ok(events) => {
                    if let Some(message) = asked {
                        inlet.put_back(message);
                    }
                    return Some(events);
                }
                Err(failure) => {
                    if let Some((id, method)) = asked.as_ref().and_then(Message::request) {
                        self.answer(&failure, id, method).await;
                    }
                }
            }
        }
    }

    /// A new stream, and the host's own handshake over it, unseen by the host.
    async fn handshake_again(&self) -> Result<Events, Failure> {
        let opened = open(&self.http, self.settings.max_message).await?;
        let mut events = opened.events;
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = opened.endpoint;
        let Handshake { initialize, initialized, .. } = self.handshake().clone();
        let Some(initialize) = initialize else { return Ok(events) };
        let limit = limits::OWN_REQUEST_TIMEOUT;
        let answered = timeout(limit, self.initialize_again(&initialize, &mut events)).await;
        answered.unwrap_or_else(|_| Err(self.http.unanswered(limit)))?;
        if let Some(initialized) = initialized {
            self.post(&initialized)
                .await
                .map_err(|trouble| trouble.into_failure(self.http.origin()))?;
        }
        Ok(events)
    }

    async fn initialize_again(
        &self,
        initialize: &Message,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let id = initialize.request_ids().next().cloned();
        let reply = self
            .send(initialize, &CancellationToken::new())
            .await
            .map_err(|trouble| trouble.into_failure(self.http.origin()))?;
        let answers = timeout(limits::REFUSAL_BODY_TIMEOUT, self.answers(reply)).await;
        if answers.unwrap_or_default().iter().any(|message| is_answer_to(message, id.as_ref())) {
            return Ok(());
        }
        loop {
            let event =
                events.next().await.map_err(|end| self.http.outcome_unknown(end.to_string()))?;
            let Ok(message) = Message::parse(event.data) else { continue };
            if is_answer_to(&message, id.as_ref()) {
                return Ok(());
            }
        }
    }
}

fn is_answer_to(message: &Message, id: Option<&Id>) -> bool {
    let answered = message.head().and_then(|head| head.response_id());
    answered.is_some() && answered == id
}
