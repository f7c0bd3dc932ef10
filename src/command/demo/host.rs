//! The host: what an IDE says to a server, without the IDE.

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;

use crate::channel::Channel;
use crate::command::demo::tools;
use crate::message::Id;
use crate::message::Message;
use crate::report::Report;

/// Why a request has no result.
pub(super) struct Refused {
    /// `error.data.kind`, where the bridge itself answered.
    pub(super) kind: Option<String>,
    /// What an IDE can show of it.
    pub(super) report: Report,
}

impl From<Refused> for Report {
    fn from(refused: Refused) -> Self {
        refused.report
    }
}

impl From<Report> for Refused {
    fn from(report: Report) -> Self {
        Self { kind: None, report }
    }
}

/// One end of a conversation. Dropping it is what closing standard input is for the program.
pub(super) struct Host {
    channel: Channel,
    requests: u64,
}

impl Host {
    /// A host that has not said anything.
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, requests: 0 }
    }

    /// The handshake; returns the server's answer (specification 2025-11-25, "Lifecycle").
    pub(super) async fn initialize(&mut self) -> Result<Value, Refused> {
        let params = json!({
            "protocolVersion": tools::PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": { "name": "demo-host", "version": env!("CARGO_PKG_VERSION") },
        });
        let result = self.request("initialize", params, |_| Ok(())).await?;
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
        Ok(result)
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
            if head.method().is_some() {
                progress(&body["params"])?;
            } else if head.response_id() == id.as_ref() {
                return match &body["error"] {
                    Value::Null => Ok(body["result"].take()),
                    error => Err(refused(error)),
                };
            }
        }
        Err(Report::new("the bridge ended before it answered").into())
    }

    async fn say(&self, body: &Value) -> Result<(), Report> {
        let message = Message::parse(Bytes::from(body.to_string())).map_err(|e| {
            Report::new("the demonstration made a wrong message").cause(e.to_string())
        })?;
        let gone = |_| Report::new("the bridge ended before it was told everything");
        self.channel.sender.send(message).await.map_err(gone)
    }
}

/// Reads the object in `error` of an answer.
fn refused(error: &Value) -> Refused {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let data = &error["data"];
    let report = Report {
        error: text(&error["message"]).unwrap_or_default(),
        cause: text(&data["cause"]),
        hint: text(&data["hint"]),
    };
    Refused { kind: text(&data["kind"]), report }
}
