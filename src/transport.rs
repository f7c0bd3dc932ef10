//! One wire format a module, and the parts that they share.

pub mod batch;
pub mod event_stream;
pub mod events;
pub mod fallback;
pub mod http;
pub mod inlet;
pub mod line;
pub mod process;
pub mod refusal;
pub mod sse;
pub mod stdio;
pub mod streamable_http;

mod bundle;
mod gather;
