//! What a modern POST has to say of itself, in its headers and in its body alike (specification
//! 2026-07-28, "Server Validation").

use http::HeaderMap;
use http::HeaderName;
use http::StatusCode;

use crate::message::Message;
use crate::message::RpcError;
use crate::transport::streamable_http::headers::METHOD;
use crate::transport::streamable_http::headers::NAME;
use crate::transport::streamable_http::headers::decode;
use crate::transport::streamable_http::headers::wanted;
use crate::transport::streamable_http::params::Params;
use crate::transport::streamable_http::server::era;
use crate::transport::streamable_http::server::era::PROTOCOL_VERSION;

type Fault = (StatusCode, RpcError);

/// Refuses a message whose headers and body do not belong together, or do not say enough. The
/// parameters of one that may pass.
pub(super) fn check<'m>(message: &'m Message, headers: &HeaderMap) -> Result<Params<'m>, Fault> {
    let bad = |error| (StatusCode::BAD_REQUEST, error);
    let Some(head) = message.head() else {
        return Err(bad(RpcError::invalid_request("batches are not part of this version")));
    };
    let Some(method) = head.method() else {
        return Err(bad(RpcError::invalid_request("a client sends no responses in this version")));
    };
    let params = Params::read(message, head)
        .map_err(|ambiguous| bad(RpcError::invalid_request(&ambiguous.to_string())))?;
    check_meta(&params, head.request_id().is_some()).map_err(bad)?;
    let version = params.protocol_version.as_deref();
    same(headers, &PROTOCOL_VERSION, version).map_err(bad)?;
    if let Some(version) = version.filter(|version| *version != era::MODERN) {
        return Err(bad(RpcError::unsupported_version(version, &[era::MODERN])));
    }
    same(headers, &METHOD, Some(method)).map_err(bad)?;
    if let Some(wanted) = wanted(method, &params) {
        same(headers, &NAME, Some(wanted)).map_err(bad)?;
    }
    if method == HANDSHAKE {
        // Never the server's business: a child of both eras would begin anew for all its clients.
        return Err((StatusCode::NOT_FOUND, RpcError::method_not_found(method)));
    }
    Ok(params)
}

/// The method that this version has removed.
const HANDSHAKE: &str = "initialize";

fn check_meta(params: &Params<'_>, is_request: bool) -> Result<(), RpcError> {
    if params.protocol_version.is_none() {
        let key = "io.modelcontextprotocol/protocolVersion";
        return Err(RpcError::invalid_params(&format!("`_meta` has no `{key}`")));
    }
    if is_request && !params.has_capabilities {
        let key = "io.modelcontextprotocol/clientCapabilities";
        return Err(RpcError::invalid_params(&format!("`_meta` has no `{key}`")));
    }
    Ok(())
}

/// Whether a header is there once and says the same as the body. Values keep their case.
fn same(headers: &HeaderMap, name: &HeaderName, body: Option<&str>) -> Result<(), RpcError> {
    let mut values = headers.get_all(name).iter();
    let mismatch = |text: &str| RpcError::header_mismatch(&format!("the header `{name}` {text}"));
    let value = values.next().ok_or_else(|| mismatch("is missing"))?;
    if values.next().is_some() {
        return Err(mismatch("stands twice"));
    }
    let value = value.to_str().ok().and_then(decode).ok_or_else(|| mismatch("cannot be read"))?;
    if body == Some(&*value) { Ok(()) } else { Err(mismatch("and the body differ")) }
}
