//! Calls that a signal may break off: a socket with a time limit does not go on by itself.

use std::io;

/// Calls again after each signal.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
