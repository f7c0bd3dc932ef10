//! Which era a POST belongs to (specification 2026-07-28, "Versioning").

use std::sync::LazyLock;

use http::HeaderMap;
use http::HeaderName;
use memchr::memmem::Finder;

use crate::message::Message;
use crate::report::Report;
use crate::transport::streamable_http::params::Params;

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The versions of the legacy era that know Streamable HTTP or may name themselves over it.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// The modern version that is served.
pub const MODERN: &str = "2026-07-28";

/// What a POST is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Opens a session.
    Initialize,
    /// Belongs to a session.
    Legacy,
    /// Describes itself.
    Modern,
}

/// Sorts a message by its `_meta`, its headers and its method, in this order.
pub(super) fn of(message: &Message, headers: &HeaderMap) -> Era {
    let named = headers.get(PROTOCOL_VERSION).and_then(|version| version.to_str().ok());
    if named.is_some_and(is_modern) || describes_itself(message) {
        return Era::Modern;
    }
    match message.request() {
        Some((_, "initialize")) => Era::Initialize,
        _ => Era::Legacy,
    }
}

/// Whether the version header of a session, which may be missing, names one of its versions.
///
/// # Errors
/// It names none, or is there twice. The report lists the versions that could have been meant.
pub(super) fn check_version(headers: &HeaderMap, speaks_modern: bool) -> Result<(), Report> {
    let mut named = headers.get_all(PROTOCOL_VERSION).iter();
    let (Some(version), others) = (named.next(), named.next()) else { return Ok(()) };
    if others.is_none() && version.to_str().is_ok_and(|version| LEGACY.contains(&version)) {
        return Ok(());
    }
    let spoken: Vec<_> = LEGACY.into_iter().chain(speaks_modern.then_some(MODERN)).collect();
    let report = Report::new("the `MCP-Protocol-Version` header names no version of this server");
    Err(report.cause(format!("it speaks {}", spoken.join(", "))))
}

/// A date from the first modern version on: they are ordered like their texts.
pub(super) fn is_modern(version: &str) -> bool {
    let is_date = version.len() == MODERN.len()
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_date && version >= MODERN
}

/// How the names of modern `_meta` members begin.
static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("io.modelcontextprotocol/"));

/// Whether `_meta` names a version. What names it twice is modern, and refused there.
fn describes_itself(message: &Message) -> bool {
    let Some(head) = message.head().filter(|head| head.method().is_some()) else { return false };
    let payload = message.payload(head);
    // Most messages of the legacy era are told without reading their parameters.
    KEY.find(payload).is_some()
        && Params::read(message, head).map_or(true, |params| params.protocol_version.is_some())
}
