//! What the remote answers when no script says otherwise.

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use crate::support::mcp::Flavour;

/// The parts of a request that come back byte for byte.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The id as JSON text; `null` where there is none.
pub(super) fn raw_id(body: &str) -> String {
    let raw = serde_json::from_str::<Raw<'_>>(body).ok().and_then(|raw| raw.id);
    raw.map_or("null", RawValue::get).to_owned()
}

/// Status and JSON text of the answer to `body`, a request.
pub(super) fn answer(flavour: Flavour, body: &str, message: &Value) -> (u16, String) {
    let id = raw_id(body);
    let modern = flavour == Flavour::Modern;
    let method = message["method"].as_str().unwrap_or_default();
    let result = match method {
        "initialize" if !modern => initialized(&message["params"]).to_string(),
        "server/discover" if modern => discovered().to_string(),
        "server/discover" if flavour == Flavour::Legacy => {
            return (400, failure("null", -32000, "Bad Request: Server not initialized"));
        }
        "tools/call" => {
            let raw: Raw<'_> = serde_json::from_str(body).expect("a call is an object");
            let arguments = raw.params.and_then(|params| params.arguments);
            echoed(arguments.map_or("{}", RawValue::get), modern)
        }
        "tools/list" => {
            let schema = json!({"type": "object"});
            json!({"tools": [{"name": "echo", "inputSchema": schema}]}).to_string()
        }
        "ping" | "logging/setLevel" | "resources/subscribe" => "{}".to_owned(),
        _ => return (if modern { 404 } else { 200 }, failure(&id, -32601, "Method not found")),
    };
    (200, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

/// An error answer; `id` is JSON text.
pub(super) fn failure(id: &str, code: i32, message: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
}

fn initialized(params: &Value) -> Value {
    json!({
        "protocolVersion": params["protocolVersion"],
        "capabilities": {"tools": {"listChanged": true}, "logging": {}},
        "serverInfo": {"name": "test-remote", "version": "1"},
    })
}

fn discovered() -> Value {
    json!({
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
    })
}

/// The arguments as they came, so that a test can compare bytes.
fn echoed(arguments: &str, modern: bool) -> String {
    let kind = if modern { r#""resultType":"complete","# } else { "" };
    format!(r#"{{{kind}"content":[],"structuredContent":{arguments}}}"#)
}
