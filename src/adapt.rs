//! Adapters: each takes a channel and gives channels, so that they stack without any transport
//! knowing.

pub mod deadline;
pub mod mux;

/// Which protocol a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// Versions up to 2025-11-25: `initialize`, a session, requests of the server.
    Legacy,
    /// 2026-07-28 on: each request describes itself, and a server only answers.
    Modern,
}
