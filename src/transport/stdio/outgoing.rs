//! How what goes out on standard output ends.

use std::io;

/// Says why no more is written. That the host has gone is no fault.
pub(crate) fn note_end(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        tracing::debug!("standard output is closed");
    } else {
        tracing::error!("standard output failed, and answers are lost: {error}");
    }
}
