//! The events of one HTTP response.

use crate::transport::event_stream::Decoder;
use crate::transport::event_stream::Event;
use crate::transport::http::Body;
use crate::transport::http::ReadError;

/// An event stream over one connection.
pub struct Events {
    body: Body,
    decoder: Decoder,
}

/// Why there are no more events.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The connection broke.
    #[error("{0}")]
    Broken(ReadError),
    /// The server closed it.
    #[error("the event stream ended")]
    Closed,
    /// An event was over the limit, in bytes.
    #[error("an event has more than {0} bytes")]
    TooLarge(usize),
}

impl Events {
    /// Reads `body`, each event at most `max_event` bytes.
    pub fn new(body: Body, max_event: usize) -> Self {
        Self { body, decoder: Decoder::new(max_event) }
    }

    /// The next event. Cancel safe.
    ///
    /// # Errors
    /// The [`End`] of the stream.
    pub async fn next(&mut self) -> Result<Event, End> {
        loop {
            if let Some(event) = self.next_ready()? {
                return Ok(event);
            }
            match self.body.chunk().await {
                Ok(Some(chunk)) => self.decoder.push(chunk),
                Ok(None) => return Err(End::Closed),
                Err(e) => return Err(End::Broken(e)),
            }
        }
    }

    /// The next event that has come already.
    ///
    /// # Errors
    /// The [`End`] of the stream.
    pub fn next_ready(&mut self) -> Result<Option<Event>, End> {
        self.decoder.next_event().map_err(|e| End::TooLarge(e.limit))
    }

    /// What the stream said about itself so far.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}
