//! The first words with a shared child, in which it says what it is.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;

use crate::adapt::mux::Mux;
use crate::limits;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::refusal::is_modern_code;

/// What a child said first.
pub(super) enum Greeting {
    /// It does not speak the modern era.
    LegacyOnly,
    /// It speaks the modern era.
    Modern,
    /// Its answer to `initialize`, which every client of it gets.
    Welcome(Message),
}

/// Asks for the modern era. A server that has it answers `server/discover`, or with an error that only
/// the modern era knows (specification 2026-07-28, "Versioning").
pub(super) async fn discover(mux: &Mux) -> Result<Greeting, Failure> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": us(),
    });
    let asked = ask(mux, "server/discover", json!({ "_meta": meta }), limits::SERVER_DISCOVER);
    let Some(answer) = asked.await? else { return Ok(Greeting::LegacyOnly) };
    let body = body(&answer);
    let is_modern = match body.get("code").and_then(Value::as_i64) {
        Some(code) => is_modern_code(code),
        None => body.get("supportedVersions").is_some(),
    };
    Ok(if is_modern { Greeting::Modern } else { Greeting::LegacyOnly })
}

/// Opens the one session of a child that all clients share. It is told of no capability of theirs: a
/// question to one of many could reach any of them.
pub(super) async fn initialize(mux: &Mux) -> Result<Greeting, Failure> {
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": us() });
    let answer = ask(mux, "initialize", params, limits::SERVER_INITIALIZE).await?;
    let refused = |cause: String| {
        let report = Report::new("the server did not let itself be initialized").cause(cause);
        Failure::new(Kind::NotSent, report)
    };
    let answer = answer.ok_or_else(|| refused("it did not answer in time".to_owned()))?;
    if body(&answer).get("protocolVersion").is_none() {
        let text = String::from_utf8_lossy(answer.bytes()).into_owned();
        return Err(refused(crate::report::peer_text(&text)));
    }
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let (sender, _answers) = mux.join()?;
    if let Ok(initialized) = Message::parse(Bytes::from(initialized.to_string())) {
        sender.send(initialized).await.map_err(|_| refused("it ended".to_owned()))?;
    }
    Ok(Greeting::Welcome(answer))
}

/// The answer to a request of ours; `None` if there is none in time.
async fn ask(
    mux: &Mux,
    method: &str,
    params: Value,
    limit: Duration,
) -> Result<Option<Message>, Failure> {
    let lost = || {
        let ended = || Failure::new(Kind::NotSent, Report::new("the server ended at its start"));
        // The request of the client waits for this one.
        mux.reason().map_or_else(ended, Failure::beforehand)
    };
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = Message::parse(Bytes::from(request.to_string())).map_err(|_| lost())?;
    let (sender, mut answers) = mux.join()?;
    sender.send(request).await.map_err(|_| lost())?;
    match tokio::time::timeout(limit, answers.recv_response()).await {
        // The end of the server is told as an answer, too.
        Ok(Some(_)) | Ok(None) if mux.is_over() => Err(lost()),
        Ok(answer) => Ok(answer),
        Err(_) => Ok(None),
    }
}

fn body(answer: &Message) -> Value {
    let payload = answer.head().map(|head| answer.payload(head)).unwrap_or_default();
    serde_json::from_slice(payload).unwrap_or_default()
}

/// What we call ourselves.
pub(super) fn us() -> Value {
    json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
}
