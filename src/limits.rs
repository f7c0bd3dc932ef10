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

/// How often a use of the TLS credentials may look whether their files have changed: a renewed
/// certificate is in use a second later, and a busy pool does not ask the disk for each request.
pub const RELOAD_CHECK: Duration = Duration::from_secs(1);

/// A client certificate that ends sooner than this is announced at start and once a day: time
/// enough to ask for a new one.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Largest certificate, key or PKCS#12 file in bytes; real ones have some kilobytes.
pub const MAX_IDENTITY_BYTES: u64 = 1024 * 1024;

/// Largest CA bundle or revocation list in bytes: the lists of large public CAs have some ten
/// megabytes.
pub const MAX_TRUST_BYTES: u64 = 64 * 1024 * 1024;

/// Most PBKDF2 rounds that are done for an encrypted key: some seconds of CPU. OpenSSL writes
/// 2 048, careful people a million.
pub const MAX_KDF_ROUNDS: u32 = 10_000_000;

/// Most memory in bytes that scrypt may ask for to open an encrypted key; OpenSSL writes 16 MiB.
pub const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// How long certificates made in memory are valid: longer than any demonstration, short enough to
/// be worthless later.
pub const THROW_AWAY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
