//! What the probe found out, for people and for programs.

use std::time::Duration;

use serde::Serialize;
use serde::Serializer;
use serde_json::Map;
use serde_json::Value;

use crate::command::page;
use crate::report::Report;

/// All of it, as `--json` prints it (docs/probe.md).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// The server's URL, without a query.
    pub url: String,
    /// Whether every step went well.
    pub ok: bool,
    /// What failed; `None` if nothing did.
    pub failure: Option<Problem>,
    /// What might fail soon, or is not as it should be.
    pub warnings: Vec<String>,
    /// The steps in their order.
    pub steps: Vec<Entry>,
    /// What the server offers.
    pub offers: Offers,
    /// Whether a signal ended it.
    #[serde(skip)]
    pub interrupted: bool,
}

impl Findings {
    /// Whether nothing failed; with `strict` there must be no warning either.
    pub fn is_well(&self, strict: bool) -> bool {
        self.ok && (self.warnings.is_empty() || !strict)
    }

    /// All of it in a word.
    pub(super) fn state(&self) -> State {
        match (self.ok, self.warnings.is_empty()) {
            (false, _) => State::Failed,
            (true, false) => State::Warning,
            (true, true) => State::Ok,
        }
    }
}

/// A step that failed, and why.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where.
    pub step: Step,
    /// What kind of thing has to be mended.
    pub class: Class,
    /// The sentences.
    #[serde(flatten)]
    pub report: Words,
}

/// A report as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Words(#[serde(serialize_with = "words")] pub Report);

fn words<S: Serializer>(report: &Report, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Lines<'a> {
        error: &'a str,
        cause: Option<&'a str>,
        hint: Option<&'a str>,
    }
    let Report { error, cause, hint } = report;
    Lines { error, cause: cause.as_deref(), hint: hint.as_deref() }.serialize(serializer)
}

/// What kind of thing has to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The name of the server.
    Dns,
    /// The way to its port.
    Tcp,
    /// The proxy.
    Proxy,
    /// Certificates, keys, and what both sides speak.
    Tls,
    /// Who may come in.
    Auth,
    /// The HTTP server or its URL.
    Http,
    /// The MCP server.
    Mcp,
}

/// The steps from the arguments to the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// What was asked for, by flags and variables.
    Arguments,
    /// The client certificate and the trusted CAs.
    Identity,
    /// The name of the server, or of the proxy.
    Name,
    /// The TCP connection.
    Tcp,
    /// The way through the proxy.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// HTTP.
    Http,
    /// Streamable HTTP or HTTP+SSE.
    Transport,
    /// The handshake of MCP.
    Session,
    /// What the server offers.
    Lists,
    /// How long an answer takes.
    Latency,
}

impl Step {
    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Identity => "identity",
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Transport => "transport",
            Self::Session => "session",
            Self::Lists => "lists",
            Self::Latency => "latency",
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Well.
    Ok,
    /// Well, but there is something to be seen to.
    Warning,
    /// Not.
    Failed,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which.
    pub step: Step,
    /// How it went.
    pub state: State,
    /// How long it took, in milliseconds.
    #[serde(serialize_with = "milliseconds", rename = "milliseconds")]
    pub took: Option<Duration>,
    /// What was learned, by name.
    pub facts: Map<String, Value>,
    /// The same for people: the first line stands beside the name of the step.
    #[serde(skip)]
    pub lines: Vec<String>,
    /// What is to be seen to.
    pub warnings: Vec<String>,
}

fn milliseconds<S: Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    took.map(|took| (took.as_secs_f64() * 1e6).round() / 1e3).serialize(serializer)
}

impl Entry {
    /// A step that went well.
    pub(super) fn new(step: Step) -> Self {
        let (facts, lines, warnings) = (Map::new(), Vec::new(), Vec::new());
        Self { step, state: State::Ok, took: None, facts, lines, warnings }
    }

    /// How long it took.
    pub(super) fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }

    /// Adds a fact for programs.
    pub(super) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a line for people.
    pub(super) fn line(mut self, text: impl Into<String>) -> Self {
        self.lines.push(text.into());
        self
    }

    /// Adds what is to be seen to.
    pub(super) fn warn(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self.state = State::Warning;
        self
    }

    /// It did not go well.
    pub(super) fn failed(mut self) -> Self {
        self.state = State::Failed;
        self
    }
}

/// What the server offers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offers {
    /// Its own name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The protocol versions that it agreed to or names, the oldest era first.
    pub protocol_versions: Vec<String>,
    /// What it says about its use.
    pub instructions: Option<String>,
    /// The capabilities, as it sent them.
    pub capabilities: Value,
    /// Each list that it has.
    pub lists: Vec<List>,
}

impl Offers {
    /// One more page of a list.
    pub(super) fn add(&mut self, page: List) {
        match self.lists.last_mut().filter(|list| list.kind == page.kind) {
            Some(list) => {
                list.pages += page.pages;
                list.items.extend(page.items);
            }
            None => self.lists.push(page),
        }
    }
}

/// One list, all pages of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// Which.
    pub kind: ListKind,
    /// How many pages it came in.
    pub pages: usize,
    /// What is on it, as the server sent it.
    pub items: Vec<Value>,
}

impl List {
    /// What an item is known by; nothing if it has no such thing.
    pub(super) fn name<'a>(&self, item: &'a Value) -> Option<&'a str> {
        let member = match self.kind {
            ListKind::Tools | ListKind::Prompts => "name",
            ListKind::Resources => "uri",
            ListKind::ResourceTemplates => "uriTemplate",
        };
        item[member].as_str().filter(|name| !page::clean(name).trim().is_empty())
    }

    /// The numbers of the items that have no name, counted from 1.
    pub(super) fn nameless(&self) -> Vec<usize> {
        let numbered = self.items.iter().enumerate().filter(|(_, item)| self.name(item).is_none());
        numbered.map(|(index, _)| index + 1).collect()
    }

    /// As in `3 tools`, or `1 tool`.
    pub(super) fn counted(&self) -> String {
        match self.items.len() {
            1 => format!("1 {}", self.kind.singular()),
            count => format!("{count} {}", self.kind.plural()),
        }
    }
}

/// The lists of a server, each asked for by its own method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
    /// `prompts/list`
    Prompts,
}

impl ListKind {
    /// The capability with which a server says that it has it.
    pub(super) fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources | Self::ResourceTemplates => "resources",
            Self::Prompts => "prompts",
        }
    }
}
