//! The conversation with the server: the handshake of either era, all lists, the time of an answer.

use std::collections::HashSet;
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
use crate::command::probe::record::News;
use crate::command::probe::record::Reporter;
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

/// A conversation that did not come to its end.
pub(super) struct Unsaid {
    pub(super) step: Step,
    pub(super) refused: Refused,
    /// What failed beside it.
    pub(super) also: Vec<Report>,
}

impl Unsaid {
    fn at(step: Step) -> impl FnOnce(Refused) -> Self {
        move |refused| Self { step, refused, also: Vec::new() }
    }

    /// Whether the server might speak the modern era alone: it was reached, and it said no.
    pub(super) fn may_be_modern(&self) -> bool {
        let said_no = [Kind::Refused, Kind::Protocol].map(Kind::as_str);
        let kind = self.refused.kind.as_deref();
        self.step == Step::Session && kind.is_none_or(|kind| said_no.contains(&kind))
    }
}

/// All that is said in one era; `reporter` hears of each step that is done.
pub(super) async fn all(script: &mut Script, era: Era, reporter: &Reporter) -> Result<(), Unsaid> {
    let greeting = match era {
        Era::Legacy => initialize(script).await,
        Era::Modern => discover(script).await,
    };
    let greeting = greeting.map_err(Unsaid::at(Step::Session))?;
    let kinds = offered(&greeting.capabilities);
    let entry = session_entry(era, &greeting);
    reporter.tell(News::Greeted(greeting)).await;
    reporter.tell(News::Step(entry)).await;

    let begun = Instant::now();
    let oddities = lists(script, era, &kinds, reporter).await?;
    reporter.tell(News::AllListed { took: begun.elapsed(), oddities }).await;

    let begun = Instant::now();
    let entry = match latency(script, era).await {
        Ok(median) => latency_entry(median),
        // Not every server answers a ping, though it should.
        Err(refused) => Entry::new(Step::Latency)
            .warn(format!("its time was not measured: {}", refused.report.line())),
    };
    reporter.tell(News::Step(entry.took(begun.elapsed()))).await;
    Ok(())
}

/// `initialize`.
async fn initialize(script: &mut Script) -> Result<Offers, Refused> {
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
    Ok(greeting(vec![version], &result["serverInfo"], &result))
}

/// `server/discover` (specification 2026-07-28, "Discovery").
pub(super) async fn discover(script: &mut Script) -> Result<Offers, Refused> {
    let result = soon(script, Era::Modern, "server/discover", limits::DISCOVERY).await?;
    let versions = result["supportedVersions"].as_array().map_or(&[][..], Vec::as_slice);
    let versions = versions.iter().filter_map(text).collect();
    Ok(greeting(versions, &result["_meta"]["io.modelcontextprotocol/serverInfo"], &result))
}

fn greeting(protocol_versions: Vec<String>, info: &Value, result: &Value) -> Offers {
    Offers {
        name: text(&info["name"]),
        version: text(&info["version"]),
        protocol_versions,
        instructions: text(&result["instructions"]),
        capabilities: result["capabilities"].clone(),
        lists: Vec::new(),
    }
}

/// Each list that the server has, and what is odd about them. One that the server refuses does not cost the
/// others.
async fn lists(
    script: &mut Script,
    era: Era,
    kinds: &[ListKind],
    reporter: &Reporter,
) -> Result<Vec<Report>, Unsaid> {
    let mut oddities = Vec::new();
    let mut refusals = Vec::new();
    for kind in kinds.iter().copied() {
        match list(script, era, kind, reporter).await {
            Ok(end) => oddities.extend(end),
            // Servers that have resources need not have templates.
            Err(refused) if kind == ListKind::ResourceTemplates && refused.is_unknown_method() => {}
            // The next one may have an answer.
            Err(refused) if refused.kind.is_none() => refusals.push(refused),
            Err(refused) => {
                refusals.push(refused);
                break;
            }
        }
    }
    let mut refusals = refusals.into_iter();
    if let Some(refused) = refusals.next() {
        let also = refusals.map(|refused| refused.report).chain(oddities).collect();
        return Err(Unsaid { step: Step::Lists, refused, also });
    }
    Ok(oddities)
}

/// Reads all pages of a list; returns why it was left before its end.
///
/// # Errors
/// The error of a page.
async fn list(
    script: &mut Script,
    era: Era,
    kind: ListKind,
    reporter: &Reporter,
) -> Result<Option<Report>, Refused> {
    let (method, member) = match kind {
        ListKind::Tools => ("tools/list", "tools"),
        ListKind::Resources => ("resources/list", "resources"),
        ListKind::ResourceTemplates => ("resources/templates/list", "resourceTemplates"),
        ListKind::Prompts => ("prompts/list", "prompts"),
    };
    let mut pages = 0;
    let mut seen = HashSet::new();
    let mut params = json!({});
    loop {
        let page = request(script, era, method, params).await;
        let mut page = page.map_err(|refused| unlisted(refused, kind, method))?;
        pages += 1;
        let Value::Array(items) = page[member].take() else {
            let report = Report::new(format!("the answer to `{method}` cannot be used"));
            let report = report.cause(format!("it has no list `{member}`"));
            return Err(report.hint("tell the maker of the server").into());
        };
        reporter.tell(News::Listed(List { kind, pages: 1, items })).await;
        let cursor = match page["nextCursor"].take() {
            Value::Null => return Ok(None),
            // No page can follow from it that is not this one.
            Value::String(cursor) if cursor.is_empty() => return Ok(None),
            cursor => cursor,
        };
        let left = |why: &str| {
            let what = format!("the list of {} was left after {pages} pages", kind.plural());
            Some(Report::new(what).cause(why))
        };
        if !seen.insert(cursor.to_string()) {
            return Ok(left("the server sends the same `nextCursor` again"));
        }
        if pages == limits::LIST_PAGES {
            return Ok(left("it goes on"));
        }
        params = json!({ "cursor": cursor });
    }
}

/// A server that says that it has a list, and does not know the method that asks for it.
fn unlisted(mut refused: Refused, kind: ListKind, method: &str) -> Refused {
    if refused.is_unknown_method() {
        let what = kind.capability();
        refused.report.hint = Some(format!(
            "the server says that it has {what}, so it should know `{method}`: tell its maker"
        ));
    }
    refused
}

/// Some items have nothing to be called by.
fn nameless(list: &List) -> Option<Report> {
    let numbers = list.nameless();
    let shown = numbers.iter().take(limits::NAMELESS_SHOWN);
    let shown: Vec<String> = shown.map(usize::to_string).collect();
    let more = match numbers.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let kind = list.kind.plural();
    let text = format!("items of {kind} without a name, not shown: {}{more}", shown.join(", "));
    (!numbers.is_empty()).then(|| Report::new(text))
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
        soon(script, era, method, limits::LATENCY_WAIT).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// The result of a request that has no parameters, unless it takes longer than `limit`.
async fn soon(
    script: &mut Script,
    era: Era,
    method: &str,
    limit: Duration,
) -> Result<Value, Refused> {
    let asked = request(script, era, method, json!({}));
    if let Ok(result) = tokio::time::timeout(limit, asked).await {
        return result;
    }
    script.give_up().await?;
    let report = Report::new(format!("no answer to `{method}`"));
    Err(report.cause(format!("the limit is {limit:?}")).into())
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

fn session_entry(era: Era, greeting: &Offers) -> Entry {
    let name = page::clean(greeting.name.as_deref().unwrap_or(NAMELESS));
    let version = page::clean(greeting.version.as_deref().unwrap_or_default());
    let versions = greeting.protocol_versions.iter().map(|version| page::clean(version));
    let versions: Vec<String> = versions.collect();
    Entry::new(Step::Session)
        .line(format!("{}, MCP {}", format!("{name} {version}").trim_end(), versions.join(", ")))
        .fact("era", if era == Era::Legacy { "legacy" } else { "modern" })
        .fact("protocolVersions", versions)
}

/// The step of the lists, as far as they were read.
pub(super) fn lists_entry(lists: &[List]) -> Entry {
    let counts: Vec<_> = lists.iter().map(List::counted).collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let entry = Entry::new(Step::Lists).line(counts);
    lists.iter().filter_map(nameless).fold(entry, |entry, report| entry.warn(report.line()))
}

fn latency_entry(median: Duration) -> Entry {
    let millis = median.as_secs_f64() * 1e3;
    Entry::new(Step::Latency)
        .line(format!("{millis:.1} ms for an answer, the median of {}", limits::LATENCY_CALLS))
        .fact("medianMilliseconds", (millis * 1e3).round() / 1e3)
}
