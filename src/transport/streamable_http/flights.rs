//! The requests that are on their way.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::message::Id;

/// What others may do to a request that runs.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// Whether the request is of the modern era, where ending its stream is the cancellation.
    pub(crate) modern: bool,
    /// Cancelled, in the sense of "has happened", once the request may have left.
    pub(crate) sent: CancellationToken,
    /// The host has cancelled the request.
    pub(crate) cancelled: CancellationToken,
}

impl Flight {
    pub(crate) fn new(modern: bool) -> Self {
        Self { modern, sent: CancellationToken::new(), cancelled: CancellationToken::new() }
    }

    /// Completes when the exchange has to end since the host does not want its answer: at once if it has
    /// not left, and in the modern era, where ending the stream is the cancellation; before, when the
    /// remote has had time to end it itself (a disconnect is no cancellation there, and many servers never
    /// answer).
    pub(crate) async fn unwanted(&self) {
        self.cancelled.cancelled().await;
        if !self.modern && self.sent.is_cancelled() {
            tokio::time::sleep(limits::AFTER_CANCELLATION).await;
        }
    }
}

/// The requests of the host that have no answer yet, by id.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Id, Flight>>);

impl Flights {
    pub(crate) fn add(&self, id: Id, flight: Flight) {
        self.lock().insert(id, flight);
    }

    pub(crate) fn remove(&self, id: &Id) {
        self.lock().remove(id);
    }

    pub(crate) fn find(&self, id: &Id) -> Option<Flight> {
        self.lock().get(id).cloned()
    }

    /// Those that have certainly not left.
    pub(crate) fn unsent(&self) -> Vec<Id> {
        let flights = self.lock();
        let unsent = flights.iter().filter(|(_, flight)| !flight.sent.is_cancelled());
        unsent.map(|(id, _)| id.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Flight;
    use crate::limits;

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_request_that_has_not_left_ends_at_once_and_one_that_has_not_before_a_while()
     {
        let flight = Flight::new(false);
        flight.cancelled.cancel();
        let begun = Instant::now();
        flight.unwanted().await;
        assert!(begun.elapsed().is_zero());
        flight.sent.cancel();
        flight.unwanted().await;
        assert_eq!(begun.elapsed().as_secs(), limits::AFTER_CANCELLATION.as_secs());
    }
}
