//! What a legacy client and the server share: the session id, the version, and what is needed to
//! open a new session when the server has forgotten this one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use http::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits;
use crate::message::Message;

/// The session of one conversation. Modern requests have none.
#[derive(Debug, Default)]
pub(crate) struct Session {
    state: Mutex<State>,
    /// Held while a lost session is replaced, so that only one caller does it.
    pub(crate) replacing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    // Counts the sessions, so that a caller can tell whether its own is still the current one.
    generation: u64,
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    opening: Option<Opening>,
    level: Option<Message>,
    subscriptions: BTreeMap<String, Message>,
}

/// The handshake of the host and what it led to.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) initialize: Message,
    pub(crate) agreed: Agreed,
    pub(crate) initialized: Option<Message>,
}

/// What of an `InitializeResult` matters to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) version: String,
    pub(crate) capabilities: Box<str>,
}

/// The headers of a request, and the session that they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) generation: u64,
    pub(crate) id: Option<HeaderValue>,
    pub(crate) version: Option<HeaderValue>,
}

impl Agreed {
    /// Reads an `InitializeResult`.
    pub(crate) fn read(result: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct InitializeResult<'a> {
            protocol_version: String,
            #[serde(borrow)]
            capabilities: Option<&'a RawValue>,
        }
        let result: InitializeResult<'_> = serde_json::from_slice(result).ok()?;
        let capabilities = result.capabilities.map_or("{}", RawValue::get);
        Some(Self { version: result.protocol_version, capabilities: capabilities.into() })
    }
}

impl Session {
    /// What to send with a request now.
    pub(crate) fn pass(&self) -> Pass {
        let state = self.lock();
        Pass { generation: state.generation, id: state.id.clone(), version: state.version.clone() }
    }

    /// A new session begins with this answer to `initialize`.
    pub(crate) fn open(&self, initialize: Message, agreed: Agreed, id: Option<HeaderValue>) {
        let mut state = self.lock();
        state.generation += 1;
        state.id = id;
        state.version = HeaderValue::from_str(&agreed.version).ok();
        state.opening = Some(Opening { initialize, agreed, initialized: None });
        state.level = None;
        state.subscriptions.clear();
    }

    /// Another session takes the place of a lost one; the host knows nothing of it.
    pub(crate) fn replace(&self, id: Option<HeaderValue>) {
        let mut state = self.lock();
        state.generation += 1;
        state.id = id;
    }

    /// The host has said `notifications/initialized`.
    pub(crate) fn note_initialized(&self, message: Message) {
        if let Some(opening) = &mut self.lock().opening {
            opening.initialized = Some(message);
        }
    }

    /// How the session was opened.
    pub(crate) fn opening(&self) -> Option<Opening> {
        self.lock().opening.clone()
    }

    /// The negotiated version.
    pub(crate) fn version(&self) -> Option<String> {
        self.lock().opening.as_ref().map(|opening| opening.agreed.version.clone())
    }

    /// Remembers a request that a new session needs again: the log level, a subscription.
    pub(crate) fn remember(&self, message: &Message, uri: Option<&str>) {
        let Some(method) = message.head().and_then(|head| head.method()) else { return };
        let mut state = self.lock();
        match (method, uri) {
            ("logging/setLevel", _) => state.level = Some(message.clone()),
            ("resources/subscribe", Some(uri))
                if state.subscriptions.len() < limits::REMEMBERED_SUBSCRIPTIONS =>
            {
                state.subscriptions.insert(uri.to_owned(), message.clone());
            }
            ("resources/unsubscribe", Some(uri)) => drop(state.subscriptions.remove(uri)),
            _ => {}
        }
    }

    /// What a new session has to be told again.
    pub(crate) fn remembered(&self) -> Vec<Message> {
        let state = self.lock();
        state.level.iter().chain(state.subscriptions.values()).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
