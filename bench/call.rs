//! The calls that are measured: what is asked, and what is answered, whoever answers it.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;

const MIB: usize = 1024 * 1024;
/// Size of the large result in bytes.
pub(crate) const BIG: usize = 64 * MIB;
/// Size of the large argument in bytes.
const BIG_ARGUMENT: usize = 4 * MIB;
/// The most progress notifications that a call may ask for.
const MOST_EVENTS: usize = 100_000;
/// Prose in JSON: 64 bytes with one escape, so that a parser has something to do.
const PROSE: &str = "The quick brown fox jumps over the lazy dog, then walks home.\\n ";
/// The text of a small result: 100 bytes.
const ECHO: &str = "It is a truth universally acknowledged, that a single man in possession of \
                    a good fortune, must be i";

/// The session and version that the server hands out; `bare` sends them as a real client has to.
pub(crate) const SESSION: &str = "6f1c7b1e2a9d4c55b3f0a7d8e9c01234";
/// See [`SESSION`].
pub(crate) const VERSION: &str = "2025-11-25";
/// The version of the era without sessions.
pub(crate) const MODERN_VERSION: &str = "2026-07-28";
/// What the server says of itself in both eras.
const SELF: &str = r#""capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}"#;

/// A tool of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// [`BIG`] bytes as one JSON body.
    Big,
    /// [`BIG`] bytes as one event.
    BigEvent,
    /// 100 bytes.
    Echo,
    /// So many progress notifications, then a small result, in one event stream.
    Events(usize),
    /// Takes 4 MiB.
    Sink,
    /// 100 bytes after 20 ms.
    Slow,
}

impl Tool {
    /// The name on the wire, as one word.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Big => "big".to_owned(),
            Self::BigEvent => "big_event".to_owned(),
            Self::Echo => "echo".to_owned(),
            Self::Events(count) => format!("events_{count}"),
            Self::Sink => "sink".to_owned(),
            Self::Slow => "slow".to_owned(),
        }
    }

    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "big" => Self::Big,
            "big_event" => Self::BigEvent,
            "echo" => Self::Echo,
            "sink" => Self::Sink,
            "slow" => Self::Slow,
            _ => {
                let count = name.strip_prefix("events_")?.parse().ok()?;
                (count <= MOST_EVENTS).then_some(Self::Events(count))?
            }
        })
    }

    /// How many messages answer a call.
    pub(crate) fn answers(self) -> usize {
        if let Self::Events(count) = self { count + 1 } else { 1 }
    }

    /// A call of it that wants to hear of progress, without a line end.
    pub(crate) fn request(self, id: u64) -> String {
        self.request_with(r#"{"progressToken":"p"}"#, id)
    }

    /// A call of it with this `_meta`, without a line end.
    pub(crate) fn request_with(self, meta: &str, id: u64) -> String {
        let argument =
            if self == Self::Sink { PROSE.repeat(BIG_ARGUMENT / PROSE.len()) } else { ECHO.into() };
        let name = self.name();
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{meta},"name":"{name}","arguments":{{"text":"{argument}"}}}}}}"#
        )
    }
}

/// The opening of a conversation.
pub(crate) fn initialize() -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{VERSION}","capabilities":{{}},"clientInfo":{{"name":"bench","version":"1"}}}}}}"#
    )
}

/// What follows the answer to [`initialize`].
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// How a request is answered.
pub(crate) struct Answer {
    /// Progress notifications that go before.
    pub(crate) events: usize,
    /// The response, in pieces that follow each other.
    pub(crate) response: Vec<Bytes>,
    /// As an event stream.
    pub(crate) stream: bool,
    /// After this pause.
    pub(crate) pause: Duration,
}

/// Answers a message; `None` for one that wants no answer. Every client writes its JSON in its own
/// order, so members are looked for by name; no text of ours holds such names.
pub(crate) fn answer(message: &[u8]) -> Option<Answer> {
    let id = id(message)?;
    let small = |result: String| Answer {
        events: 0,
        response: vec![format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into()],
        stream: false,
        pause: Duration::ZERO,
    };
    match member(message, r#""method""#) {
        Some("tools/call") => {}
        Some("server/discover") => return Some(small(discovery())),
        Some("tools/list") => return Some(small(tools())),
        _ => return Some(small(format!(r#"{{"protocolVersion":"{VERSION}",{SELF}}}"#))),
    }
    let echo = small(format!(r#"{{"content":[{{"type":"text","text":"{ECHO}"}}]}}"#));
    Some(match member(message, r#""name""#).and_then(Tool::named)? {
        Tool::Big => Answer { response: big(id), ..echo },
        Tool::BigEvent => Answer { response: big(id), stream: true, ..echo },
        Tool::Echo | Tool::Sink => echo,
        Tool::Events(events) => Answer { events, stream: true, ..echo },
        Tool::Slow => Answer { pause: Duration::from_millis(20), ..echo },
    })
}

fn discovery() -> String {
    format!(r#"{{"supportedVersions":["{MODERN_VERSION}"],{SELF}}}"#)
}

/// Some programs on the way check calls against it.
fn tools() -> String {
    let tool = |name| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
    format!(r#"{{"tools":[{},{}]}}"#, tool("echo"), tool("big"))
}

/// `count` progress notifications, each between `before` and `after`. All have the same length, so
/// that one text serves every count; it is made once.
pub(crate) fn progress(count: usize, before: &str, after: &str) -> Bytes {
    static ALL: OnceLock<Bytes> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut text = String::new();
        for number in MOST_EVENTS..2 * MOST_EVENTS {
            let params = format!(r#"{{"progressToken":"p","progress":{number},"total":200000}}"#);
            let method = r#""method":"notifications/progress""#;
            let _ =
                write!(text, r#"{before}{{"jsonrpc":"2.0",{method},"params":{params}}}{after}"#);
        }
        text.into()
    });
    all.slice(..all.len() / MOST_EVENTS * count)
}

fn big(id: &str) -> Vec<Bytes> {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    let block = BLOCK.get_or_init(|| PROSE.repeat(MIB / PROSE.len()).into());
    let head =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
    let mut pieces = vec![block.clone(); BIG / block.len()];
    pieces.insert(0, head.into());
    pieces.push(r#""}]}}"#.into());
    pieces
}

/// The number in `"id"`.
fn id(message: &[u8]) -> Option<&str> {
    let rest = after(message, r#""id""#)?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..digits]).ok().filter(|id| !id.is_empty())
}

/// The text in the first member of this name.
fn member<'a>(message: &'a [u8], quoted_name: &str) -> Option<&'a str> {
    let rest = after(message, quoted_name)?.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(&rest[..end]).ok()
}

fn after<'a>(message: &'a [u8], quoted_name: &str) -> Option<&'a [u8]> {
    let at = memmem::find(message, quoted_name.as_bytes())? + quoted_name.len();
    Some(message[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}
