//! The result of a `tools/list`, and how tools are cut out of it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::message::Kind;
use crate::message::Message;
use crate::message::RpcError;
use crate::report;
use crate::report::Failure;
use crate::report::Report;
use crate::transport::streamable_http::members::Members;
use crate::transport::streamable_http::members::Twice;
use crate::transport::streamable_http::params::string;
use crate::transport::streamable_http::tools::schema;
use crate::transport::streamable_http::tools::schema::Invalid;
use crate::transport::streamable_http::tools::schema::Mirrored;

/// The tools of one page, as they stand in the message.
pub(crate) struct Listing<'a> {
    pub(crate) tools: Vec<&'a RawValue>,
    /// The whole message, which the tools are a part of.
    whole: &'a [u8],
}

impl<'a> Listing<'a> {
    /// Finds the tools. `None` if this is no result with a list of tools.
    ///
    /// # Errors
    /// [`Twice`] if it has two of them.
    pub(crate) fn read(answer: &'a Message) -> Result<Option<Self>, Twice> {
        let result = answer.head().filter(|head| is_result(&head.kind));
        let result = result.and_then(|head| serde_json::from_slice(answer.payload(head)).ok());
        let Some(members) = result.and_then(Members::read) else { return Ok(None) };
        let tools = members.get("tools")?;
        let tools = tools.and_then(|tools| serde_json::from_str(tools.get()).ok());
        Ok(tools.map(|tools| Self { tools, whole: answer.bytes() }))
    }

    /// What of the message has to go so that the tools at these places are gone: each with the
    /// comma before it, or, where no tool stays before it, with all up to the next tool.
    pub(crate) fn cuts(&self, places: &[usize]) -> Vec<Range<usize>> {
        let cut = |(count, &place): (usize, &usize)| {
            let tool = self.range(place);
            // All the tools before this one are cut, too.
            if count == place {
                let to = if place + 1 < self.tools.len() {
                    self.range(place + 1).start
                } else {
                    tool.end
                };
                tool.start..to
            } else {
                self.range(place - 1).end..tool.end
            }
        };
        places.iter().enumerate().map(cut).collect()
    }

    fn range(&self, place: usize) -> Range<usize> {
        let text = self.tools[place].get();
        let start = text.as_ptr().addr() - self.whole.as_ptr().addr();
        start..start + text.len()
    }
}

/// The name of a tool, empty if it has none, and what of a call is repeated in headers. `None` if
/// this is no tool at all, which is for the host to judge.
pub(crate) fn definition(tool: &RawValue) -> Option<(Cow<'_, str>, Result<Mirrored, Invalid>)> {
    let members = Members::read(tool)?;
    let named = members.iter().find(|(key, _)| *key == "name");
    let name = named.and_then(|(_, name)| string(name)).unwrap_or_default();
    let schema = members.get("name").and_then(|_| members.get("inputSchema"));
    let mirrored = match schema {
        Ok(schema) => schema.map_or(Ok(Mirrored::default()), schema::read),
        Err(twice) => Err(twice.into()),
    };
    Some((name, mirrored))
}

/// `answer` without these parts of it, which follow one another.
pub(crate) fn without(answer: &Message, cuts: &[Range<usize>]) -> Message {
    let whole = answer.bytes();
    let mut kept = Vec::with_capacity(whole.len());
    let mut from = 0;
    for cut in cuts {
        kept.extend_from_slice(&whole[from..cut.start]);
        from = cut.end;
    }
    kept.extend_from_slice(&whole[from..]);
    // What is left of a list without some of its elements is a message still.
    Message::parse(Bytes::from(kept)).unwrap_or_else(|_| refusal(answer, Twice))
}

/// The answer in place of a list that cannot be told apart.
pub(crate) fn refusal(answer: &Message, twice: Twice) -> Message {
    let report = Report::new("the server sent a list of tools that can be read in two ways")
        .cause(twice.to_string());
    let failure = Failure::new(report::Kind::Protocol, report);
    let id = answer.head().and_then(|head| head.response_id());
    RpcError::failed(&failure, Some("tools/list")).answer(id)
}

fn is_result(kind: &Kind) -> bool {
    matches!(kind, Kind::Response { failed: false, .. })
}
