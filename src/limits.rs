//! Every number of the program, with its unit and its reason.

use std::time::Duration;

/// Largest message, line or event in bytes, unless `--max-message-size` says otherwise: above the
/// 10 MiB read buffer of the TypeScript SDK, equal to the cap of rmcp.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Deepest nesting of a message: what serde_json accepts for a value, far below the recursion
/// limits of the JSON parsers that hosts and servers use.
pub const MAX_NESTING: usize = 128;

/// Messages that wait in one direction of a channel; the next one makes its sender wait.
pub const CHANNEL_MESSAGES: usize = 64;

/// Bytes that wait in one direction of a channel before large messages make their sender wait, so
/// that a peer that floods us while the other side is slow costs this much and one message more.
pub const CHANNEL_BYTES: usize = 8 * 1024 * 1024;

/// A message up to this size, in bytes, is counted in [`CHANNEL_MESSAGES`] alone.
pub const SMALL_MESSAGE_BYTES: usize = 8 * 1024;

/// Requests of the host that may wait for their answer at the same time. Each holds a task and a
/// stream; no host is known to have more than some dozens.
pub const MAX_IN_FLIGHT: usize = 1024;

/// Longest text of a peer that is repeated in an error or a log line, in characters.
pub const PEER_TEXT_CHARS: usize = 200;

/// Name resolution, TCP, a proxy's answer and the TLS handshake together, for one attempt, unless
/// `--connect-timeout` says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause before the second and last attempt to connect.
pub const CONNECT_RETRY_PAUSE: Duration = Duration::from_millis(250);

/// First TCP keep-alive probe on a silent connection: below the 5 minutes after which common
/// firewalls forget it.
pub const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Between further TCP keep-alive probes.
pub const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Unanswered TCP keep-alive probes until the connection counts as lost.
pub const TCP_KEEPALIVE_RETRIES: u32 = 4;

/// Between HTTP/2 pings: often enough to find a lost peer, rare enough to cost nothing.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);

/// An HTTP/2 ping without an answer for this long means that the peer is gone.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of one HTTP/2 response that may come unread: some round trips of a fast long line.
pub const HTTP2_STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// Bytes of all HTTP/2 responses of a connection that may come unread.
pub const HTTP2_CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// Largest HTTP/2 frame that we take, in bytes: four TLS records, so that a large body costs fewer
/// steps.
pub const HTTP2_FRAME: u32 = 64 * 1024;

/// All headers of one response together, in bytes.
pub const HTTP_HEADER_BYTES: u32 = 64 * 1024;

/// Idle HTTP/1.1 connections that are kept.
pub const IDLE_CONNECTIONS: usize = 64;

/// An HTTP/1.1 connection idle for longer is not used again: Node and uvicorn close at 5 s, and a
/// request that crosses the close has an unknown outcome.
pub const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(4);

/// Redirects within the origin that are followed for one request.
pub const MAX_REDIRECTS: usize = 4;

/// Wait for the error of a connection after the error of a request on it, which knows less.
pub const CONNECTION_LAST_WORDS: Duration = Duration::from_millis(100);

/// What is remembered of the tools of one server, in bytes: far above any real list (a tool that
/// mirrors parameters costs some hundred), so that a list without end costs no more.
pub const MAX_TOOLS_BYTES: usize = 4 * 1024 * 1024;

/// Parameters that one tool may have mirrored into headers. Common servers take about 100 headers
/// in all, and a request has some of its own.
pub const MAX_TOOL_HEADERS: usize = 64;

/// Levels of an input schema in which annotated parameters are looked for; each level costs one
/// more reading of what lies below it, and an object within an object takes two.
pub const MAX_SCHEMA_NESTING: usize = 32;

/// A longer value, in bytes, is not mirrored into a header: common servers take 8 to 64 KiB for
/// all headers together, and some end the whole connection when there is more.
pub const MAX_MIRRORED_BYTES: usize = 16 * 1024;

/// Tools left out of one list that are named in the log, one line each; the others are counted.
pub const MAX_TOOL_WARNINGS: usize = 20;
