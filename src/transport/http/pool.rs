//! Live connections to the one origin: a shared one for HTTP/2, idle ones for HTTP/1.1.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;

use tokio::time::Instant;

use crate::limits;
use crate::transport::http::dial::Dial;
use crate::transport::http::dial::DialError;
use crate::transport::http::http1::Http1;
use crate::transport::http::http2::Http2;
use crate::transport::http::link::Link;
use crate::transport::http::link::LinkState;

/// The connections of one client.
pub(crate) struct Pool {
    dial: Dial,
    live: Arc<Live>,
    // Held while it is not known whether one connection can serve all.
    first: tokio::sync::Mutex<()>,
}

/// Where an HTTP/1.1 connection goes back to after a response.
pub(crate) struct Idle(Weak<Live>);

#[derive(Default)]
struct Live(Mutex<State>);

#[derive(Default)]
struct State {
    // Of the TLS configuration: a connection made under an older one is not used again.
    generation: u64,
    speaks_http1: bool,
    shared: Option<Http2>,
    idle: Vec<(Http1, Instant)>,
}

impl Live {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    /// Puts a connection back, unless the identity has changed since.
    pub(crate) fn put(self, link: Http1) {
        let Some(live) = self.0.upgrade() else { return };
        let mut state = live.lock();
        if state.generation == link.state().generation()
            && state.idle.len() < limits::IDLE_CONNECTIONS
        {
            state.idle.push((link, Instant::now()));
        }
    }
}

impl Pool {
    pub(crate) fn new(dial: Dial) -> Self {
        Self { dial, live: Arc::default(), first: tokio::sync::Mutex::default() }
    }

    pub(crate) fn dial(&self) -> &Dial {
        &self.dial
    }

    /// A connection that can carry a request now.
    pub(crate) async fn checkout(&self) -> Result<Link, DialError> {
        let generation = self.renew();
        if let Some(link) = self.existing().await {
            return Ok(link);
        }
        let first = self.first.lock().await;
        if let Some(link) = self.existing().await {
            return Ok(link);
        }
        if self.live.lock().speaks_http1 {
            // Each request needs a connection of its own: side by side.
            drop(first);
        }
        // On the heap: every request would carry the room that a rare connect takes.
        Box::pin(self.connect(generation)).await
    }

    /// The way back for a connection that is out.
    pub(crate) fn way_back(&self) -> Idle {
        Idle(Arc::downgrade(&self.live))
    }

    /// Stops using the connection with this state, and with it all that have been idle as long.
    pub(crate) fn forget(&self, gone: &Arc<LinkState>) {
        let mut state = self.live.lock();
        state.idle.clear();
        if state.shared.as_ref().is_some_and(|link| Arc::ptr_eq(link.state(), gone)) {
            state.shared = None;
        }
    }

    /// Retires what was connected under an identity that has been replaced since. Requests that
    /// run on such a connection go on.
    fn renew(&self) -> u64 {
        let generation = self.dial.tls().map_or(0, |tls| tls.refresh());
        let mut state = self.live.lock();
        if state.generation != generation {
            state.generation = generation;
            state.shared = None;
            state.idle.clear();
        }
        generation
    }

    async fn existing(&self) -> Option<Link> {
        if let Some(shared) = &self.live.lock().shared
            && !shared.state().has_ended()
        {
            return Some(Link::Http2(shared.clone()));
        }
        while let Some((mut link, since)) = self.take_idle() {
            if since.elapsed() < limits::IDLE_CONNECTION_AGE && link.is_ready().await {
                return Some(Link::Http1(link));
            }
        }
        None
    }

    fn take_idle(&self) -> Option<(Http1, Instant)> {
        self.live.lock().idle.pop()
    }

    async fn connect(&self, generation: u64) -> Result<Link, DialError> {
        let link = self.dial.connect().await?;
        link.state().set_generation(generation);
        let mut state = self.live.lock();
        state.speaks_http1 = matches!(link, Link::Http1(_));
        if let Link::Http2(shared) = &link
            && state.generation == generation
        {
            state.shared = Some(shared.clone());
        }
        Ok(link)
    }
}
