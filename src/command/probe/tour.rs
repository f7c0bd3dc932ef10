//! The conversation with the server: the handshake of either era, all lists, the time of an answer.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::command::probe::findings::List;
use crate::command::probe::findings::ListKind;
use crate::command::script::Refused;
use crate::command::script::Script;
use crate::limits;
use crate::report::Report;
use crate::report::peer_text;

/// The latest version of the legacy era.
const LEGACY: &str = "2025-11-25";
/// All that hosts of that era speak.
const SPOKEN: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY];
/// The version of the modern era.
const MODERN: &str = "2026-07-28";

/// How requests are made in one era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// After `initialize`.
    Legacy,
    /// Each describes itself.
    Modern,
}

/// What a server says of itself.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) versions: Vec<String>,
    pub(super) info: Value,
    pub(super) capabilities: Value,
    pub(super) instructions: Option<String>,
}

/// `initialize`.
pub(super) async fn initialize(script: &mut Script) -> Result<Greeting, Refused> {
    let result = script.initialize(LEGACY).await?;
    let version = text(&result["protocolVersion"]).unwrap_or_default();
    if !SPOKEN.contains(&&*version) {
        let cause = match peer_text(&version) {
            none if none.is_empty() => "it names no protocol version".to_owned(),
            other => format!("it names the protocol version {other}, which does not exist here"),
        };
        let report = Report::new("the answer to `initialize` cannot be used").cause(cause);
        return Err(report.hint("check that this is an MCP server, and its version").into());
    }
    Ok(Greeting {
        versions: vec![version],
        info: result["serverInfo"].clone(),
        capabilities: result["capabilities"].clone(),
        instructions: text(&result["instructions"]),
    })
}

/// `server/discover` (specification 2026-07-28, "Discovery").
pub(super) async fn discover(script: &mut Script) -> Result<Greeting, Refused> {
    let asked = request(script, Era::Modern, "server/discover", json!({}));
    let Ok(result) = tokio::time::timeout(limits::DISCOVERY, asked).await else {
        let report = Report::new("no answer to `server/discover`");
        return Err(report.cause(format!("the limit is {:?}", limits::DISCOVERY)).into());
    };
    let result = result?;
    let versions = result["supportedVersions"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(Greeting {
        versions: versions.iter().filter_map(text).collect(),
        info: result["_meta"]["io.modelcontextprotocol/serverInfo"].clone(),
        capabilities: result["capabilities"].clone(),
        instructions: text(&result["instructions"]),
    })
}

/// All pages of a list.
///
/// # Errors
/// The error of a page; a list without an end.
pub(super) async fn list(script: &mut Script, era: Era, kind: ListKind) -> Result<List, Refused> {
    let (method, member) = match kind {
        ListKind::Tools => ("tools/list", "tools"),
        ListKind::Resources => ("resources/list", "resources"),
        ListKind::ResourceTemplates => ("resources/templates/list", "resourceTemplates"),
        ListKind::Prompts => ("prompts/list", "prompts"),
    };
    let mut list = List { kind, pages: 0, items: Vec::new() };
    let mut params = json!({});
    while list.pages < limits::LIST_PAGES {
        let mut page = request(script, era, method, params).await?;
        list.pages += 1;
        if let Value::Array(items) = page[member].take() {
            list.items.extend(items);
        }
        match page["nextCursor"].take() {
            Value::Null => break,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
    Ok(list)
}

/// How long an answer takes: the median of some.
pub(super) async fn latency(script: &mut Script, era: Era) -> Result<Duration, Refused> {
    // The modern era has no ping.
    let method = match era {
        Era::Legacy => "ping",
        Era::Modern => "server/discover",
    };
    let mut times = Vec::new();
    for _ in 0..limits::LATENCY_CALLS {
        let begun = Instant::now();
        request(script, era, method, json!({})).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

async fn request(
    script: &mut Script,
    era: Era,
    method: &str,
    mut params: Value,
) -> Result<Value, Refused> {
    if era == Era::Modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": script.info(),
        });
    }
    script.request(method, params, |_| Ok(())).await
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
