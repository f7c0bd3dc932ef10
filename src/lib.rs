//! mcp-secure-remote: reach MCP servers across a network securely.

// Layer 0: words that everything else uses.
pub mod limits;
pub mod report;
pub mod secret;

// Layer 1: tools.
pub mod tls;
