//! The open sessions, by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;

use crate::auth::Peer;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http_listener::Refused;
use crate::transport::http_listener::refusal;
use crate::transport::streamable_http::SESSION_ID;
use crate::transport::streamable_http::server::session::Session;

/// Sessions by id. Ids are secrets that a client keeps, so they are in no log.
#[derive(Debug, Default)]
pub(super) struct Registry {
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl Registry {
    pub(super) fn add(&self, id: &str, session: &Arc<Session>) {
        self.lock().insert(id.to_owned(), Arc::clone(session));
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The session that the headers name, if it is this peer's.
    ///
    /// # Errors
    /// 400 without an id or with what cannot be one, 404 for one that is not known, or not to this
    /// peer: others do not learn that it exists (specification 2025-11-25, "Session Management").
    pub(super) fn find(&self, headers: &HeaderMap, peer: &Peer) -> Result<Arc<Session>, Refused> {
        let id = session_id(headers)?;
        let found = self.lock().get(id).cloned();
        let session = found.ok_or_else(unknown)?;
        if session.principal != peer.principal() {
            tracing::warn!(
                session = session.label.session(), %peer,
                "a peer used the session of another one: refused"
            );
            return Err(unknown());
        }
        session.touch();
        Ok(session)
    }

    /// The same, and nobody finds it from now on.
    ///
    /// # Errors
    /// As for [`Registry::find`].
    pub(super) fn take(&self, headers: &HeaderMap, peer: &Peer) -> Result<Arc<Session>, Refused> {
        let session = self.find(headers, peer)?;
        self.remove(session_id(headers)?);
        Ok(session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session_id(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut ids = headers.get_all(SESSION_ID).iter();
    let id = ids.next().ok_or_else(|| bad("the request has no `Mcp-Session-Id` header", BEGIN))?;
    if ids.next().is_some() {
        let hint = "send the header once";
        return Err(bad("the request has more than one `Mcp-Session-Id` header", hint));
    }
    readable(id).ok_or_else(|| bad("the `Mcp-Session-Id` header is no id of this server", BEGIN))
}

fn readable(id: &HeaderValue) -> Option<&str> {
    let id = id.to_str().ok()?;
    (id.len() <= limits::SESSION_ID_BYTES).then_some(id)
}

const BEGIN: &str = "send `initialize` first, and the `Mcp-Session-Id` of its answer with every \
                     request after it";

fn bad(text: &str, hint: &str) -> Refused {
    refusal(StatusCode::BAD_REQUEST, Kind::Protocol, Report::new(text).hint(hint)).into()
}

fn unknown() -> Refused {
    let report = Report::new("there is no such session").hint("send `initialize` for a new one");
    refusal(StatusCode::NOT_FOUND, Kind::Protocol, report).into()
}
