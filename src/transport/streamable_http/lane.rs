//! Notifications and responses of the host: posted one at a time, in their order (A19).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::transport::http::Reply;
use crate::transport::refusal::Refusal;
use crate::transport::streamable_http::recovery;
use crate::transport::streamable_http::shared::Shared;

/// A message that nobody answers.
#[derive(Debug)]
pub(crate) struct Item {
    message: Message,
    // Posted not before this has happened, so that a cancellation does not overtake its request.
    after: Option<CancellationToken>,
}

impl Item {
    pub(crate) fn new(message: Message, after: Option<CancellationToken>) -> Self {
        Self { message, after }
    }

    /// Our own cancellation of the request `id`.
    pub(crate) fn cancel(id: &Id, after: CancellationToken) -> Self {
        let text = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"time limit"}}}}"#
        );
        // The text is a notification whatever the id is, which is valid JSON by its type.
        let message = Message::parse(Bytes::from(text));
        Self {
            message: message.unwrap_or_else(|_| Message::error_response(None, b"{}")),
            after: Some(after),
        }
    }
}

/// Posts what comes until nothing more can come.
pub(crate) async fn run(shared: Arc<Shared>, mut items: Receiver<Item>, stop: CancellationToken) {
    loop {
        let item = tokio::select! {
            biased;
            item = items.recv() => item,
            () = stop.cancelled() => return,
        };
        let Some(item) = item else { return };
        if let Some(after) = &item.after {
            // A request that never leaves is answered with an error; then this goes too, unharmful.
            let _ = tokio::time::timeout(limits::ONE_WAY_TIMEOUT, after.cancelled()).await;
        }
        deliver(&shared, &item.message).await;
    }
}

/// Posts one message and waits until the remote has taken it. A loss is logged: nobody else can be
/// told.
pub(crate) async fn deliver(shared: &Arc<Shared>, message: &Message) {
    let posted = tokio::time::timeout(limits::ONE_WAY_TIMEOUT, post(shared, message)).await;
    let problem = match posted {
        Ok(Ok(())) => return,
        Ok(Err(problem)) => problem,
        Err(_) => format!("not taken within {:?}", limits::ONE_WAY_TIMEOUT),
    };
    let what = message.head().and_then(|head| head.method()).unwrap_or("a response");
    tracing::warn!("lost `{what}` on the way to the remote: {problem}");
}

async fn post(shared: &Arc<Shared>, message: &Message) -> Result<(), String> {
    let pass = shared.session.pass();
    let sent = CancellationToken::new();
    let reply = shared.post(message, &pass, &sent).await.map_err(|e| e.report.line())?;
    let Some(refusal) = refused(reply).await else { return Ok(()) };
    let lost = pass.id.is_some() && shared.settings.reinitialize && refusal.says_session_lost();
    if !lost || !recovery::replace_session(shared, pass.generation).await {
        return Err(format!("HTTP status {}", refusal.status));
    }
    let reply = shared.post(message, &shared.session.pass(), &sent).await;
    match refused(reply.map_err(|e| e.report.line())?).await {
        Some(refusal) => Err(format!("HTTP status {}", refusal.status)),
        None => Ok(()),
    }
}

async fn refused(reply: Reply) -> Option<Refusal> {
    if !reply.status.is_success() {
        return Some(Refusal::read(reply).await);
    }
    // Read to its end so that the connection can be used again; what it says has no meaning.
    let rest = reply.body.read(limits::REFUSAL_BODY_BYTES);
    let _ = tokio::time::timeout(limits::REFUSAL_BODY_TIMEOUT, rest).await;
    None
}
