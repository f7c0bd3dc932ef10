//! What the server of the demonstration can do: `add` two numbers, and `count` with a progress
//! notification for each number.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use http_body::Body;
use http_body::Frame;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio::time::Interval;

use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::message::RpcError;
use crate::transport::streamable_http::server::LEGACY;

/// The version that this server prefers.
pub(super) const PROTOCOL_VERSION: &str = "2025-11-25";

/// An answer, at once or bit by bit.
pub(super) enum Answer {
    /// A stream of events, the last of which holds the response.
    Counting(Counting),
    /// One response.
    Whole(Bytes),
}

/// Answers the request `id`, which is `message`.
pub(super) fn answer(message: &Message, id: &Id, method: &str) -> Answer {
    let result = match method {
        "initialize" => json!({
            "protocolVersion": version(message),
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "demo-server", "version": env!("CARGO_PKG_VERSION") },
        }),
        "ping" => json!({}),
        "tools/list" => json!({ "tools": [
            tool("add", "Adds two whole numbers", &["a", "b"]),
            tool("count", "Counts up, with a progress notification for each number", &["to"]),
        ] }),
        "tools/call" => return call(message, id),
        _ => {
            return Answer::Whole(RpcError::method_not_found(method).answer(Some(id)).into_bytes());
        }
    };
    Answer::Whole(response(id, &result))
}

fn tool(name: &str, description: &str, arguments: &[&str]) -> Value {
    let number = |name: &&str| ((*name).to_owned(), json!({ "type": "integer" }));
    let properties: serde_json::Map<String, Value> = arguments.iter().map(number).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": arguments });
    json!({ "name": name, "description": description, "inputSchema": schema })
}

/// The version that the client asks for, if it is one of the legacy era: all that is offered here is the
/// same in each (specification 2025-11-25, "Version Negotiation").
fn version(message: &Message) -> &'static str {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Initialize<'a> {
        protocol_version: &'a str,
    }

    let params = message.head().map(|head| message.payload(head)).unwrap_or_default();
    let asked = serde_json::from_slice::<Initialize<'_>>(params);
    let asked = asked.map_or(PROTOCOL_VERSION, |asked| asked.protocol_version);
    LEGACY.into_iter().find(|known| *known == asked).unwrap_or(PROTOCOL_VERSION)
}

#[derive(Deserialize)]
struct Call<'a> {
    name: String,
    arguments: Arguments,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Arguments {
    Add { a: i64, b: i64 },
    Count { to: u32 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    progress_token: Option<&'a RawValue>,
}

fn call(message: &Message, id: &Id) -> Answer {
    let params = message.head().map(|head| message.payload(head)).unwrap_or_default();
    let Ok(call) = serde_json::from_slice::<Call<'_>>(params) else {
        return Answer::Whole(response(id, &text("these arguments are not understood", true)));
    };
    let result = match (call.name.as_str(), call.arguments) {
        ("add", Arguments::Add { a, b }) => match a.checked_add(b) {
            Some(sum) => text(&format!("{a} + {b} = {sum}"), false),
            None => text("the sum is too large", true),
        },
        ("count", Arguments::Count { to }) if (1..=limits::DEMO_COUNT).contains(&to) => {
            let token = call.meta.and_then(|meta| meta.progress_token);
            return Answer::Counting(Counting::new(id.clone(), token, to));
        }
        _ => text("no such tool, or not with these arguments", true),
    };
    Answer::Whole(response(id, &result))
}

fn text(text: &str, failed: bool) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": failed })
}

fn response(id: &Id, result: &Value) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.as_json()).into()
}

/// A running count: the body of a response, so that it ends with the connection that it is for.
pub(super) struct Counting {
    id: Id,
    token: Option<Box<str>>,
    to: u32,
    counted: u32,
    ticks: Interval,
}

impl Counting {
    fn new(id: Id, token: Option<&RawValue>, to: u32) -> Self {
        let pause = limits::DEMO_COUNT_PAUSE;
        let ticks = tokio::time::interval_at(Instant::now() + pause, pause);
        Self { id, token: token.map(|token| token.get().into()), to, counted: 0, ticks }
    }

    /// Waits for the next number, and gives its messages; `None` after the last one.
    pub(super) async fn next(&mut self) -> Option<Vec<Bytes>> {
        if self.counted == self.to {
            return None;
        }
        self.ticks.tick().await;
        self.counted += 1;
        Some(self.messages())
    }

    /// What is to be said of the number just counted.
    fn messages(&self) -> Vec<Bytes> {
        let (counted, to) = (self.counted, self.to);
        let mut messages = Vec::new();
        if let Some(token) = &self.token {
            let params = format!(r#""progressToken":{token},"progress":{counted},"total":{to}"#);
            let head = r#""jsonrpc":"2.0","method":"notifications/progress""#;
            messages.push(format!("{{{head},\"params\":{{{params}}}}}").into());
        }
        if counted == to {
            messages.push(response(&self.id, &text(&format!("counted to {to}"), false)));
        }
        messages
    }

    /// The same as events.
    fn events(&self) -> Bytes {
        let mut events = Vec::new();
        for message in self.messages() {
            events.extend_from_slice(b"data: ");
            events.extend_from_slice(&message);
            events.extend_from_slice(b"\n\n");
        }
        events.into()
    }
}

impl Body for Counting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while self.counted < self.to {
            ready!(self.ticks.poll_tick(cx));
            self.counted += 1;
            let events = self.events();
            if !events.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(events))));
            }
        }
        Poll::Ready(None)
    }
}
