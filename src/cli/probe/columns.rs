//! How many columns a terminal has.

use crate::command::page;
#[cfg(unix)]
use crate::limits;

/// Where lines are folded that go to `stream`.
#[cfg(unix)]
pub(super) fn of(stream: impl std::os::fd::AsFd) -> usize {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => {
            usize::from(size.ws_col.clamp(limits::LEAST_COLUMNS, limits::MOST_COLUMNS))
        }
        // It is no terminal, or one that does not know its size.
        _ => page::COLUMNS,
    }
}

/// Other systems do not tell it without code of the system's own.
#[cfg(not(unix))]
pub(super) fn of<T>(_: T) -> usize {
    page::COLUMNS
}
