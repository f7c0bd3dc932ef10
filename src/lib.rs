//! mcp-secure-remote: reach MCP servers across a network securely.

// Layer 0: words that everything else uses.
pub mod limits;
pub mod message;
pub mod report;
pub mod secret;

// Layer 1: what carries them.
pub mod channel;
pub mod retry;
pub mod task;
pub mod tls;

// Layer 4: the wire formats.
pub mod transport;

// Layer 5: who talks to whom.
pub mod relay;

// Layer 6: the commands.
pub mod command;

// Layer 7: what was typed.
pub mod cli;
