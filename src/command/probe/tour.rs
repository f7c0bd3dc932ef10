//! The conversation with the server: the handshake of either era, all lists, the time of an answer.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::command::page;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::List;
use crate::command::probe::findings::ListKind;
use crate::command::probe::findings::Offers;
use crate::command::probe::findings::Step;
use crate::command::script::Refused;
use crate::command::script::Script;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::report::peer_text;
use crate::transport::streamable_http::server::LEGACY;
use crate::transport::streamable_http::server::MODERN;

/// What a server is called that does not say its name.
pub(super) const NAMELESS: &str = "a server without a name";

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
    info: Value,
    capabilities: Value,
    instructions: Option<String>,
}

/// A conversation that did not come to its end.
pub(super) struct Unsaid {
    pub(super) step: Step,
    pub(super) refused: Refused,
}

impl Unsaid {
    /// Whether the server might speak the modern era alone: it was reached, and it said no.
    pub(super) fn may_be_modern(&self) -> bool {
        let said_no = [Kind::Refused, Kind::Protocol].map(Kind::as_str);
        let kind = self.refused.kind.as_deref();
        self.step == Step::Session && kind.is_none_or(|kind| said_no.contains(&kind))
    }
}

/// All that is said in one era; `told` hears of each step that is done.
pub(super) async fn all(
    script: &mut Script,
    era: Era,
    told: impl AsyncFn(Entry),
) -> Result<Offers, Unsaid> {
    let at = |step| move |refused| Unsaid { step, refused };
    let begun = Instant::now();
    let greeting = match era {
        Era::Legacy => initialize(script).await,
        Era::Modern => discover(script).await,
    };
    let greeting = greeting.map_err(at(Step::Session))?;
    told(session_entry(era, &greeting).took(begun.elapsed())).await;

    let begun = Instant::now();
    let lists = lists(script, era, &greeting.capabilities).await.map_err(at(Step::Lists))?;
    told(lists_entry(&lists).took(begun.elapsed())).await;

    let begun = Instant::now();
    let entry = match latency(script, era).await {
        Ok(median) => latency_entry(median),
        // Not every server answers a ping, though it should.
        Err(refused) => Entry::new(Step::Latency)
            .warn(format!("no answer to a ping: {}", refused.report.line())),
    };
    told(entry.took(begun.elapsed())).await;
    Ok(Offers {
        name: text(&greeting.info["name"]),
        version: text(&greeting.info["version"]),
        protocol_versions: greeting.versions,
        instructions: greeting.instructions,
        capabilities: greeting.capabilities,
        lists,
    })
}

/// `initialize`.
async fn initialize(script: &mut Script) -> Result<Greeting, Refused> {
    let result = script.initialize(LEGACY[LEGACY.len() - 1]).await?;
    let version = text(&result["protocolVersion"]).unwrap_or_default();
    if !LEGACY.contains(&&*version) {
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

/// Each list that the server has.
async fn lists(script: &mut Script, era: Era, capabilities: &Value) -> Result<Vec<List>, Refused> {
    let mut lists = Vec::new();
    for kind in offered(capabilities) {
        match list(script, era, kind).await {
            Ok(list) => lists.push(list),
            // Servers that have resources need not have templates.
            Err(refused) if kind == ListKind::ResourceTemplates && refused.is_unknown_method() => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(lists)
}

/// All pages of a list.
///
/// # Errors
/// The error of a page.
async fn list(script: &mut Script, era: Era, kind: ListKind) -> Result<List, Refused> {
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
async fn latency(script: &mut Script, era: Era) -> Result<Duration, Refused> {
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

fn offered(capabilities: &Value) -> Vec<ListKind> {
    let has = |name: &str| !capabilities[name].is_null();
    let mut kinds = Vec::new();
    if has("tools") {
        kinds.push(ListKind::Tools);
    }
    if has("resources") {
        kinds.extend([ListKind::Resources, ListKind::ResourceTemplates]);
    }
    if has("prompts") {
        kinds.push(ListKind::Prompts);
    }
    kinds
}

fn session_entry(era: Era, greeting: &Greeting) -> Entry {
    let name = |value: &Value| page::clean(value.as_str().unwrap_or(NAMELESS));
    let version = greeting.info["version"].as_str().map(page::clean).unwrap_or_default();
    let versions = greeting.versions.iter().map(|version| page::clean(version));
    let versions: Vec<String> = versions.collect();
    Entry::new(Step::Session)
        .line(format!("{} {version}, MCP {}", name(&greeting.info["name"]), versions.join(", ")))
        .fact("era", if era == Era::Legacy { "legacy" } else { "modern" })
        .fact("protocolVersions", versions)
}

fn lists_entry(lists: &[List]) -> Entry {
    let counts: Vec<_> = lists.iter().map(List::counted).collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let endless = lists.iter().filter(|list| list.pages == limits::LIST_PAGES);
    endless.fold(Entry::new(Step::Lists).line(counts), |entry, list| {
        let (kind, pages) = (list.kind.plural(), list.pages);
        entry.warn(format!("the list of {kind} goes on after {pages} pages"))
    })
}

fn latency_entry(median: Duration) -> Entry {
    let millis = median.as_secs_f64() * 1e3;
    Entry::new(Step::Latency)
        .line(format!("{millis:.1} ms for an answer, the median of {}", limits::LATENCY_CALLS))
        .fact("medianMilliseconds", (millis * 1e3).round() / 1e3)
}
