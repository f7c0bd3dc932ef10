//! The tools of the remote, as far as the transport has to know them: which parameters of a call
//! are repeated in headers (specification 2026-07-28, "Custom Headers from Tool Parameters").

mod arguments;
mod check;
mod list;
mod schema;

use std::collections::HashMap;

use http::HeaderName;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits;
use crate::message::Message;
use crate::report::peer_text;
use crate::transport::streamable_http::tools::list::Listing;
use crate::transport::streamable_http::tools::schema::Invalid;
use crate::transport::streamable_http::tools::schema::Mirrored;

/// The tools that have parameters to repeat, by name. Bounded by [`limits::MAX_TOOLS_BYTES`].
#[derive(Debug, Default)]
pub(crate) struct Tools {
    mirrored: HashMap<Box<str>, Mirrored>,
    bytes: usize,
}

impl Tools {
    /// Learns from the answer to a `tools/list`, and gives it back without the tools whose
    /// annotations are invalid, which no host may see ("Schema Extension"); all else in it stays
    /// byte for byte. `starts_over` says that the request had no cursor: what was known before is
    /// forgotten. Anything but a list comes back as it is.
    ///
    /// A list that two parsers could read in two ways becomes an error.
    pub(crate) fn learn(&mut self, answer: Message, starts_over: bool) -> Message {
        let listing = match Listing::read(&answer) {
            Ok(Some(listing)) => listing,
            Ok(None) => return answer,
            Err(twice) => return list::refusal(&answer, twice),
        };
        if starts_over {
            *self = Self::default();
        }
        let cut = self.take_in(&listing);
        if cut.is_empty() { answer } else { list::without(&answer, &listing.cuts(&cut)) }
    }

    /// The `Mcp-Param-*` headers of a call of `tool`.
    pub(crate) fn headers(
        &self,
        tool: &str,
        arguments: Option<&RawValue>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if let (Some(mirrored), Some(arguments)) = (self.mirrored.get(tool), arguments) {
            arguments::mirror(mirrored, arguments, &mut headers);
        }
        headers
    }

    /// Remembers the valid tools of a list, and says where in it the invalid ones stand.
    fn take_in(&mut self, listing: &Listing<'_>) -> Vec<usize> {
        let mut invalid = Vec::new();
        for (place, tool) in listing.tools.iter().enumerate() {
            let Some((name, mirrored)) = list::definition(tool) else { continue };
            self.forget(&name);
            match mirrored {
                Ok(mirrored) => self.remember(&name, mirrored),
                Err(reason) => {
                    if invalid.len() < limits::MAX_TOOL_WARNINGS {
                        tracing::warn!("{}", complaint(&name, &reason));
                    }
                    invalid.push(place);
                }
            }
        }
        if invalid.len() > limits::MAX_TOOL_WARNINGS {
            tracing::warn!("{} tools were left out of the list in all", invalid.len());
        }
        invalid
    }

    fn remember(&mut self, name: &str, mirrored: Mirrored) {
        if mirrored.is_empty() {
            return;
        }
        let bytes = name.len() + mirrored.bytes();
        if self.bytes + bytes > limits::MAX_TOOLS_BYTES {
            let name = peer_text(name);
            tracing::warn!("too many tools: the headers of `{name}` are not remembered");
            return;
        }
        self.bytes += bytes;
        self.mirrored.insert(name.into(), mirrored);
    }

    fn forget(&mut self, name: &str) {
        if let Some(mirrored) = self.mirrored.remove(name) {
            self.bytes -= name.len() + mirrored.bytes();
        }
    }
}

/// The cursor of the page behind this one; `None` on the last.
pub(crate) fn next_cursor(answer: &Message) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        next_cursor: Option<Box<RawValue>>,
    }
    let page: Page = serde_json::from_slice(answer.payload(answer.head()?)).ok()?;
    page.next_cursor.filter(|cursor| cursor.get() != "null")
}

/// Says which tool is left out and why.
fn complaint(name: &str, reason: &Invalid) -> String {
    format!("tool `{}` is left out of the list: {reason}", peer_text(name))
}

#[cfg(test)]
mod tests;
