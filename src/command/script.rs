//! A host that is a script: what an IDE says to a server, without the IDE.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::channel::Channel;
use crate::command::bridge;
use crate::command::page;
use crate::limits;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::RpcError;
use crate::relay;
use crate::report::Report;
use crate::report::peer_text;
use crate::task::Tasks;
use crate::transport::fallback;
use crate::transport::fallback::Strategy;
use crate::transport::http::Client;
use crate::transport::refusal::METHOD_NOT_FOUND;
use crate::transport::streamable_http::Settings;

/// Why a request has no result.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// `error.code`, where there is an answer.
    pub(super) code: Option<i64>,
    /// `error.data.kind`, where the bridge itself answered.
    pub(super) kind: Option<String>,
    /// `error.data`, whatever it is.
    pub(super) data: Value,
    /// What an IDE can show of it.
    pub(super) report: Report,
}

impl Refused {
    /// Names the versions that the server speaks, where it tells them with its refusal (specification
    /// 2025-11-25, "Version Negotiation"; 2026-07-28, "Versioning").
    pub(super) fn with_versions(mut self) -> Self {
        let versions = self.data["supported"].as_array().map_or(&[][..], Vec::as_slice);
        let versions: Vec<String> =
            versions.iter().filter_map(Value::as_str).map(peer_text).collect();
        if !versions.is_empty() {
            let said = self.report.cause.map(|said| format!("{said}; ")).unwrap_or_default();
            self.report.cause = Some(format!("{said}the server speaks {}", versions.join(", ")));
        }
        self
    }

    /// Whether the server does not know the method (JSON-RPC 2.0 section 5.1).
    pub(super) fn is_unknown_method(&self) -> bool {
        self.code == Some(METHOD_NOT_FOUND)
    }
}

impl From<Refused> for Report {
    fn from(refused: Refused) -> Self {
        refused.report
    }
}

impl From<Report> for Refused {
    fn from(report: Report) -> Self {
        Self { code: None, kind: None, data: Value::Null, report }
    }
}

/// One end of a conversation. Dropping it is what closing standard input is for the program.
pub(super) struct Script {
    channel: Channel,
    name: &'static str,
    requests: u64,
}

/// Lets `talk` play a host called `name`, with the bridge between it and the remote, as the program
/// does between standard input and output and a remote. Done when the bridge has ended, too, and with
/// it the session. `None` if `stop` cut it short.
pub(super) async fn play<T>(
    name: &'static str,
    http: Arc<Client>,
    strategy: Strategy,
    settings: Settings,
    stop: &CancellationToken,
    talk: impl AsyncFnOnce(&mut Script) -> T,
) -> Option<T> {
    let tasks = Tasks::new();
    let remote = fallback::connect(http, strategy, settings, &tasks);
    let (near, far) = Channel::pair();
    let host = async {
        let mut script = Script { channel: near, name, requests: 0 };
        let told = tokio::select! {
            biased;
            told = talk(&mut script) => told,
            // The host is gone then, which ends the bridge.
            () = stop.cancelled() => return None,
        };
        // What was said last is heard only if nobody sees the other direction end before.
        let Channel { sender, mut receiver } = script.channel;
        drop(sender);
        while receiver.recv().await.is_some() {}
        Some(told)
    };
    let (told, _) =
        tokio::join!(host, relay::run(far, remote, bridge::MANNER, std::future::pending()));
    told
}

impl Script {
    /// The handshake for this version; returns the server's answer (specification 2025-11-25,
    /// "Lifecycle").
    pub(super) async fn initialize(&mut self, version: &str) -> Result<Value, Refused> {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": self.info(),
        });
        let result = self.request("initialize", params, |_| Ok(())).await?;
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
        Ok(result)
    }

    /// Who we are.
    pub(super) fn info(&self) -> Value {
        json!({ "name": self.name, "version": env!("CARGO_PKG_VERSION") })
    }

    /// Sends a request and waits for its result. `progress` sees the parameters of each notification
    /// that comes before it.
    ///
    /// # Errors
    /// The error answer, what ended the conversation, or the error of `progress`.
    pub(super) async fn request(
        &mut self,
        method: &str,
        params: Value,
        mut progress: impl FnMut(&Value) -> Result<(), Report>,
    ) -> Result<Value, Refused> {
        self.requests += 1;
        let id = self.requests;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.say(&request).await?;
        let id = Id::from_json(&id.to_string());
        while let Some(message) = self.channel.receiver.recv().await {
            let Ok(mut body) = serde_json::from_slice::<Value>(message.bytes()) else { continue };
            let Some(head) = message.head() else { continue };
            match &head.kind {
                Kind::Notification { .. } => progress(&body["params"])?,
                Kind::Request { id, method } => self.decline(id, method).await?,
                Kind::Response { .. } if head.response_id() == id.as_ref() => {
                    return match &body["error"] {
                        Value::Null => Ok(body["result"].take()),
                        error => Err(refused(method, error)),
                    };
                }
                Kind::Response { .. } => {}
            }
        }
        Err(Report::new("the bridge ended before it answered").into())
    }

    /// Takes the last request back: nobody waits for its answer any more (specification 2025-11-25,
    /// "Cancellation").
    ///
    /// # Errors
    /// What ended the conversation.
    pub(super) async fn give_up(&self) -> Result<(), Report> {
        let params = json!({ "requestId": self.requests });
        let method = "notifications/cancelled";
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await
    }

    /// A host without capabilities answers a ping and nothing else.
    async fn decline(&self, id: &Id, method: &str) -> Result<(), Report> {
        if method == "ping" {
            let id: Value = serde_json::from_str(id.as_json()).unwrap_or_default();
            return self.say(&json!({ "jsonrpc": "2.0", "id": id, "result": {} })).await;
        }
        self.send(RpcError::method_not_found(method).answer(Some(id))).await
    }

    async fn say(&self, body: &Value) -> Result<(), Report> {
        let message = Message::parse(Bytes::from(body.to_string()))
            .map_err(|e| Report::new("the script made a wrong message").cause(e.to_string()))?;
        self.send(message).await
    }

    async fn send(&self, message: Message) -> Result<(), Report> {
        let gone = |_| Report::new("the bridge ended before it was told everything");
        self.channel.sender.send(message).await.map_err(gone)
    }
}

/// Reads the object in `error` of the answer to `method`. What a server says is for the user, not for the
/// terminal, and any server can say that it is one of ours.
fn refused(method: &str, error: &Value) -> Refused {
    let text = |value: &Value| value.as_str().map(peer_text);
    let data = &error["data"];
    let said = text(&error["message"]);
    let code = error["code"].as_i64();
    if data["source"] == env!("CARGO_PKG_NAME") {
        let own = |value: &Value| {
            let text = page::clean(value.as_str()?);
            Some(text.chars().take(limits::REPORT_CHARS).collect::<String>())
        };
        let error = own(&error["message"]).unwrap_or_default();
        let report = Report { error, cause: own(&data["cause"]), hint: own(&data["hint"]) };
        return Refused { code, kind: text(&data["kind"]), data: data.clone(), report };
    }
    let said = said.filter(|said| !said.is_empty()).unwrap_or_else(|| "it does not say why".into());
    let number = code.map(|code| format!(" (error {code})")).unwrap_or_default();
    let report =
        Report::new(format!("the server refuses `{method}`")).cause(format!("{said}{number}"));
    Refused { code, kind: None, data: data.clone(), report }
}
