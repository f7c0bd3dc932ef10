//! What is counted about requests and sessions: plain counters, so that it costs next to nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::limits;
use crate::message::Kind;
use crate::message::Message;

/// What a request is called in the counts: the methods of MCP and some words for what has none. All
/// others are one, so that a client cannot make the list grow.
pub const METHODS: [&str; 28] = [
    OTHER,
    "tools/call",
    "tools/list",
    "resources/read",
    "resources/list",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/get",
    "prompts/list",
    "completion/complete",
    "logging/setLevel",
    "ping",
    "initialize",
    "server/discover",
    "subscriptions/listen",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/result",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    BATCH,
    RESPONSE,
    STREAM,
    END_SESSION,
];

/// Any other method, and what could not be read.
const OTHER: &str = "other";
/// Several messages in one.
const BATCH: &str = "batch";
/// The client's answer to the server.
const RESPONSE: &str = "response";
/// The GET that opens an event stream.
pub(crate) const STREAM: &str = "stream";
/// The DELETE that ends a session.
pub(super) const END_SESSION: &str = "end-session";

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered, or taken.
    Ok,
    /// Answered with a JSON-RPC error.
    Error,
    /// Refused with a status from 400 to 499.
    ClientRefused,
    /// Refused with a status from 500 on.
    ServerRefused,
    /// The client or the session went before the answer.
    Abandoned,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::Error, Self::ClientRefused, Self::ServerRefused, Self::Abandoned];

    /// Its name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::ClientRefused => "refused_4xx",
            Self::ServerRefused => "refused_5xx",
            Self::Abandoned => "abandoned",
        }
    }

    fn of(status: StatusCode) -> Self {
        if status.is_server_error() {
            Self::ServerRefused
        } else if status.is_client_error() {
            Self::ClientRefused
        } else {
            Self::Ok
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said so.
    Deleted,
    /// Nobody used it.
    Idle,
    /// It has lived as long as a session may.
    TooOld,
    /// The MCP server ended.
    ServerGone,
    /// The one stream of a session of HTTP+SSE ended.
    Disconnected,
    /// The client was refused by the MCP server, or went before it knew the session.
    Unheard,
    /// We stop.
    Stopping,
}

impl Ending {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Deleted,
        Self::Idle,
        Self::TooOld,
        Self::ServerGone,
        Self::Disconnected,
        Self::Unheard,
        Self::Stopping,
    ];

    /// Its name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Idle => "idle",
            Self::TooOld => "too-old",
            Self::ServerGone => "server-gone",
            Self::Disconnected => "disconnected",
            Self::Unheard => "unheard",
            Self::Stopping => "stopping",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "the client ended it",
            Self::Idle => "it was not used",
            Self::TooOld => "its time is over",
            Self::ServerGone => "its server has gone",
            Self::Disconnected => "its stream ended",
            Self::Unheard => "it did not begin well",
            Self::Stopping => "the server is stopping",
        })
    }
}

/// Numbers since the start, of all endpoints of one server.
#[derive(Debug, Default)]
pub struct Counts {
    requests: [[AtomicU64; Outcome::ALL.len()]; METHODS.len()],
    latencies: [AtomicU64; limits::LATENCY_BUCKETS.len() + 1],
    latency_sum_us: AtomicU64,
    sessions_opened: AtomicU64,
    sessions_ended: [AtomicU64; Ending::ALL.len()],
}

impl Counts {
    /// Requests of the method with this place in [`METHODS`] that came to this end.
    pub fn requests(&self, method: usize, outcome: Outcome) -> u64 {
        self.requests.get(method).map_or(0, |row| row[outcome as usize].load(Relaxed))
    }

    /// Requests that were answered within each of [`limits::LATENCY_BUCKETS`] but not within the one
    /// before, and at last those that took longer.
    pub fn latencies(&self) -> [u64; limits::LATENCY_BUCKETS.len() + 1] {
        self.latencies.each_ref().map(|count| count.load(Relaxed))
    }

    /// The times of all those together.
    pub fn latency_sum(&self) -> Duration {
        Duration::from_micros(self.latency_sum_us.load(Relaxed))
    }

    /// Sessions that have begun.
    pub fn sessions_opened(&self) -> u64 {
        self.sessions_opened.load(Relaxed)
    }

    /// Sessions that have ended for this reason.
    pub fn sessions_ended(&self, ending: Ending) -> u64 {
        self.sessions_ended[ending as usize].load(Relaxed)
    }

    pub(crate) fn session_begins(&self) {
        self.sessions_opened.fetch_add(1, Relaxed);
    }

    pub(crate) fn session_ends(&self, ending: Ending) {
        self.sessions_ended[ending as usize].fetch_add(1, Relaxed);
    }

    fn count(&self, method: usize, outcome: Outcome) {
        if let Some(row) = self.requests.get(method) {
            row[outcome as usize].fetch_add(1, Relaxed);
        }
    }

    fn answered_after(&self, time: Duration) {
        let bucket = limits::LATENCY_BUCKETS.partition_point(|limit| *limit < time);
        self.latencies[bucket].fetch_add(1, Relaxed);
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.latency_sum_us.fetch_add(us, Relaxed);
    }
}

/// One request, from its head to its answer. Dropped without one, it counts as abandoned.
#[derive(Debug)]
pub(crate) struct Ticket {
    // None once it was counted or handed on.
    counts: Option<Arc<Counts>>,
    method: usize,
    // Answers that are still to come.
    waiting: usize,
    failed: bool,
    since: Instant,
}

impl Ticket {
    pub(crate) fn new(counts: &Arc<Counts>) -> Self {
        let counts = Some(Arc::clone(counts));
        Self { counts, method: 0, waiting: 0, failed: false, since: Instant::now() }
    }

    /// What it is, where it carries no message.
    pub(crate) fn name(&mut self, name: &str) {
        self.method = METHODS.iter().position(|known| *known == name).unwrap_or(0);
    }

    /// What it carries.
    pub(crate) fn carries(&mut self, message: &Message) {
        match message.head() {
            None => self.name(BATCH),
            // Our own words are no methods.
            Some(head) => match head.method() {
                Some(BATCH | RESPONSE | STREAM | END_SESSION) => {}
                Some(method) => self.name(method),
                None => self.name(RESPONSE),
            },
        }
        self.waiting = message.request_ids().count();
    }

    /// The same, for whoever hands on what is still to come.
    pub(crate) fn hand_on(&mut self) -> Self {
        Self { counts: self.counts.take(), ..*self }
    }

    /// A message to the client; the last answer closes this.
    pub(crate) fn passes(&mut self, message: &Message) {
        let Some(head) = message.head() else { return };
        let Kind::Response { failed, .. } = head.kind else { return };
        self.failed |= failed;
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting > 0 {
            return;
        }
        if let Some(counts) = self.counts.take() {
            counts.count(self.method, if self.failed { Outcome::Error } else { Outcome::Ok });
            counts.answered_after(self.since.elapsed());
        }
    }

    /// How long it has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// The HTTP answer is all there is.
    pub(crate) fn close(mut self, status: StatusCode) {
        if let Some(counts) = self.counts.take() {
            counts.count(self.method, Outcome::of(status));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(counts) = self.counts.take() {
            counts.count(self.method, Outcome::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;

    use super::Counts;
    use super::METHODS;
    use super::Outcome;
    use super::Ticket;
    use crate::message::Message;

    fn message(text: &str) -> Message {
        Message::parse(Bytes::from(text.to_owned())).unwrap()
    }

    fn ticket(counts: &Arc<Counts>, text: &str) -> Ticket {
        let mut ticket = Ticket::new(counts);
        ticket.carries(&message(text));
        ticket
    }

    /// All that is counted.
    fn counted(counts: &Counts) -> Vec<(&'static str, &'static str, u64)> {
        let mut all = Vec::new();
        for (place, method) in METHODS.into_iter().enumerate() {
            let outcomes = Outcome::ALL.map(|it| (method, it.as_str(), counts.requests(place, it)));
            all.extend(outcomes.into_iter().filter(|(_, _, count)| *count > 0));
        }
        all
    }

    const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    const ERROR: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#;

    #[tokio::test]
    async fn an_answer_is_counted_once_by_what_it_says() {
        let counts = Arc::new(Counts::default());
        let mut call = ticket(&counts, CALL);
        call.passes(&message(r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#));
        assert!(counted(&counts).is_empty());
        call.passes(&message(RESULT));
        call.passes(&message(RESULT));
        call.close(StatusCode::OK);
        ticket(&counts, CALL).passes(&message(ERROR));
        assert_eq!(counted(&counts), [("tools/call", "ok", 1), ("tools/call", "error", 1)]);
        assert_eq!(counts.latencies().iter().sum::<u64>(), 2);
    }

    #[tokio::test]
    async fn what_has_no_answer_counts_by_its_status_and_without_one_as_abandoned() {
        let counts = Arc::new(Counts::default());
        ticket(&counts, CALL).close(StatusCode::NOT_FOUND);
        ticket(&counts, CALL).close(StatusCode::SERVICE_UNAVAILABLE);
        let mut handed_on = ticket(&counts, CALL);
        let later = handed_on.hand_on();
        handed_on.close(StatusCode::OK);
        assert_eq!(counted(&counts).len(), 2);
        drop(later);
        let call = [("refused_4xx"), ("refused_5xx"), ("abandoned")];
        assert_eq!(counted(&counts), call.map(|outcome| ("tools/call", outcome, 1)));
    }

    #[tokio::test]
    async fn a_client_cannot_make_names() {
        let counts = Arc::new(Counts::default());
        for method in ["x", "batch", "stream", "response", "Tools/call"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
            ticket(&counts, &text).close(StatusCode::OK);
        }
        assert_eq!(counted(&counts), [("other", "ok", 5)]);
    }

    #[test]
    fn a_time_is_in_the_first_bucket_that_holds_it() {
        let counts = Counts::default();
        let first = crate::limits::LATENCY_BUCKETS[0];
        counts.answered_after(first);
        counts.answered_after(first + Duration::from_nanos(1));
        counts.answered_after(Duration::from_secs(1_000_000));
        let latencies = counts.latencies();
        assert_eq!((latencies[0], latencies[1], latencies[latencies.len() - 1]), (1, 1, 1));
    }
}
