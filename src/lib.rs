//! mcp-secure-remote: reach MCP servers across a network securely.

// Layer 0: words that everything else uses.
pub mod limits;
pub mod message;
pub mod report;
pub mod secret;

// Layer 1: what carries them.
pub mod channel;
pub mod task;

// Layer 4: the wire formats.
pub mod transport;
