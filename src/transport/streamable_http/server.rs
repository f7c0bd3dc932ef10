//! Streamable HTTP, the server side, in both eras: one endpoint that a client POSTs each message to
//! (specification, "Streamable HTTP" of 2025-03-26 to 2026-07-28).
//!
//! ```text
//! POST --> era --+-- legacy: initialize --> registry: a new session --> Backend::open
//!                |           the others --> session: streams  <--> channel <--> the MCP server
//!                +-- modern: checks --> Backend::join <--> the MCP server
//! GET, DELETE ------> session
//! ```

mod backend;
mod catalogue;
mod checks;
mod counts;
mod endpoint;
mod era;
mod legacy;
mod modern;
mod patience;
mod registry;
mod replay;
mod session;
mod streams;

pub use crate::transport::streamable_http::server::backend::Backend;
pub use crate::transport::streamable_http::server::backend::ModernBackend;
pub use crate::transport::streamable_http::server::backend::Opened;
pub use crate::transport::streamable_http::server::backend::Unserved;
pub use crate::transport::streamable_http::server::counts::Counts;
pub use crate::transport::streamable_http::server::counts::Ending;
pub use crate::transport::streamable_http::server::counts::METHODS;
pub use crate::transport::streamable_http::server::counts::Outcome;
pub use crate::transport::streamable_http::server::endpoint::Endpoint;
pub use crate::transport::streamable_http::server::endpoint::ServerSettings;

pub use crate::transport::streamable_http::server::era::LEGACY;
pub use crate::transport::streamable_http::server::era::MODERN;

pub(crate) use crate::transport::streamable_http::server::counts::STREAM;
pub(crate) use crate::transport::streamable_http::server::counts::Ticket;
