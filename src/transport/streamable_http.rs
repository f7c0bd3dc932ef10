//! Streamable HTTP in both eras: each message is a POST of its own, each answer JSON or an event
//! stream (specification, "Streamable HTTP" of 2025-03-26 to 2026-07-28). The client side is here, the
//! server side in [`server`].
//!
//! ```text
//! host --> pump (client) --+-- initialize, initialized: a barrier, one by one
//!                          +-- other notifications, responses: a lane, one by one
//!                          +-- requests: an exchange each, side by side --> reply --> host
//!                                             listen (legacy GET stream) -------------> host
//! ```

mod client;
mod exchange;
mod flights;
mod headers;
mod lane;
mod listen;
mod members;
mod params;
mod recovery;
mod reply;
pub mod server;
mod session;
mod shared;
mod stream;
mod tools;

pub use crate::transport::streamable_http::client::Client;
pub use crate::transport::streamable_http::client::Settings;
pub use crate::transport::streamable_http::client::Trouble;

pub(crate) use crate::transport::streamable_http::shared::SESSION_ID;
