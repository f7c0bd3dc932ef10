//! Every number of the program, with its unit and its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

// Messages and channels

/// Largest message, line or event in bytes, unless `--max-message-size` says otherwise: above the
/// 10 MiB read buffer of the TypeScript SDK, equal to the cap of rmcp.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Deepest nesting of a message: what serde_json accepts for a value, far below the recursion
/// limits of the JSON parsers that hosts and servers use.
pub const MAX_NESTING: usize = 128;

/// Bytes of a message that are looked at together: they stay in the first cache of every processor.
pub const SURVEY_BYTES: usize = 16 * 1024;

/// What may wait in one direction of a channel, a message or some that came together; the next one
/// makes its sender wait.
pub const CHANNEL_MESSAGES: usize = 64;

/// For so many there is room in an empty queue that was in use.
pub const IDLE_QUEUE: usize = 4;

/// How many messages are taken or handed on together, where so many came together: with small ones
/// some [`WRITE_BYTES`], so that each step of the way is taken rarely.
pub const MESSAGES_TOGETHER: usize = 256;

/// Bytes that wait in one direction of a channel before large messages make their sender wait, so
/// that a peer that floods us while the other side is slow costs this much and one message more.
pub const CHANNEL_BYTES: usize = 8 * 1024 * 1024;

/// Up to this size, in bytes, what is queued together is counted in [`CHANNEL_MESSAGES`] alone.
pub const SMALL_MESSAGE_BYTES: usize = 8 * 1024;

/// Requests of the host that may wait for their answer at the same time. Each holds a task and a
/// stream; no host is known to have more than some dozens.
pub const MAX_IN_FLIGHT: usize = 1024;

/// Open requests of all clients of one shared server together: four busy clients. It is one process
/// with one pipe, and no such server is known to work on more than some dozens.
pub const MAX_SHARED_IN_FLIGHT: usize = 4 * MAX_IN_FLIGHT;

/// Ids and tokens of clients that are kept to be given back, for one shared server, in bytes: far
/// above what real ones need, so that ids as large as messages cost no more.
pub const KEPT_ID_BYTES: usize = 4 * 1024 * 1024;

/// Messages of a shared server that wait for one client beyond its queue before the server itself
/// has to wait: a burst of reports on several calls.
pub const BACKLOG_MESSAGES: usize = 1024;

/// As [`BACKLOG_MESSAGES`], in bytes: a few large results.
pub const BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// A client of a shared server that takes nothing for so long, while messages wait for it, is cut
/// off: the others may have to wait for it. A browser or an agent that lives reads within moments.
pub const STALLED_CLIENT: Duration = Duration::from_secs(10);

/// Wait for the reason of a session that ended before its first answer.
pub const SESSION_LAST_WORDS: Duration = Duration::from_secs(1);

/// Wait for the reason of a server that takes no more messages: its end is mostly on the way.
pub const SERVER_LAST_WORDS: Duration = Duration::from_millis(100);

/// Shortest word of a header value that is masked where a peer repeats it, in characters: `Bearer` is
/// no secret, and what is shorter is hardly one.
pub const MASKED_CHARS: usize = 8;

/// Longest text of a peer that is repeated in an error or a log line, in characters.
pub const PEER_TEXT_CHARS: usize = 200;

/// Longest sentence of a report that came over the network as one of ours, in characters: far above what
/// ours have, with ten names of a certificate in them.
pub const REPORT_CHARS: usize = 2000;

// What the user may set

/// Smallest `--max-message-size` in bytes: an `initialize` with its capabilities has to pass.
pub const MIN_MESSAGE_SETTING: u64 = 4 * 1024;

/// Largest `--max-message-size` in bytes: fits the sizes of every platform that we build for.
pub const MAX_MESSAGE_SETTING: u64 = 2 * 1024 * 1024 * 1024 - 1;

/// Longest time that a flag takes: a day; more is a slip of the unit.
pub const MAX_TIME_SETTING: Duration = Duration::from_secs(24 * 60 * 60);

/// Largest number that a flag takes: more of anything does not fit one machine.
pub const MAX_COUNT_SETTING: usize = 1_000_000;

/// Headers that the user may add. Servers commonly refuse more than 100 in all.
pub const MAX_HEADERS: usize = 64;

/// Largest header value in bytes after `${VAR}` is filled in: twice what servers commonly accept
/// for all headers together.
pub const HEADER_VALUE_BYTES: usize = 16 * 1024;

/// Largest `--header-file` in bytes, comments included.
pub const HEADER_FILE_BYTES: u64 = 64 * 1024;

/// Smallest RSA key in bits that servers and the crypto library take: NIST SP 800-131A has ruled
/// smaller ones out since 2014.
pub const RSA_KEY_BITS: usize = 2048;

/// Largest `--tls-passphrase-file` in bytes; a file beyond it is not a passphrase.
pub const PASSPHRASE_FILE_BYTES: u64 = 4 * 1024;

// Standard input, output and error

/// Bytes asked of standard input at a time: what a Linux pipe holds.
pub const READ_BYTES: usize = 64 * 1024;

/// Lines gathered for one write to standard output, in bytes.
pub const WRITE_BYTES: usize = 64 * 1024;

/// What is kept of each end of a line over the size limit, in bytes: the id of a request stands at
/// one of them, and the error needs it.
pub const LINE_EDGE_BYTES: usize = 256;

/// Bytes of log lines that wait for a slow reader of standard error; what comes on top is dropped
/// and counted, since a host that does not read must not stop the bridge.
pub const LOG_BYTES: usize = 1024 * 1024;

/// Longest wait at the end of the program for standard error to take what was logged.
pub const LOG_FLUSH: Duration = Duration::from_millis(500);

// The end of the program

/// After the end of the host's messages: for what is still in flight. With the DELETE it stays
/// below the 2 s after which the Python host kills.
pub const DRAIN_TIMEOUT: Duration = Duration::from_millis(1000);

/// For the DELETE that ends a session: the Python host kills 2 s after it closed our input.
pub const DELETE_TIMEOUT: Duration = Duration::from_millis(600);

/// For the last words to the host once all is said to the remote.
pub const FLUSH_TIMEOUT: Duration = Duration::from_millis(100);

// Tests on a busy machine cannot hold a stop-watch to it.
const _: () = assert!(
    DRAIN_TIMEOUT.as_millis() + DELETE_TIMEOUT.as_millis() + FLUSH_TIMEOUT.as_millis() < 2000,
    "the Python host would kill us"
);

// Child processes

/// After standard input of a child was closed, for it to end by itself: servers write what they
/// have, and wrappers wait for theirs.
pub const EXIT_GRACE: Duration = Duration::from_secs(5);

/// After SIGTERM, before SIGKILL.
pub const KILL_GRACE: Duration = Duration::from_secs(5);

/// After SIGKILL: what is not gone by then hangs in the system, or nobody reaps it.
pub const KILL_WAIT: Duration = Duration::from_secs(2);

/// First and longest pause between two looks whether a group of processes is gone; it doubles.
pub const GROUP_CHECK: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(50);

/// On Windows, for how long the others of a job may outlive its first process before they are ended: nobody can ask
/// them to end, and the process behind a console goes a moment after the program in it.
pub const JOB_LINGER: Duration = Duration::from_millis(100);

/// From the end of a child's streams to its exit, if the one came of the other: the system closes them
/// first. Who is still there after that has closed them on its own accord.
pub const EXIT_NOTICE: Duration = Duration::from_millis(500);

/// How long a pipe of a child that is gone may be silent before it counts as over: who fled from the
/// group may hold its other end for ever.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// What is read at most from a child that is gone, in bytes: as much as a pipe can hold on Linux
/// without special rights.
pub const LAST_BYTES: usize = 1024 * 1024;

/// How often a write that waits for its child looks whether anybody still wants it to be written.
pub const INPUT_CHECK: Duration = Duration::from_secs(1);

/// Room that is kept for the lines to an idle child, in bytes: children are many.
pub const IDLE_ROOM_BYTES: usize = 1024;

/// Longest line of a child's standard error that is shown whole, in bytes.
pub const CHILD_LINE_BYTES: usize = 4 * 1024;

/// Lines of a child that are read in one go, before others have their turn.
pub const LINES_AT_ONCE: usize = 64;

/// Lines of a child on standard output that are no messages, in one chunk, for which it does not have to
/// wait: a banner.
pub const NOISE_AT_ONCE: usize = 200;

/// How long it waits for each line where there are more: ten thousand lines a second are read.
pub const NOISE_PAUSE: Duration = Duration::from_micros(100);

/// How long it waits at most.
pub const LONGEST_NOISE_PAUSE: Duration = Duration::from_secs(1);

/// Lines of one child that are logged at once, for each of its two outputs: a stack trace passes.
pub const CHILD_LOG_BURST: u32 = 100;

/// Lines of one child that are logged in each second after that.
pub const CHILD_LOG_RATE: u32 = 20;

/// How far from the end of a child's standard error an error is taken for the cause of that end, in
/// lines: Node.js writes some after it.
pub const CHILD_CAUSE_LINES: u32 = 20;

/// Between SIGTERM and SIGKILL for the children of a server that is dead: nobody waits for them.
pub const WATCHDOG_GRACE: Duration = Duration::from_secs(2);

/// For how long the watchdog may leave what it was told unread before it is replaced.
pub const WATCHDOG_STALL: Duration = Duration::from_secs(10);

/// Between two attempts to tell the watchdog what did not fit into its pipe.
pub const WATCHDOG_RETRY: Duration = Duration::from_millis(20);

// Credentials

/// How often a use of the TLS credentials may look whether their files have changed: a renewed
/// certificate is in use a second later, and a busy pool does not ask the disk for each request.
pub const RELOAD_CHECK: Duration = Duration::from_secs(1);

/// How often a server looks at its TLS files while nobody connects.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// A client certificate that ends sooner than this is announced at start and once a day: time
/// enough to ask for a new one.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Between two looks at the expiry of the identity.
pub const EXPIRY_CHECK: Duration = Duration::from_secs(24 * 60 * 60);

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

/// How long a client that was refused is still read: to close a connection with bytes unread resets
/// it, and the client would not see why it was refused.
pub const REFUSAL_LINGER: Duration = Duration::from_millis(500);

/// Bytes that are read so: what a client sends before it sees the refusal.
pub const REFUSAL_LINGER_BYTES: u64 = 256 * 1024;

/// How long certificates made in memory are valid: longer than any demonstration, short enough to
/// be worthless later.
pub const THROW_AWAY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long before they were made our certificates are valid already: the clocks of two machines
/// differ by some minutes.
pub const CERTIFICATE_HEAD_START: Duration = Duration::from_secs(60 * 60);

// Certificates that are issued

/// Days that an issued certificate is valid, unless `--days` says otherwise: ten years, since a closed
/// PKI has nobody who would renew it in time.
pub const CERTIFICATE_DAYS: u32 = 3650;

/// Most `--days`: a century; more is a slip.
pub const MAX_CERTIFICATE_DAYS: u32 = 36_500;

/// Longest common name in characters, `ub-common-name` of RFC 5280, appendix A.
pub const MAX_COMMON_NAME: usize = 64;

/// Random bytes in a serial number: 128 bits, twice what the CA/Browser Forum asks for.
pub const SERIAL_BYTES: usize = 16;

/// Work and memory that scrypt takes to open the key of a CA: 2^14 blocks of 8 times 128 bytes, 16 MiB,
/// the most that OpenSSL takes without being asked, five times over. OWASP names these for passwords.
pub const SCRYPT_LOG_BLOCKS: u8 = 14;

/// The block size of scrypt, in units of 128 bytes.
pub const SCRYPT_BLOCK: u32 = 8;

/// How often scrypt does that work.
pub const SCRYPT_PASSES: u32 = 5;

/// PBKDF2 rounds of a PKCS#12 file that we write: ten times Java's, and some 50 ms at each start of a
/// program that opens it. The passphrase on top should be a long one.
pub const PKCS12_ROUNDS: u32 = 100_000;

// Connections

/// Name resolution, TCP, a proxy's answer and the TLS handshake together, for one attempt, unless
/// `--connect-timeout` says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause before the second and last attempt to connect.
pub const CONNECT_RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Bytes read from a TLS connection at a time: two of the largest records.
pub const RECEIVE_BYTES: usize = 32 * 1024;

/// First TCP keep-alive probe on a silent connection: below the 5 minutes after which common
/// firewalls forget it.
pub const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Between further TCP keep-alive probes.
pub const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Unanswered TCP keep-alive probes until the connection counts as lost.
pub const TCP_KEEPALIVE_RETRIES: u32 = 4;

/// A request that waits for a free HTTP/2 stream looks this often whether the peer allows more by now:
/// seldom done by a peer, and nobody tells. What frees a stream is heard at once.
pub const STREAM_LIMIT_CHECK: Duration = Duration::from_millis(100);

/// Between HTTP/2 pings: often enough to find a lost peer, rare enough to cost nothing.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);

/// An HTTP/2 ping without an answer for this long means that the peer is gone.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Idle HTTP/1.1 connections that are kept.
pub const IDLE_CONNECTIONS: usize = 64;

/// An HTTP/1.1 connection idle for longer is not used again: Node and uvicorn close at 5 s, and a
/// request that crosses the close has an unknown outcome.
pub const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(4);

/// First bytes of a peer that are kept, to say what it is if it is no HTTP server: enough for the
/// name that servers of other protocols begin with.
pub const GREETING_BYTES: usize = 24;

/// Wait for the error of a connection after the error of a request on it, which knows less.
pub const CONNECTION_LAST_WORDS: Duration = Duration::from_millis(100);

// HTTP

/// Bytes of one HTTP/2 response that may come unread: some round trips of a fast long line.
pub const HTTP2_STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// Bytes of all HTTP/2 responses of a connection that may come unread.
pub const HTTP2_CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// Largest HTTP/2 frame that we take, in bytes: four TLS records, so that a large body costs fewer
/// steps.
pub const HTTP2_FRAME: u32 = 64 * 1024;

/// All headers of one response together, in bytes.
pub const HTTP_HEADER_BYTES: u32 = 64 * 1024;

/// What may come over HTTP/1.1 before a response, in bytes: interim responses, and the longest head that
/// hyper takes, 400 KiB.
pub const HEAD_BYTES: usize = 512 * 1024;

/// Redirects within the origin that are followed for one request.
pub const MAX_REDIRECTS: usize = 4;

/// Body of an HTTP error that is read, in bytes: enough for a JSON-RPC error with its data.
pub const REFUSAL_BODY_BYTES: usize = 256 * 1024;

/// Wait for the body of an HTTP error; the status alone says enough.
pub const REFUSAL_BODY_TIMEOUT: Duration = Duration::from_secs(5);

// Event streams

/// Longest id, type or retry time of a server-sent event, in bytes. An id goes back to the server in
/// a header, and few servers take more than 8 KiB of headers.
pub const EVENT_FIELD_BYTES: usize = 8 * 1024;

/// Shortest and longest pause before a reconnect that the `retry` field of an event stream may ask
/// for: neither a busy loop nor a dead stream.
pub const EVENT_RETRY: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(30);

/// Pause before a broken stream is resumed, where the server did not ask for another.
pub const EVENT_RECONNECT: Duration = Duration::from_secs(1);

/// Event ids of one stream that are remembered, to drop what a server replays without need.
pub const REMEMBERED_EVENTS: usize = 256;

/// Resumptions in a row that brought no event: a server may close and be polled while a long call
/// runs.
pub const FRUITLESS_RESUMPTIONS: u32 = 600;

/// Resumptions in a row that did not even connect.
pub const FAILED_RESUMPTIONS: u32 = 8;

/// Ceiling of the first reconnection pause; it doubles with each attempt.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// Shortest reconnection pause.
pub const BACKOFF_FLOOR: Duration = Duration::from_millis(100);

/// Longest reconnection pause.
pub const BACKOFF_CAP: Duration = Duration::from_secs(30);

/// Wait for the `endpoint` event of HTTP+SSE.
pub const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(10);

// Requests and sessions

/// A request of our own (a new session, the tools again) that takes longer has failed.
pub const OWN_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Wait for the remote to take a notification or a response before the next one goes.
pub const ONE_WAY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a stream is read after its answer: servers close it at once, or forget to.
pub const AFTER_ANSWER: Duration = Duration::from_secs(10);

/// How long the stream of a cancelled legacy request is still read.
pub const AFTER_CANCELLATION: Duration = Duration::from_secs(30);

/// Wait for the answer to `server/discover` over HTTP+SSE, where older servers may ignore it.
pub const DISCOVER_TIMEOUT: Duration = Duration::from_secs(5);

/// Subscriptions that are renewed in a new session.
pub const REMEMBERED_SUBSCRIPTIONS: usize = 1024;

// Tools whose parameters become headers

/// Pages of `tools/list` that are read after a header mismatch.
pub const TOOL_PAGES: usize = 100;

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

// The demonstration

/// Largest message that the server of the demonstration takes, in bytes: its own host sends some
/// hundred.
pub const DEMO_MESSAGE_BYTES: usize = 64 * 1024;

/// How far the server of the demonstration counts at most.
pub const DEMO_COUNT: u32 = 100;

/// Between two numbers of that count: long enough to see that they come one by one.
pub const DEMO_COUNT_PAUSE: Duration = Duration::from_millis(5);

// The listener

/// Connections that wait to be taken, for the kernel.
pub const LISTEN_BACKLOG: u32 = 1024;

/// Pause after the system refused a new connection for lack of descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections at the same time, unless `--max-connections` says otherwise: at 40 KiB each they take
/// some 80 MiB, and they fit the descriptors that systemd gives a service.
pub const MAX_CONNECTIONS: usize = 2048;

/// From the first byte of a connection to the end of its TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// For the head of an HTTP/1.1 request, and for the wait between two of them: longer than clients
/// keep an idle connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(20);

/// For the body of a request: 4 MiB at half a megabit a second.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of the body of a refused request that are read, and dropped, before the answer: four times
/// what is taken.
pub const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// How long that may take.
pub const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection without a request is closed after this long, unless `--idle-timeout` says otherwise.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(5 * 60);

/// A client that does not read for this long loses its connection, or its stream.
pub const STALLED_WRITE: Duration = Duration::from_secs(30);

/// Requests at the same time on one HTTP/2 connection: as many as may wait in a session by default, and
/// some for its notifications and event streams, which must not stand behind them.
pub const HTTP2_STREAMS: u32 = 300;

/// Bytes of one HTTP/2 request that may come unread.
pub const HTTP2_RECEIVE_WINDOW: u32 = 256 * 1024;

/// Bytes of all HTTP/2 requests of a connection that may come unread: what Envoy recommends.
pub const HTTP2_RECEIVE_WINDOW_IN_ALL: u32 = 1024 * 1024;

/// Bytes of one HTTP/2 answer that wait to be written.
pub const HTTP2_SEND_BUFFER: usize = 256 * 1024;

/// Largest body of a request, in bytes, unless `--max-body-size` says otherwise: what the servers of
/// the Python, TypeScript and Rust SDKs take.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// When a client may try again what was refused for lack of room.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

// Sessions of the server side

/// Longest `Mcp-Session-Id` that is looked up, in bytes; ours have 32.
pub const SESSION_ID_BYTES: usize = 256;

/// For a connection without a request to end by itself once it was told to.
pub const FAREWELL: Duration = Duration::from_millis(500);

/// An answer that comes as soon as this is given as JSON, which costs a client less than a stream.
/// Nobody can take up a stream of which nothing has arrived, so nothing is lost by the wait.
pub const ANSWER_AT_ONCE: Duration = Duration::from_millis(20);

/// The same where the answer decides on the HTTP status: a server may have to start first. Below the 5 s
/// after which impatient clients give up if they see no head.
pub const FIRST_ANSWER: Duration = Duration::from_secs(3);

/// Silence on an event stream until a comment says that it lives: below the 30 to 60 s after which
/// proxies give it up.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a client should take a broken stream up again.
pub const SERVER_RETRY: Duration = Duration::from_secs(1);

/// Bytes of the messages of one session that are kept for a client that comes back.
pub const REPLAY_BYTES: usize = 4 * 1024 * 1024;

/// Messages of one session that are kept likewise.
pub const REPLAY_MESSAGES: usize = 1024;

/// How long they are kept.
pub const REPLAY_TIME: Duration = Duration::from_secs(60);

/// More than this, in bytes, of a stream that was sent whole is not kept.
pub const REPLAY_DELIVERED_BYTES: usize = 256 * 1024;

/// Messages that wait for a client to open a stream for them.
pub const GENERAL_BACKLOG: usize = 256;

/// Children at the same time, unless `--max-sessions` says otherwise: a Node or Python server takes
/// some 50 MiB.
pub const MAX_SESSIONS: usize = 100;

/// Sessions of one principal at the same time, unless `--max-sessions-per-client` says otherwise.
pub const MAX_SESSIONS_EACH: usize = 20;

/// Requests of one session, or of one principal of the modern era, that may wait for their answer at
/// the same time, unless `--max-requests` says otherwise: no client is known to have more than dozens.
pub const MAX_REQUESTS: usize = 256;

/// Children that start at the same time, unless `--max-starting` says otherwise: starting an
/// interpreter takes a second of a processor.
pub const MAX_STARTING: usize = 8;

/// Longest wait for a turn to start a child.
pub const START_QUEUE: Duration = Duration::from_secs(5);

/// A session without a request and without an open stream ends after this long, unless
/// `--session-idle-timeout` says otherwise.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// A session ends after this long, unless `--session-lifetime` says otherwise.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// For what runs when the server is to stop, unless `--shutdown-timeout` says otherwise: below the
/// 90 s of systemd and the 30 s of Kubernetes, with the end of the children.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);

/// Wait for a child's answer to `server/discover`; those that know nothing of it may stay silent.
pub const SERVER_DISCOVER: Duration = Duration::from_secs(20);

/// Wait for the answer of a shared child to `initialize`: `npx` may have to load it first.
pub const SERVER_INITIALIZE: Duration = Duration::from_secs(60);

/// Principals without a child that are remembered, with what became of their last ones.
pub const PRINCIPALS: usize = 1024;

/// A child that lived this long started well.
pub const STEADY: Duration = Duration::from_secs(10);

// Operating `serve`

/// Upper ends of the buckets in which answers are counted by their time: from what an echo on this
/// machine takes to the longest that a client is known to wait, three in each decade.
pub const LATENCY_BUCKETS: [Duration; 16] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// Connections to the admin page at the same time: a collector, a load balancer and some people.
pub const ADMIN_CONNECTIONS: usize = 32;

/// A child that is tried has to answer `initialize` in this time: what `npx` needs to download one
/// and start it.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest `--config` file, in bytes: some thousand lines.
pub const CONFIG_FILE_BYTES: u64 = 64 * 1024;

/// Longest wait for the admin page to say whether the server is ready: it answers from memory, and who
/// asks does so again soon.
pub const READY_ANSWER: Duration = Duration::from_secs(5);

/// Longest reason, in bytes, of a server that is not ready.
pub const READY_REASON_BYTES: usize = 16 * 1024;

// The probe

/// Time for a whole probe, unless `--timeout` says otherwise: a start of a process at the server, some
/// lists, and the time to connect within it.
pub const PROBE_TIME: Duration = Duration::from_secs(30);

/// The probe warns of a certificate that ends within this time, unless `--warn-expiry` says otherwise:
/// it is run by people, who have more time to act than a running bridge has.
pub const PROBE_EXPIRY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Largest configuration of a host, in bytes: some hosts keep the whole of their state in it.
pub const HOST_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Copies beside the configuration of a host that `ide` makes, and looks through for the one to put back:
/// a person makes one a change, and far fewer than this.
pub const HOST_FILE_BACKUPS: usize = 100;

/// Wait until another `ide` has changed the same file: it takes milliseconds, longer where a disk is slow.
pub const HOST_FILE_WAIT: Duration = Duration::from_secs(10);

/// Between two looks whether the other `ide` is done: a person does not notice it.
pub const HOST_FILE_LOOK: Duration = Duration::from_millis(20);

/// Longest name that `ide` gives a server, in characters: some hosts put it before that of each tool, and
/// models take names of 64.
pub const SERVER_NAME_CHARS: usize = 48;

/// Longest answer to a question at a terminal, in bytes: a word.
pub const ANSWER_BYTES: u64 = 64;

/// Characters of a line in the difference that `ide` shows: some hosts write all of a file on one line.
pub const SHOWN_LINE_CHARS: usize = 200;

/// Between two looks at the clock while a step is under way, for the line that says so on a terminal.
pub const PROBE_TICK: Duration = Duration::from_millis(250);

/// What the probe has learned and not shown yet, in parts of the way: it is shown at once, so that this
/// is far more than ever waits.
pub const PROBE_NEWS: usize = 1024;

/// Wait for the answer to `server/discover`: some older servers say nothing to a method that they do not
/// know.
pub const DISCOVERY: Duration = Duration::from_secs(5);

/// Pages of a list that are read at most: a server whose pages never end must not keep the probe.
pub const LIST_PAGES: usize = 1000;

/// A list of so many pages is told as one that may have no end, where no time is left for the rest.
pub const MANY_PAGES: usize = 20;

/// Wait for each answer whose time is measured: a server that has answered so much else and leaves a
/// ping alone will do so for ever.
pub const LATENCY_WAIT: Duration = Duration::from_secs(5);

/// Probes at the same time with `--all`: far more than a person has, and few enough for the open files
/// that a process may have.
pub const PROBES_AT_ONCE: usize = 16;

/// Largest file of variables that the configuration of a host names, in bytes: some thousand lines.
pub const ENV_FILE_BYTES: u64 = 256 * 1024;

/// Characters of a server's instructions that are shown, which is some pages; `--json` has all of them.
pub const INSTRUCTIONS_SHOWN: usize = 4000;

/// Numbers of nameless items that a warning names: enough to see which they are.
pub const NAMELESS_SHOWN: usize = 10;

/// Columns of a page on a narrow terminal: below this there is no room for text beside the steps.
pub const LEAST_COLUMNS: u16 = 40;

/// Columns of a page on a wide terminal: longer lines are hard to read.
pub const MOST_COLUMNS: u16 = 100;

/// Calls whose median is the time of an answer.
pub const LATENCY_CALLS: usize = 5;
