//! The requests that wait for their answer on the event stream.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio_util::sync::CancellationToken;

use crate::message::Id;
use crate::message::Method;

/// What is known of a request that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) method: Method,
    /// Cancelled, in the sense of "has happened", once the request may have left.
    pub(crate) sent: CancellationToken,
    /// Likewise, once it is answered.
    pub(crate) answered: CancellationToken,
}

impl Waiting {
    pub(crate) fn new(method: Method) -> Self {
        Self { method, sent: CancellationToken::new(), answered: CancellationToken::new() }
    }
}

/// The table, by id.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<HashMap<Id, Waiting>>);

impl Pending {
    pub(crate) fn add(&self, id: Id, waiting: Waiting) {
        self.lock().insert(id, waiting);
    }

    /// Whether this request waits.
    pub(crate) fn holds(&self, id: &Id) -> bool {
        self.lock().contains_key(id)
    }

    /// Takes a request off the table. `None` if it was answered already.
    pub(crate) fn settle(&self, id: &Id) -> Option<Waiting> {
        let waiting = self.lock().remove(id)?;
        waiting.answered.cancel();
        Some(waiting)
    }

    /// Takes all off the table.
    pub(crate) fn settle_all(&self) -> Vec<(Id, Waiting)> {
        let all: Vec<_> = self.lock().drain().collect();
        all.iter().for_each(|(_, waiting)| waiting.answered.cancel());
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
