//! One request: its POST, its reply, and exactly one answer.

mod delivery;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::Method;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http::Origin;
use crate::transport::http::Reply;
use crate::transport::refusal::HEADER_MISMATCH;
use crate::transport::refusal::Refusal;
use crate::transport::streamable_http::client::Trouble;
use crate::transport::streamable_http::flights::Flight;
use crate::transport::streamable_http::lane;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::recovery;
use crate::transport::streamable_http::reply::Shape;
use crate::transport::streamable_http::session::Pass;
use crate::transport::streamable_http::shared::SESSION_ID;
use crate::transport::streamable_http::shared::Shared;
use crate::transport::streamable_http::stream::Stream;

/// A request on its way to its answer.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    message: Message,
    id: Id,
    method: Method,
    flight: Flight,
    own: bool,
    session_id: Option<HeaderValue>,
    answer: Option<Message>,
    answered: bool,
    rest: Option<Stream>,
}

impl Exchange {
    /// A request of the host; its answer goes to the host.
    pub(crate) fn new(
        shared: Arc<Shared>,
        message: Message,
        id: Id,
        method: Method,
        flight: Flight,
    ) -> Self {
        Self {
            shared,
            message,
            id,
            method,
            flight,
            own: false,
            session_id: None,
            answer: None,
            answered: false,
            rest: None,
        }
    }

    /// A request of our own; [`Exchange::call`] gives its answer to us.
    pub(crate) fn own(shared: Arc<Shared>, message: Message, modern: bool) -> Option<Self> {
        let MessageKind::Request { id, method } = message.head()?.kind.clone() else { return None };
        let flight = Flight::new(modern);
        Some(Self { own: true, ..Self::new(shared, message, id, method, flight) })
    }

    /// Cancelled, once the host has cancelled the request.
    pub(crate) fn cancelled(&self) -> CancellationToken {
        self.flight.cancelled.clone()
    }

    /// Runs until the host has its answer. What follows on the stream is for [`Exchange::drain`].
    ///
    /// # Errors
    /// The [`Trouble`] that the host has not been told yet.
    pub(crate) async fn run(mut self) -> Result<Self, Trouble> {
        let flight = self.flight.clone();
        let limit = self.shared.settings.request_timeout;
        let outcome = tokio::select! {
            biased;
            () = flight.unwanted() => Ok(()),
            outcome = self.carry() => outcome,
            () = expiry(limit) => Err(self.too_late().await),
        };
        self.shared.flights.remove(&self.id);
        outcome.map(|()| self)
    }

    /// Runs a request of our own.
    ///
    /// # Errors
    /// The [`Trouble`] in place of an answer.
    pub(crate) async fn call(self) -> Result<(Message, Option<HeaderValue>), Trouble> {
        let limit = limits::OWN_REQUEST_TIMEOUT;
        let late = Trouble::Failed(self.shared.http.unanswered(limit));
        let done = tokio::time::timeout(limit, self.run()).await.unwrap_or(Err(late))?;
        let no_answer = || protocol("the remote ended our request without an answer");
        Ok((done.answer.ok_or_else(no_answer)?, done.session_id))
    }

    /// Reads what the server still sends after the answer, for a while.
    pub(crate) async fn drain(mut self) {
        let Some(mut stream) = self.rest.take() else { return };
        let drained = async {
            let mut messages = Vec::new();
            while stream.next(&mut messages).await.is_ok() {
                self.deliver(&mut messages).await;
            }
        };
        // A server that never closes an answered stream is left alone with it.
        let _ = tokio::time::timeout(limits::AFTER_ANSWER, drained).await;
    }

    async fn carry(&mut self) -> Result<(), Trouble> {
        let reply = self.post().await?;
        self.session_id = reply.headers.get(SESSION_ID).cloned();
        match Shape::of(&reply) {
            Shape::Json => self.json(reply.body).await,
            Shape::Stream => self.stream(reply.body).await,
            Shape::Accepted => {
                Err(protocol("the remote took the request like a notification and gave no answer"))
            }
            Shape::Coded(coding) => Err(broken(
                format!("it answered in the content coding `{coding}`, which was not asked for"),
                "switch compression off at the server, or at the proxy before it",
            )),
            Shape::Foreign(kind) => Err(foreign(self.shared.http.origin(), &kind)),
            Shape::Refused => Err(Trouble::Refused(Refusal::read(reply).await)),
        }
    }

    /// Posts the request, a second time only after a refusal that proves that it was not processed
    /// and that can be mended.
    async fn post(&mut self) -> Result<Reply, Trouble> {
        let pass = self.pass();
        let reply = self.post_once(&pass).await?;
        let mendable = matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST);
        if !mendable || self.own {
            return Ok(reply);
        }
        let refusal = Refusal::read(reply).await;
        let refusal = if pass.id.is_some() { refusal.in_session() } else { refusal };
        // On the heap, since it is rare and takes much room. What the host does not want any more is
        // not sent again.
        let is_wanted = || !self.flight.cancelled.is_cancelled();
        if !is_wanted() || !Box::pin(self.mend(&pass, &refusal)).await || !is_wanted() {
            return Err(Trouble::Refused(refusal));
        }
        self.post_once(&self.pass()).await
    }

    async fn post_once(&self, pass: &Pass) -> Result<Reply, Trouble> {
        let sent = &self.flight.sent;
        if !self.flight.modern {
            return Ok(self.shared.post(&self.message, pass, sent).await?);
        }
        let head = self.message.head().ok_or(Trouble::Ambiguous)?;
        let params = Params::read(&self.message, head).map_err(|_| Trouble::Ambiguous)?;
        Ok(self.shared.post_modern(&self.message, head, &params, sent).await?)
    }

    /// What a session gives to a request. `initialize` opens a new one and has none.
    fn pass(&self) -> Pass {
        let mut pass = self.shared.session.pass();
        if &*self.method == "initialize" {
            pass.id = None;
            pass.version = None;
        }
        pass
    }

    /// Removes the cause of a refusal: a lost session (A23), or tools that have changed (A45).
    async fn mend(&self, pass: &Pass, refusal: &Refusal) -> bool {
        if self.flight.modern {
            return refusal.code() == Some(HEADER_MISMATCH)
                && &*self.method == "tools/call"
                && recovery::reload_tools(&self.shared, &self.message).await;
        }
        pass.id.is_some()
            && self.shared.settings.reinitialize
            && refusal.says_session_lost()
            && recovery::replace_session(&self.shared, pass.generation).await
    }

    /// The time limit of the user: the remote is told, in the way of the era.
    async fn too_late(&self) -> Trouble {
        if !self.flight.modern && &*self.method != "initialize" {
            let item = lane::Item::cancel(&self.id, self.flight.sent.clone());
            // A full lane means that the remote takes nothing at all just now.
            let _ = self.shared.lane.try_send(item);
        }
        let limit = self.shared.settings.request_timeout.unwrap_or_default();
        Trouble::Failed(self.shared.http.unanswered(limit))
    }
}

async fn expiry(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

fn protocol(cause: impl Into<String>) -> Trouble {
    let report = Report::new("the remote broke the protocol").cause(cause);
    Trouble::Failed(Failure::new(Kind::Protocol, report))
}

/// An answer of another media type.
fn foreign(origin: &Origin, kind: &str) -> Trouble {
    let what = if kind.is_empty() { "no media type".to_owned() } else { format!("`{kind}`") };
    let cause = format!("it answered with {what} in place of JSON or an event stream");
    if kind != "text/html" {
        return broken(cause, "check the URL; a proxy on the way may have answered");
    }
    let report =
        Report::new(format!("{origin} has no MCP server at this path: a web server answers"));
    let hint = "check the port and the path of the URL; the login page of a proxy looks the same";
    Trouble::Failed(Failure::new(Kind::Protocol, report.cause(cause).hint(hint)))
}

fn broken(cause: String, hint: &str) -> Trouble {
    let report = Report::new("the remote broke the protocol").cause(cause).hint(hint);
    Trouble::Failed(Failure::new(Kind::Protocol, report))
}
