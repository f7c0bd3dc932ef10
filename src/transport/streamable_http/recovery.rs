//! Mending what a refusal showed to be out of date: the session, the tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::transport::streamable_http::exchange::Exchange;
use crate::transport::streamable_http::session::Agreed;
use crate::transport::streamable_http::session::Opening;
use crate::transport::streamable_http::shared::Shared;
use crate::transport::streamable_http::tools;

/// Opens a new session in place of the one with this generation, unseen by the host (A23). Many may
/// ask at once; one does it. False if there is no new session.
pub(crate) async fn replace_session(shared: &Arc<Shared>, lost: u64) -> bool {
    let _one = shared.session.replacing.lock().await;
    if shared.session.pass().generation != lost {
        return true;
    }
    let Some(opening) = shared.session.opening() else { return false };
    tracing::warn!("the remote has lost the session; opening a new one");
    let Some(agreed) = initialize(shared, &opening).await else { return false };
    if let Some(initialized) = &opening.initialized {
        let pass = shared.session.pass();
        let sent = CancellationToken::new();
        if shared.post(initialized, &pass, &sent).await.is_ok_and(|r| !r.status.is_success()) {
            return false;
        }
    }
    for message in shared.session.remembered() {
        repeat(shared, &message).await;
    }
    if agreed.capabilities != opening.agreed.capabilities {
        announce_changes(shared).await;
    }
    shared.reopen.notify_one();
    true
}

/// Reads all tools anew, as the host that sent `call` would (A45).
pub(crate) async fn reload_tools(shared: &Arc<Shared>, call: &Message) -> bool {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Option<BTreeMap<String, &'a RawValue>>,
    }
    let Some(head) = call.head() else { return false };
    let params: Option<Params<'_>> = serde_json::from_slice(call.payload(head)).ok();
    let Some(mut meta) = params.and_then(|params| params.meta) else { return false };
    // The progress of our list is none of the host's business.
    meta.remove("progressToken");
    let Ok(meta) = serde_json::to_string(&meta) else { return false };
    let mut cursor = None;
    for page in 0..limits::TOOL_PAGES {
        let params = match &cursor {
            Some(cursor) => format!(r#"{{"_meta":{meta},"cursor":{cursor}}}"#),
            None => format!(r#"{{"_meta":{meta}}}"#),
        };
        let Some(answer) = call_own(shared, "tools/list", &params, true).await else {
            return false;
        };
        cursor = tools::next_cursor(&answer);
        shared.tools(|tools| tools.learn(answer, page == 0));
        if cursor.is_none() {
            return true;
        }
    }
    true
}

async fn initialize(shared: &Arc<Shared>, opening: &Opening) -> Option<Agreed> {
    let exchange = Exchange::own(Arc::clone(shared), opening.initialize.clone(), false)?;
    // Boxed, since an exchange can lead here.
    let (answer, id) = Box::pin(exchange.call()).await.ok()?;
    let head = answer.head()?;
    if matches!(head.kind, MessageKind::Response { failed: true, .. }) {
        return None;
    }
    let agreed = Agreed::read(answer.payload(head))?;
    if agreed.version != opening.agreed.version {
        tracing::error!(
            "the remote now speaks another protocol version: restart the host's client"
        );
        return None;
    }
    shared.session.replace(id);
    Some(agreed)
}

/// Sends a remembered request of the host again, under an id of our own.
async fn repeat(shared: &Arc<Shared>, message: &Message) {
    let Some(head) = message.head() else { return };
    let params = String::from_utf8_lossy(message.payload(head));
    let method = head.method().unwrap_or_default();
    if call_own(shared, method, &params, false).await.is_none() {
        tracing::warn!("the new session did not take `{method}` again");
    }
}

/// A request of our own; `None` if it was not answered with a result.
async fn call_own(
    shared: &Arc<Shared>,
    method: &str,
    params: &str,
    modern: bool,
) -> Option<Message> {
    let id: Id = shared.own_id();
    let method = serde_json::Value::from(method);
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#);
    let message = Message::parse(Bytes::from(text)).ok()?;
    let exchange = Exchange::own(Arc::clone(shared), message, modern)?;
    let (answer, _) = Box::pin(exchange.call()).await.ok()?;
    let failed = matches!(answer.head()?.kind, MessageKind::Response { failed: true, .. });
    (!failed).then_some(answer)
}

/// The new session offers other things than the old one: the host should look again.
async fn announce_changes(shared: &Shared) {
    for list in ["tools", "prompts", "resources"] {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"}}"#);
        if let Ok(message) = Message::parse(Bytes::from(text)) {
            // Nobody to tell if the host is gone.
            let _ = shared.host.send(message).await;
        }
    }
}
