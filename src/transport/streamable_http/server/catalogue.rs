//! The tools of the server behind us, as far as headers of calls have to repeat arguments.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::adapt::mux::MuxSender;
use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;
use crate::message::RpcError;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::server::era;
use crate::transport::streamable_http::tools;
use crate::transport::streamable_http::tools::Tools;

/// What is known of the tools.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    tools: Mutex<Tools>,
    // Asked for once; from then on it is enough to see what others ask for.
    asked: OnceCell<()>,
}

impl Catalogue {
    /// Whether the list of tools has to be read before this request can be checked.
    pub(super) fn is_needed_for(&self, message: &Message) -> bool {
        !self.asked.initialized() && message.request().is_some_and(|(_, method)| method == CALL)
    }

    /// Reads the whole list, unless somebody else has. What cannot be read is not checked.
    pub(super) async fn read(&self, sender: MuxSender, mut answers: Receiver) {
        self.asked.get_or_init(|| self.pages(&sender, &mut answers)).await;
    }

    /// Learns from an answer to `tools/list` on its way to a client.
    pub(super) fn learn(&self, answer: &Message, is_first_page: bool) {
        self.lock().learn(answer.clone(), is_first_page);
    }

    /// Refuses a call whose headers do not repeat its arguments.
    pub(super) fn check(
        &self,
        message: &Message,
        params: &Params<'_>,
        headers: &HeaderMap,
    ) -> Result<(), RpcError> {
        let is_call = message.head().and_then(|head| head.method()) == Some(CALL);
        let Some(tool) = params.name.as_ref().filter(|_| is_call) else { return Ok(()) };
        match self.lock().disagreement(tool, params.arguments, headers) {
            Some(name) => Err(RpcError::header_mismatch(&format!(
                "the header `{name}` does not repeat its argument"
            ))),
            None => Ok(()),
        }
    }

    async fn pages(&self, sender: &MuxSender, answers: &mut Receiver) {
        let mut cursor = None;
        for page in 0..limits::TOOL_PAGES {
            let Some(request) = list(page, cursor.take()) else { return };
            if sender.send(request).await.is_err() {
                return;
            }
            let answer = timeout(limits::OWN_REQUEST_TIMEOUT, answers.recv_response()).await;
            let Ok(Some(answer)) = answer else { return };
            self.learn(&answer, page == 0);
            cursor = tools::next_cursor(&answer);
            if cursor.is_none() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tools> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const CALL: &str = "tools/call";

fn list(page: usize, cursor: Option<Box<RawValue>>) -> Option<Message> {
    let mut params = json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": era::MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    } });
    if let Some(cursor) = cursor {
        params["cursor"] = serde_json::from_str(cursor.get()).ok()?;
    }
    let request = json!({ "jsonrpc": "2.0", "id": page, "method": "tools/list", "params": params });
    Message::parse(Bytes::from(request.to_string())).ok()
}
