//! The error answers that we make ourselves.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::value::to_raw_value;

use crate::message::Head;
use crate::message::Heads;
use crate::message::Id;
use crate::message::Kind;
use crate::message::Message;
use crate::message::method::changes_nothing;
use crate::report::Failure;

/// JSON-RPC 2.0: the line is not JSON.
const PARSE_ERROR: i32 = -32700;
/// JSON-RPC 2.0: JSON, but not a message that is allowed here.
const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC 2.0: no such method.
const METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC 2.0: the parameters are not those of the method.
const INVALID_PARAMS: i32 = -32602;
/// MCP 2026-07-28: a header and the body differ.
const HEADER_MISMATCH: i32 = -32020;
/// MCP 2026-07-28: the protocol version is not spoken.
const UNSUPPORTED_VERSION: i32 = -32022;
/// JSON-RPC 2.0: internal error. All our own failures: codes from -32000 down belong to others.
const INTERNAL_ERROR: i32 = -32603;

/// An error to answer a request with.
#[derive(Clone, Debug)]
pub struct RpcError {
    code: i32,
    message: String,
    data: Option<Box<RawValue>>,
}

/// `error.data` of an error of ours.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    source: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    retry_safe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl RpcError {
    /// The answer to a line that is not JSON.
    pub fn parse_error(reason: &str) -> Self {
        Self { code: PARSE_ERROR, message: format!("Parse error: {reason}"), data: None }
    }

    /// The answer to JSON that is not a message allowed here.
    pub fn invalid_request(reason: &str) -> Self {
        Self { code: INVALID_REQUEST, message: format!("Invalid request: {reason}"), data: None }
    }

    /// The answer to a method that the remote does not know.
    pub fn method_not_found(method: &str) -> Self {
        Self { code: METHOD_NOT_FOUND, message: format!("Method not found: {method}"), data: None }
    }

    /// The answer to a request whose parameters do not describe it as they have to.
    pub fn invalid_params(reason: &str) -> Self {
        Self { code: INVALID_PARAMS, message: format!("Invalid params: {reason}"), data: None }
    }

    /// The answer to a request whose headers say other things than its body (2026-07-28, "Server
    /// Validation").
    pub fn header_mismatch(reason: &str) -> Self {
        Self { code: HEADER_MISMATCH, message: format!("Header mismatch: {reason}"), data: None }
    }

    /// The answer to a request of a version that is not among those `supported` (2026-07-28,
    /// "Versioning").
    pub fn unsupported_version(requested: &str, supported: &[&str]) -> Self {
        #[derive(Serialize)]
        struct Versions<'a> {
            supported: &'a [&'a str],
            requested: &'a str,
        }
        let data = to_raw_value(&Versions { supported, requested }).ok();
        let message = "Unsupported protocol version".to_owned();
        Self { code: UNSUPPORTED_VERSION, message, data }
    }

    /// The answer to a request that failed on its way.
    pub fn failed(failure: &Failure, method: Option<&str>) -> Self {
        let report = if method.is_some_and(changes_nothing) {
            failure.report.harmless()
        } else {
            failure.report.clone()
        };
        let data = Data {
            source: env!("CARGO_PKG_NAME"),
            kind: failure.kind.as_str(),
            method: method.map(str::to_owned),
            retry_safe: failure.retry_safe,
            retry_after: failure.retry_after.map(|wait| wait.as_secs()),
            cause: report.cause,
            hint: report.hint,
        };
        let data = to_raw_value(&data).ok();
        Self { code: INTERNAL_ERROR, message: report.error, data }
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The whole answer; a null id where the request's own is not known.
    pub fn answer(&self, id: Option<&Id>) -> Message {
        #[derive(Serialize)]
        struct Body<'a> {
            code: i32,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a RawValue>,
        }
        let body = Body { code: self.code, message: &self.message, data: self.data.as_deref() };
        // Strings and numbers always serialise.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Message::error_response(id, body.as_bytes())
    }
}

impl Message {
    /// A response that carries `error`, the JSON text of an error object, to the request `id`.
    pub fn error_response(id: Option<&Id>, error: &[u8]) -> Self {
        let id_text = id.map_or("null", Id::as_json);
        let before = "{\"jsonrpc\":\"2.0\",\"id\":";
        let start = format!("{before}{id_text},\"error\":");
        let payload = start.len()..start.len() + error.len();
        let bytes: Bytes = [start.as_bytes(), error, b"}"].concat().into();
        let kind = Kind::Response { id: id.cloned(), failed: true };
        let id = before.len()..before.len() + id_text.len();
        Self { bytes, heads: Heads::One([Head { kind, id, payload }]) }
    }
}
