//! Which HTTP transport a remote speaks, found out by the real outcome of the first POST (A9 to
//! A13), never with a message that may have been executed.

use std::sync::Arc;

use crate::channel::Channel;
use crate::channel::Sender;
use crate::message::Id;
use crate::message::Message;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::http;
use crate::transport::http::Milestone;
use crate::transport::inlet::Inlet;
use crate::transport::sse;
use crate::transport::streamable_http::Client;
use crate::transport::streamable_http::Settings;
use crate::transport::streamable_http::Trouble;

/// Which HTTP transport is tried first, and whether the other one may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Streamable HTTP, then HTTP+SSE.
    #[default]
    HttpFirst,
    /// Streamable HTTP alone.
    HttpOnly,
    /// HTTP+SSE, then Streamable HTTP.
    SseFirst,
    /// HTTP+SSE alone.
    SseOnly,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::HttpFirst, Self::HttpOnly, Self::SseFirst, Self::SseOnly];

    /// The word of `--transport`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HttpFirst => "http-first",
            Self::HttpOnly => "http-only",
            Self::SseFirst => "sse-first",
            Self::SseOnly => "sse-only",
        }
    }
}

/// A channel to the remote. Nothing is connected before the first message.
pub fn connect(
    http: Arc<http::Client>,
    strategy: Strategy,
    settings: Settings,
    tasks: &Tasks,
) -> Channel {
    let (near, far) = Channel::pair();
    let Channel { sender: host, receiver } = far;
    tasks.spawn(async move {
        let choice = Choice { http, host, settings };
        choice.run(strategy, Inlet::new(receiver)).await;
    });
    near
}

struct Choice {
    http: Arc<http::Client>,
    host: Sender,
    settings: Settings,
}

impl Choice {
    async fn run(self, strategy: Strategy, mut inlet: Inlet) {
        let Some(first) = inlet.next().await else { return };
        match strategy {
            Strategy::HttpFirst | Strategy::HttpOnly => {
                self.http_first(first, inlet, strategy).await;
            }
            Strategy::SseFirst => match self.open_sse(&first, &mut inlet).await {
                Some(stream) => self.sse(stream, first, inlet).await,
                None if inlet.is_over() => self.never_connected(first, inlet).await,
                None => self.http_first(first, inlet, strategy).await,
            },
            Strategy::SseOnly => self.sse_only(first, inlet).await,
        }
    }

    /// Streamable HTTP; the other transport is tried, if it may be and was not before, as long as no
    /// POST has succeeded.
    async fn http_first(self, first: Message, mut inlet: Inlet, strategy: Strategy) {
        let client = Client::new(Arc::clone(&self.http), self.host.clone(), self.settings.clone());
        let mut next = Some(first);
        while let Some(message) = next {
            let Some((id, method)) = opening(&message) else {
                // Nothing to decide on: what answers it is an error or nothing.
                inlet.put_back(message);
                return client.run(inlet).await;
            };
            let trouble = match client.first(message.clone(), &mut inlet).await {
                None => {
                    let unsent = client.is_unsent(id);
                    client.run(inlet).await;
                    if unsent {
                        self.host.fail(self.no_connection());
                    }
                    return;
                }
                Some(Ok(())) => {
                    connected(STREAMABLE_HTTP, &self.http);
                    return client.run(inlet).await;
                }
                Some(Err(Trouble::Refused(refusal))) if strategy == Strategy::HttpOnly => {
                    Trouble::Refused(refusal.as_only_transport())
                }
                Some(Err(trouble)) => trouble,
            };
            failed(STREAMABLE_HTTP, trouble.report(self.http.origin()), &self.http);
            if strategy == Strategy::HttpFirst && may_fall_back(&trouble) {
                tracing::debug!(
                    "trying HTTP+SSE: the first POST was refused as by an older server"
                );
                if let Some(stream) = self.open_sse(&message, &mut inlet).await {
                    return self.sse(stream, message, inlet).await;
                }
            }
            let answer = match &trouble {
                // A server that does not know the probe: the host goes on with `initialize` (A11).
                Trouble::Refused(refusal)
                    if method == "server/discover"
                        && refusal.is_mute()
                        && refusal.allows_fallback() =>
                {
                    RpcError::method_not_found(method).answer(Some(id))
                }
                trouble => client.error(trouble, id, method),
            };
            // Nobody to tell if the host is gone.
            let _ = self.host.send(answer).await;
            if let Trouble::Failed(failure) = trouble
                && is_unreachable(&failure)
            {
                return self.host.fail(failure);
            }
            next = inlet.next().await;
        }
    }

    async fn sse_only(self, first: Message, mut inlet: Inlet) {
        match inlet.hold(sse::open(&self.http, self.settings.max_message)).await {
            None => self.never_connected(first, inlet).await,
            Some(Ok(stream)) => self.sse(stream, first, inlet).await,
            Some(Err(failure)) => {
                failed(SSE, failure.report.clone(), &self.http);
                self.host.fail(failure);
            }
        }
    }

    /// Nothing was sent, and now the host is gone.
    async fn never_connected(&self, first: Message, mut inlet: Inlet) {
        let failure = self.no_connection();
        for id in first.request_ids() {
            // Nobody to tell if the host is gone.
            let _ = self.host.send(RpcError::failed(&failure, None).answer(Some(id))).await;
        }
        inlet.abandon(&self.host).await;
        self.host.fail(failure);
    }

    fn no_connection(&self) -> Failure {
        let origin = self.http.origin();
        let report = Report::new(format!("there was no connection to {origin} yet"));
        Failure::new(Kind::NotSent, report.cause("the host or a signal ended the bridge before"))
    }

    /// `None`: there is no such stream, or nobody waits for it any more.
    async fn open_sse(&self, message: &Message, inlet: &mut Inlet) -> Option<sse::Opened> {
        // There is no modern traffic over HTTP+SSE, but the server may say so itself (A50).
        opening(message)?;
        match inlet.hold(sse::open(&self.http, self.settings.max_message)).await? {
            Ok(stream) => Some(stream),
            Err(failure) => {
                failed(SSE, failure.report.clone(), &self.http);
                None
            }
        }
    }

    async fn sse(self, stream: sse::Opened, first: Message, mut inlet: Inlet) {
        connected(SSE, &self.http);
        inlet.put_back(first);
        sse::run(self.http, stream, self.host, self.settings, inlet).await;
    }
}

/// The name of the transport of 2025-03-26 and later.
pub const STREAMABLE_HTTP: &str = "Streamable HTTP";
/// The name of the transport of 2024-11-05.
pub const SSE: &str = "SSE";

fn failed(name: &'static str, report: Report, http: &http::Client) {
    // As the Python tool calls them.
    let short = if name == SSE { "sse" } else { "http" };
    tracing::info!("{short} transport failed: {}", report.line());
    http.observer().tell(|| Milestone::TransportFailed { name, report });
}

fn connected(transport: &'static str, http: &http::Client) {
    http.observer().tell(|| Milestone::TransportChosen { name: transport });
    tracing::info!("Connected using {transport} transport");
    tracing::info!("Proxy established: stdio <-> {}", http.shown_url());
}

/// Id and method of a message that begins a conversation and has no side effects.
fn opening(message: &Message) -> Option<(&Id, &str)> {
    let begins = |method: &str| matches!(method, "initialize" | "server/discover");
    message.request().filter(|(_, method)| begins(method))
}

fn may_fall_back(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(refusal) if refusal.allows_fallback())
}

/// Whether there is no use in going on: nothing was ever reached.
fn is_unreachable(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::NotSent | Kind::Tls)
}
