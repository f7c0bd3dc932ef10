//! The `x-mcp-header` annotations in the `inputSchema` of a tool, and the rules for them
//! (specification 2026-07-28, "Schema Extension").

use http::HeaderName;
use serde_json::value::RawValue;

use crate::limits;
use crate::report::peer_text;
use crate::transport::streamable_http::members::Members;
use crate::transport::streamable_http::members::Twice;
use crate::transport::streamable_http::params::string;

const ANNOTATION: &str = "x-mcp-header";

/// What stands before the name in an annotation.
const PREFIX: &str = "mcp-param-";

/// Cost of one node of [`Mirrored`] beside its texts, in bytes, about.
const NODE_BYTES: usize = 128;

/// Which parts of the arguments headers repeat: a tree along the `properties` of the schema, with
/// the branches alone that lead to an annotation.
#[derive(Debug, Default)]
pub(crate) struct Mirrored {
    /// The header that repeats this very value.
    pub(crate) header: Option<HeaderName>,
    /// The members of this value, if it is an object, in which there is something to repeat.
    pub(crate) members: Vec<(Box<str>, Mirrored)>,
}

impl Mirrored {
    /// Whether nothing is repeated.
    pub(crate) fn is_empty(&self) -> bool {
        self.header.is_none() && self.members.is_empty()
    }

    /// The memory that this takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let header = self.header.as_ref().map_or(0, |header| header.as_str().len());
        let members = self.members.iter().map(|(name, below)| name.len() + below.bytes());
        NODE_BYTES + header + members.sum::<usize>()
    }
}

/// Why a tool is not valid, in words for the log.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// Two parsers could see two definitions.
    #[error("its definition can be read in two ways")]
    Ambiguous,
    /// Two headers of one name.
    #[error("`x-mcp-header` `{0}` stands on two parameters")]
    Duplicate(String),
    /// Empty, or not a token of RFC 9110 section 5.6.2.
    #[error("`x-mcp-header` `{0}` is not part of a header name")]
    NotAToken(String),
    /// The annotation is not a string.
    #[error("an `x-mcp-header` is not a string")]
    NotText,
    /// Below [`limits::MAX_SCHEMA_NESTING`].
    #[error("an `x-mcp-header` stands more than {} levels deep", limits::MAX_SCHEMA_NESTING)]
    TooDeep,
    /// More than [`limits::MAX_TOOL_HEADERS`].
    #[error("more than {} parameters have an `x-mcp-header`", limits::MAX_TOOL_HEADERS)]
    TooMany,
    /// Not on a parameter at a fixed place.
    #[error("an `x-mcp-header` stands where a chain of `properties` does not lead")]
    Unreachable,
    /// Not exactly one of the primitive types.
    #[error("`x-mcp-header` `{0}` stands on a type other than integer, string or boolean")]
    WrongType(String),
}

impl From<Twice> for Invalid {
    fn from(_: Twice) -> Self {
        Self::Ambiguous
    }
}

/// Reads the annotations of one schema.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn read(schema: &RawValue) -> Result<Mirrored, Invalid> {
    let mut walk = Walk::default();
    let mirrored = walk.schema(schema, Place::Root)?;
    if walk.saw_twice && !walk.headers.is_empty() {
        return Err(Invalid::Ambiguous);
    }
    Ok(mirrored)
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the `inputSchema` itself.
    Root,
    /// It describes one parameter: nothing but `properties` leads to it.
    Parameter,
    /// Anywhere else: what it describes has no fixed place, or may not be there at all.
    Elsewhere,
}

/// What the way through one schema has come across.
#[derive(Default)]
struct Walk {
    headers: Vec<HeaderName>,
    // Right until an error ends the walk.
    level: usize,
    saw_twice: bool,
}

impl Walk {
    fn schema(&mut self, schema: &RawValue, place: Place) -> Result<Mirrored, Invalid> {
        let mut mirrored = Mirrored::default();
        let Some(members) = self.members(schema)? else { return Ok(mirrored) };
        self.level += 1;
        for (keyword, value) in members.iter() {
            match keyword {
                ANNOTATION if place != Place::Parameter => return Err(Invalid::Unreachable),
                ANNOTATION => mirrored.header = Some(self.header(value, members.get("type")?)?),
                "properties" if place == Place::Elsewhere => drop(self.named(value, place)?),
                "properties" => mirrored.members = self.named(value, Place::Parameter)?,
                "$defs" | "definitions" | "dependencies" | "dependentRequired"
                | "dependentSchemas" | "patternProperties" => {
                    self.named(value, Place::Elsewhere)?;
                }
                // Instances, not schemas: whatever stands in them is data.
                "const" | "default" | "enum" | "example" | "examples" => {}
                _ => self.elsewhere(value)?,
            }
        }
        self.level -= 1;
        Ok(mirrored)
    }

    /// Schemas by name: the names are no keywords. Gives those back that have annotations.
    fn named(
        &mut self,
        schemas: &RawValue,
        place: Place,
    ) -> Result<Vec<(Box<str>, Mirrored)>, Invalid> {
        let mut found = Vec::new();
        let Some(members) = self.members(schemas)? else { return Ok(found) };
        self.level += 1;
        for (name, schema) in members.iter() {
            let mirrored = self.schema(schema, place)?;
            if !mirrored.is_empty() {
                found.push((name.into(), mirrored));
            }
        }
        self.level -= 1;
        Ok(found)
    }

    /// A value that may hold schemas in any way. It must hold no annotation.
    fn elsewhere(&mut self, value: &RawValue) -> Result<(), Invalid> {
        self.schema(value, Place::Elsewhere).map(drop)
    }

    /// The members of an object with an annotation somewhere in it. `None` for any other value;
    /// most of a schema has no annotation in it and need not be looked into.
    fn members<'a>(&mut self, value: &'a RawValue) -> Result<Option<Members<'a>>, Invalid> {
        if !may_be_annotated(value.get()) {
            return Ok(None);
        }
        match value.get().as_bytes().first() {
            Some(b'[' | b'{') if self.level == limits::MAX_SCHEMA_NESTING => Err(Invalid::TooDeep),
            Some(b'[') => self.elements(value).map(|()| None),
            Some(b'{') => {
                // Only a name with half a surrogate pair in it cannot be read.
                let members = Members::read(value).ok_or(Invalid::Ambiguous)?;
                self.saw_twice |= members.has_twice();
                Ok(Some(members))
            }
            _ => Ok(None),
        }
    }

    fn elements(&mut self, array: &RawValue) -> Result<(), Invalid> {
        let elements: Vec<&RawValue> = serde_json::from_str(array.get()).unwrap_or_default();
        self.level += 1;
        elements.into_iter().try_for_each(|element| self.elsewhere(element))?;
        self.level -= 1;
        Ok(())
    }

    /// The header for one annotation on a parameter of this type.
    fn header(
        &mut self,
        annotation: &RawValue,
        kind: Option<&RawValue>,
    ) -> Result<HeaderName, Invalid> {
        let token = string(annotation).ok_or(Invalid::NotText)?;
        let named = || peer_text(&token);
        // A union of types is none of them, even one with null.
        let kind = kind.and_then(string).unwrap_or_default();
        if !matches!(kind.as_ref(), "boolean" | "integer" | "string") {
            return Err(Invalid::WrongType(named()));
        }
        let header = header_name(&token).ok_or_else(|| Invalid::NotAToken(named()))?;
        if self.headers.contains(&header) {
            return Err(Invalid::Duplicate(named()));
        }
        if self.headers.len() == limits::MAX_TOOL_HEADERS {
            return Err(Invalid::TooMany);
        }
        self.headers.push(header.clone());
        Ok(header)
    }
}

/// The only escapes that the name of an annotation could be written with begin with `\u`.
fn may_be_annotated(text: &str) -> bool {
    let holds = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    holds(ANNOTATION) || holds("\\u")
}

fn header_name(token: &str) -> Option<HeaderName> {
    let is_token = !token.is_empty() && token.bytes().all(is_token_byte);
    if !is_token {
        return None;
    }
    // Lower case, so that equal names are equal whatever their case.
    HeaderName::try_from(format!("{PREFIX}{token}")).ok()
}

/// RFC 9110 section 5.6.2, `tchar`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
