//! The client: one conversation, or what is one to us.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future;
use http::HeaderValue;
use http::Request;
use http_body_util::Full;

use crate::call;
use crate::call::Tool;
use crate::link::Answer;
use crate::link::Link;
use crate::link::Place;
use crate::run::Fault;

/// Which era is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    Legacy,
    Modern,
}

/// A client that waits for one answer at a time.
pub(crate) struct Session {
    place: Place,
    era: Era,
    link: Link,
    id: Option<HeaderValue>,
}

impl Session {
    /// Connects, and opens a session where the era has them.
    pub(crate) async fn open(place: &Place, era: Era) -> Result<Self, Fault> {
        let mut session = Self { place: place.clone(), era, link: place.open().await?, id: None };
        if era == Era::Legacy {
            session.id = session.post(call::initialize()).await?.session;
            session.post(call::INITIALIZED.to_owned()).await?;
        }
        Ok(session)
    }

    /// Another client in the same session.
    pub(crate) async fn join(&self) -> Result<Self, Fault> {
        let link = match self.link.share() {
            Some(link) => link,
            None => self.place.open().await?,
        };
        Ok(Self { place: self.place.clone(), era: self.era, link, id: self.id.clone() })
    }

    /// Calls `tool` so many times, one after the other; the time of each.
    pub(crate) async fn sequence(
        &mut self,
        tool: Tool,
        count: usize,
    ) -> Result<Vec<Duration>, Fault> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begun = Instant::now();
            self.call(tool).await?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    async fn call(&mut self, tool: Tool) -> Result<(), Fault> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = 1 + LAST.fetch_add(1, Ordering::Relaxed);
        let meta = match self.era {
            Era::Legacy => "{}".to_owned(),
            Era::Modern => format!(
                r#"{{"io.modelcontextprotocol/protocolVersion":"{}","io.modelcontextprotocol/clientCapabilities":{{}}}}"#,
                call::MODERN_VERSION
            ),
        };
        let answer = self.post(tool.request_with(&meta, id)).await?;
        let least = if tool == Tool::Big { call::BIG / 2 } else { 100 };
        if answer.size < least { Err("a short answer".into()) } else { Ok(()) }
    }

    async fn post(&mut self, message: String) -> Result<Answer, Fault> {
        let Place { address, tls, .. } = &self.place;
        let request = match &self.link {
            Link::Http1(_) => Request::post("/mcp").header("host", address.to_string()),
            Link::Http2(_) => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                Request::post(format!("{scheme}://{address}/mcp"))
            }
        };
        let mut request = request
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        match (self.era, &self.id) {
            (Era::Legacy, None) => {}
            (Era::Legacy, Some(id)) => {
                request = request.header("mcp-protocol-version", call::VERSION);
                request = request.header("mcp-session-id", id);
            }
            (Era::Modern, _) => {
                request = request.header("mcp-protocol-version", call::MODERN_VERSION);
                request = request.header("mcp-method", "tools/call");
                let name = if message.contains(r#""name":"big""#) { "big" } else { "echo" };
                request = request.header("mcp-name", name);
            }
        }
        self.link.send(request.body(Full::new(Bytes::from(message)))?).await
    }
}

/// Calls `tool` with each of `clients` at the same time, `count` times in all; the time of all
/// together.
pub(crate) async fn flood(
    clients: &mut [Session],
    tool: Tool,
    count: usize,
) -> Result<Duration, Fault> {
    let each = count / clients.len();
    let begun = Instant::now();
    future::try_join_all(clients.iter_mut().map(|client| client.sequence(tool, each))).await?;
    Ok(begun.elapsed())
}
