//! One wire format a module, and the parsers that they share.

pub mod event_stream;
pub mod line;

mod gather;
