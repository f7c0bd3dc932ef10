//! Whether the command can be started at all: it is tried, as a client would.
//!
//! Only an answer proves that. That the process is still there after a while does not: `npx` looks for
//! its package for longer than any such while, and then fails. So a child is asked to `initialize`, and
//! any answer will do, an error too: a server of the modern era alone gives one.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::auth::Label;
use crate::channel::Channel;
use crate::command::serve::greeting;
use crate::command::serve::servers::Nursery;
use crate::limits;
use crate::message::Message;
use crate::observe::Readiness;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::retry::Backoff;

/// Tries the command at once, and again whenever there is doubt: it could not be started, or has
/// ended soon after its start. While it fails it is tried again and again, less and less often, so
/// that a server to which nobody sends work comes back by itself.
pub(super) async fn watch(nursery: Arc<Nursery>, readiness: Arc<Readiness>) {
    let mut backoff = Backoff::default();
    loop {
        match try_command(&nursery).await {
            Ok(()) => {
                readiness.command_starts();
                backoff.reset();
                nursery.doubt().await;
                continue;
            }
            // No room for one more says nothing about the command.
            Err(failure) if failure.kind == Kind::Overloaded => {}
            Err(failure) => {
                let reason = failure.report.line();
                tracing::warn!("not ready, the command was tried and failed: {reason}");
                readiness.command_fails(reason);
            }
        }
        tokio::time::sleep(backoff.next(None)).await;
    }
}

async fn try_command(nursery: &Nursery) -> Result<(), Failure> {
    let (mut child, _starting) = nursery.spawn(&Label::from("probe"), ()).await?;
    match tokio::time::timeout(limits::PROBE_TIMEOUT, first_answer(&mut child)).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let ended =
                || Failure::new(Kind::NotSent, Report::new("the server ended at its start"));
            Err(child.receiver.reason().cloned().unwrap_or_else(ended))
        }
        Err(_) => {
            let report = Report::new("the server did not answer `initialize` in time");
            Err(Failure::new(Kind::Timeout, report))
        }
    }
}

async fn first_answer(child: &mut Channel) -> Option<Message> {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": greeting::us(),
    });
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let request = Message::parse(Bytes::from(request.to_string())).ok()?;
    // A child that takes nothing has ended, which the other direction says.
    let _ = child.sender.send(request).await;
    loop {
        let message = child.receiver.recv().await?;
        if message.head().is_some_and(|head| head.response_id().is_some()) {
            return Some(message);
        }
    }
}
