//! mcp-secure-remote: reach MCP servers across a network securely.
//!
//! A host that can only start local programs starts this one, and talks to a remote MCP server
//! through it: JSON-RPC lines on one side, HTTPS with a client certificate on the other.
//!
//! # Words
//!
//! - **host**: the MCP client program on our standard input and output: an IDE, an agent.
//! - **remote**: the MCP server at the other end of the network.
//! - **message**: one JSON-RPC message, kept as the bytes that came; only its head (kind, id,
//!   method) is read.
//! - **channel**: two bounded queues of messages, one each way, and a reason when it closes.
//! - **transport**: one wire format. It takes or gives a channel.
//! - **relay**: joins two channels and keeps the promise that each request gets one answer.
//! - **era**: *legacy* (protocol versions up to 2025-11-25, with `initialize` and sessions) or
//!   *modern* (2026-07-28 on: no session, each request describes itself).
//! - **session**: what a remote of the legacy era and we share, named by a session id.
//! - **peer**: who is at the other end of a connection to us: its address and its certificate.
//!   **principal**: whom a session belongs to.
//! - **identity**: a certificate chain and its key. **trust**: roots and revocation lists.
//! - **report**: what a user is told: `error:`, `cause:`, `hint:`.
//!
//! # How a message travels
//!
//! ```text
//!         lines               channel          channel                HTTPS, mTLS
//! host <---------> transport <-------> relay <-------> transport <-----------------> remote
//!                  stdio               ledger          fallback: streamable_http or sse
//!                                                      over http over tls
//! ```
//!
//! # Layers
//!
//! A module may use what stands on a line above it, or to the left of it on its own line. A test
//! reads the sources and fails on any other use. `policy`, `tunnel` and `cluster` have their place and no
//! code yet.
//!
//! ```text
//! 0 limits secret report message
//! 1 task retry channel tls
//! 2 auth
//! 3 policy adapt
//! 4 transport observe
//! 5 relay tunnel cluster
//! 6 command
//! 7 cli
//! 8 bin
//! ```

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

// Layer 2: who is at the other end.
pub mod auth;

// Layer 3: channels out of channels.
pub mod adapt;

// Layer 4: the wire formats, and what operators see of them.
pub mod observe;
pub mod transport;

// Layer 5: who talks to whom.
pub mod relay;

// Layer 6: the commands.
pub mod command;

// Layer 7: what was typed.
pub mod cli;
