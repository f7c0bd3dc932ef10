//! How many sessions there may be, and whose they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::auth::Principal;
use crate::report::Failure;

/// The sessions of each principal.
#[derive(Debug)]
pub(super) struct Room {
    in_all: usize,
    each: usize,
    taken: Mutex<HashMap<Principal, usize>>,
}

impl Room {
    pub(super) fn new(in_all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { in_all, each, taken: Mutex::default() })
    }

    /// A place for one more session.
    ///
    /// # Errors
    /// There is none, in all or for this principal.
    pub(super) fn take(self: &Arc<Self>, principal: Principal) -> Result<Place, Failure> {
        let mut taken = self.lock();
        if taken.values().sum::<usize>() >= self.in_all {
            return Err(Failure::full("there are too many sessions", self.in_all));
        }
        let own = taken.entry(principal).or_default();
        // Who has no certificate is many.
        if *own >= self.each && principal != Principal::Anonymous {
            return Err(Failure::full("this client has too many sessions", self.each));
        }
        *own += 1;
        Ok(Place { room: Arc::clone(self), principal })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Principal, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One session's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    principal: Principal,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        if let Some(own) = taken.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Room;
    use crate::auth::Principal;

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let room = Room::new(2, 1);
        let one = room.take(Principal::Anonymous).unwrap();
        let _two = room.take(Principal::Anonymous).unwrap();
        assert!(room.take(Principal::Anonymous).is_err());
        drop(one);
        let _three = room.take(Principal::Anonymous).unwrap();
        assert!(room.take(Principal::Anonymous).is_err());
    }
}
