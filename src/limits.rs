//! Every number of the program, with its unit and its reason.

use std::ops::RangeInclusive;
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

/// Longest id, type or retry time of a server-sent event, in bytes. An id goes back to the server in
/// a header, and few servers take more than 8 KiB of headers.
pub const EVENT_FIELD_BYTES: usize = 8 * 1024;

/// Shortest and longest pause before a reconnect that the `retry` field of an event stream may ask
/// for: neither a busy loop nor a dead stream.
pub const EVENT_RETRY: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(30);

/// What is kept of a line over the size limit, in bytes: the id of a request mostly stands at its
/// beginning, and the error needs it.
pub const LINE_HEAD_BYTES: usize = 256;
