//! Puts an entry into JSON with comments and takes it out again. Nothing else changes, not a byte: the
//! text is cut where the parser says that things stand, and never written anew.

use std::io;
use std::ops::Range;

use jsonc_parser::CollectOptions;
use jsonc_parser::CommentCollectionStrategy;
use jsonc_parser::ParseOptions;
use jsonc_parser::ast;
use jsonc_parser::tokens::Token;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;
use serde_json::ser::PrettyFormatter;

/// Why a text cannot be used: what the user is told as the cause.
pub(super) type Unfit = String;

/// What the text means; `None` if there is nothing in it but blanks and comments.
pub(super) fn read(text: &str) -> Result<Option<Value>, Unfit> {
    parsed(text)?;
    jsonc_parser::parse_to_serde_value::<Option<Value>>(text, &options()).map_err(|it| told(&it))
}

/// The text with `value` under `key` and `name`, in the place of what is there.
pub(super) fn insert(
    text: &str,
    key: &str,
    name: &str,
    value: &impl Serialize,
) -> Result<String, Unfit> {
    let document = Document::new(text)?;
    let style = document.style();
    let Some(root) = &document.root else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { style.end };
        let whole = style.rendered(&One(key, &One(name, value)), "");
        return Ok(format!("{text}{gap}{whole}{}", style.end));
    };
    let Some(servers) = member(root, key)? else {
        return Ok(document.with_member(root, &style, key, &One(name, value)));
    };
    let servers = object(&servers.value, key)?;
    match member(servers, name)? {
        None => Ok(document.with_member(servers, &style, name, value)),
        Some(old) => {
            let range = range_of(&old.value);
            let one_line = !text[range.clone()].contains('\n');
            let indent = document.indent(old.range.start);
            let new = if one_line && document.is_one_line(servers) {
                Style::flat(value)
            } else {
                style.rendered(value, indent)
            };
            Ok(document.spliced(&[(range, new)]))
        }
    }
}

/// The text without what stands under `key` and `name`, and `None` if that is nothing.
pub(super) fn remove(text: &str, key: &str, name: &str) -> Result<Option<String>, Unfit> {
    let document = Document::new(text)?;
    let Some(root) = &document.root else { return Ok(None) };
    let Some(servers) = member(root, key)? else { return Ok(None) };
    let servers = object(&servers.value, key)?;
    Ok(member(servers, name)?.map(|it| document.without(servers, it)))
}

/// `{key: value}`.
struct One<'a, T>(&'a str, &'a T);

impl<T: Serialize> Serialize for One<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}

/// What editors take: comments, and commas too many.
fn options() -> ParseOptions {
    ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
        ..ParseOptions::default()
    }
}

fn parsed(text: &str) -> Result<jsonc_parser::ParseResult<'_>, Unfit> {
    let comments = CommentCollectionStrategy::AsTokens;
    let collect = CollectOptions { comments, tokens: true };
    jsonc_parser::parse_to_ast(text, &collect, &options()).map_err(|error| told(&error))
}

/// Why a text is not JSON, and where.
pub fn told(error: &jsonc_parser::errors::ParseError) -> Unfit {
    let (line, column) = (error.line_display(), error.column_display());
    // What the parser says begins with a capital letter.
    let kind = error.kind().to_string();
    let mut rest = kind.chars();
    let first = rest.next().map(|c| c.to_ascii_lowercase());
    let kind: String = first.into_iter().chain(rest).collect();
    format!("it is not JSON: {kind}, line {line}, column {column}")
}

/// The only member of this name.
fn member<'a, 'b>(
    object: &'b ast::Object<'a>,
    name: &str,
) -> Result<Option<&'b ast::ObjectProp<'a>>, Unfit> {
    let mut found = object.properties.iter().filter(|it| it.name.as_str() == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(format!("`{name}` stands there twice")),
        (first, None) => Ok(first),
    }
}

fn object<'a, 'b>(value: &'b ast::Value<'a>, name: &str) -> Result<&'b ast::Object<'a>, Unfit> {
    match value {
        ast::Value::Object(object) => Ok(object),
        _ => Err(format!("`{name}` is not an object")),
    }
}

fn range_of(value: &ast::Value<'_>) -> Range<usize> {
    let range = jsonc_parser::common::Ranged::range(value);
    range.start..range.end
}

/// How the text is written.
struct Style {
    /// One level.
    unit: String,
    /// The end of a line.
    end: &'static str,
}

impl Style {
    /// Over several lines, of which all but the first begin with `indent`.
    fn rendered(&self, value: &impl Serialize, indent: &str) -> String {
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(self.unit.as_bytes());
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        // Texts and maps of texts cannot fail.
        let _ = value.serialize(&mut serializer);
        let text = String::from_utf8(bytes).unwrap_or_default();
        text.replace('\n', &format!("{}{indent}", self.end))
    }

    /// On one line.
    fn flat(value: &impl Serialize) -> String {
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Flat);
        let _ = value.serialize(&mut serializer);
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// One line, with a blank behind each comma and colon.
struct Flat;

impl Formatter for Flat {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// A text, and what stands where.
struct Document<'a> {
    text: &'a str,
    root: Option<ast::Object<'a>>,
    /// All but blanks, comments too.
    solid: Vec<Range<usize>>,
    commas: Vec<usize>,
}

impl<'a> Document<'a> {
    fn new(text: &'a str) -> Result<Self, Unfit> {
        let parsed = parsed(text)?;
        let tokens = parsed.tokens.unwrap_or_default();
        let solid = tokens.iter().map(|it| it.range.start..it.range.end).collect();
        let commas = tokens.iter().filter(|it| matches!(it.token, Token::Comma));
        let commas = commas.map(|it| it.range.start).collect();
        let root = match parsed.value {
            None => None,
            Some(ast::Value::Object(root)) => Some(root),
            Some(_) => return Err("it holds no object".to_owned()),
        };
        Ok(Self { text, root, solid, commas })
    }

    fn style(&self) -> Style {
        let first = self.root.as_ref().and_then(|root| root.properties.first());
        let indent = first.map(|first| self.indent(first.range.start)).unwrap_or_default();
        let unit = if indent.is_empty() { "  " } else { indent };
        let first_line = self.text.split_inclusive('\n').next().unwrap_or_default();
        let end = if first_line.ends_with("\r\n") { "\r\n" } else { "\n" };
        Style { unit: unit.to_owned(), end }
    }

    /// The blanks with which the line begins that holds this place.
    fn indent(&self, at: usize) -> &'a str {
        let line = &self.text[self.text[..at].rfind('\n').map_or(0, |end| end + 1)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    fn is_one_line(&self, object: &ast::Object<'_>) -> bool {
        !object.properties.is_empty()
            && !self.text[object.range.start..object.range.end].contains('\n')
    }

    /// Where the last thing before this place ends that is no blank.
    fn solid_end(&self, at: usize) -> usize {
        let before = self.solid.iter().take_while(|it| it.end <= at);
        before.last().map_or(0, |it| it.end)
    }

    /// The comma between these places, if there is one.
    fn comma(&self, between: Range<usize>) -> Option<usize> {
        self.commas.iter().copied().find(|at| between.contains(at))
    }

    /// With one more member at the end of an object.
    fn with_member(
        &self,
        object: &ast::Object<'_>,
        style: &Style,
        name: &str,
        value: &impl Serialize,
    ) -> String {
        let close = object.range.end - 1;
        let at = self.solid_end(close);
        let name = serde_json::to_string(name).unwrap_or_default();
        let Some(last) = object.properties.last() else {
            let outer = self.indent(object.range.start);
            let indent = format!("{outer}{}", style.unit);
            let mut new =
                format!("{}{indent}{name}: {}", style.end, style.rendered(value, &indent));
            if !self.text[at..close].contains('\n') {
                new.push_str(style.end);
                new.push_str(outer);
            }
            return self.spliced(&[(at..at, new)]);
        };
        let trailing = self.comma(last.range.end..close);
        let new = if self.is_one_line(object) {
            format!(" {name}: {}", Style::flat(value))
        } else {
            let indent = self.indent(last.range.start);
            format!("{}{indent}{name}: {}", style.end, style.rendered(value, indent))
        };
        match trailing {
            Some(_) => self.spliced(&[(at..at, new + ",")]),
            None if at == last.range.end => self.spliced(&[(at..at, format!(",{new}"))]),
            None => {
                let comma = last.range.end..last.range.end;
                self.spliced(&[(comma, ",".to_owned()), (at..at, new)])
            }
        }
    }

    /// Without this member.
    fn without(&self, object: &ast::Object<'_>, member: &ast::ObjectProp<'_>) -> String {
        let close = object.range.end - 1;
        let at = object.properties.iter().position(|it| it.range == member.range);
        let at = at.unwrap_or_default();
        let next = object.properties.get(at + 1).map(|next| next.range.start);
        let before = at.checked_sub(1).and_then(|at| object.properties.get(at));
        let comma = self.comma(member.range.end..next.unwrap_or(close));
        let begin = self.solid_end(member.range.start);
        let end = comma.map_or(member.range.end, |comma| comma + 1);
        match (before, next) {
            // What follows comes to where this one began.
            (None, Some(next)) if self.is_one_line(object) => {
                self.spliced(&[(member.range.start..next, String::new())])
            }
            (Some(before), None) if comma.is_none() => {
                let comma = self.comma(before.range.end..member.range.start);
                let comma = comma.map_or(begin..begin, |comma| comma..comma + 1);
                self.spliced(&[
                    (comma.clone(), String::new()),
                    (begin.max(comma.end)..end, String::new()),
                ])
            }
            (None, None)
                if self.text[object.range.start + 1..close].trim().len()
                    == self.text[member.range.start..end].len() =>
            {
                self.spliced(&[(object.range.start + 1..close, String::new())])
            }
            _ => self.spliced(&[(begin..end, String::new())]),
        }
    }

    /// With these parts replaced, which are in order and apart.
    fn spliced(&self, parts: &[(Range<usize>, String)]) -> String {
        let (mut text, mut at) = (String::new(), 0);
        for (range, new) in parts {
            text.push_str(&self.text[at..range.start]);
            text.push_str(new);
            at = range.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}
