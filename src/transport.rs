//! One wire format a module, and the parts that they share.

pub mod event_stream;
pub mod http;
pub mod inlet;
pub mod line;
pub mod streamable_http;

mod gather;
