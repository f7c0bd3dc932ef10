//! The event in the making: lines in, by the piece, and at each blank line an event out.

use std::borrow::Cow;
use std::mem;
use std::str;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::limits;
use crate::transport::event_stream::Event;
use crate::transport::event_stream::TooLarge;
use crate::transport::gather::Gather;

/// The fields since the last blank line, and what persists.
pub(super) struct Block {
    limit: usize,
    place: Place,
    /// The name of a field, or the value of a short one, as far as it came.
    held: Vec<u8>,
    id: Option<Arc<str>>,
    kind: Cow<'static, str>,
    /// A `data` line was seen; its data may be empty.
    has_data: bool,
    data: Gather,
    /// The id of the last finished block that had one.
    pub(super) last_id: Option<Arc<str>>,
    /// The last valid `retry` field; unlike an id it counts at once.
    pub(super) retry: Option<Duration>,
}

/// Where in a line the next byte stands.
#[derive(Clone, Copy)]
enum Place {
    Name,
    Value {
        field: Field,
        /// Bytes of the value so far, with the space that may open it.
        seen: usize,
    },
}

#[derive(Clone, Copy)]
enum Field {
    Data,
    Id,
    Ignored,
    Kind,
    Retry,
}

/// `event` and `retry`: a longer name is that of no field.
const LONGEST_NAME: usize = 5;

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"data" => Self::Data,
            b"event" => Self::Kind,
            b"id" => Self::Id,
            b"retry" => Self::Retry,
            _ => Self::Ignored, // a comment too: its name is empty
        }
    }
}

impl Block {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            place: Place::Name,
            held: Vec::new(),
            id: None,
            kind: kind(b""),
            has_data: false,
            data: Gather::default(),
            last_id: None,
            retry: None,
        }
    }

    /// Takes the next `piece` of the current line, which is part of `chunk`. The end of the line
    /// need not have come yet.
    pub(super) fn read(&mut self, chunk: &Bytes, mut piece: &[u8]) -> Result<(), TooLarge> {
        if let Place::Name = self.place {
            piece = self.read_name(piece)?;
        }
        let Place::Value { field, seen } = &mut self.place else { return Ok(()) };
        if *seen == 0
            && let Some(rest) = piece.strip_prefix(b" ")
        {
            *seen = 1;
            piece = rest;
        }
        *seen += piece.len();
        match field {
            _ if piece.is_empty() => {}
            Field::Data => {
                within(self.limit, self.data.len() + piece.len())?;
                self.data.push(chunk.slice_ref(piece));
            }
            Field::Id | Field::Kind | Field::Retry => {
                let limit = self.limit.min(limits::EVENT_FIELD_BYTES);
                within(limit, self.held.len() + piece.len())?;
                self.held.extend_from_slice(piece);
            }
            Field::Ignored => within(self.limit, *seen)?,
        }
        Ok(())
    }

    /// Ends the current line. A blank one ends the block and makes an event of it.
    pub(super) fn end_line(&mut self) -> Result<Option<Event>, TooLarge> {
        match mem::replace(&mut self.place, Place::Name) {
            Place::Value { field, .. } => self.end_value(field),
            Place::Name if self.held.is_empty() => return Ok(self.dispatch()),
            Place::Name => {
                let field = Field::named(&self.held);
                self.begin_value(field)?; // a field without a colon has an empty value
                self.place = Place::Name;
                self.end_value(field);
            }
        }
        Ok(None)
    }

    /// The rest of the current line does not count.
    pub(super) fn ignore_line(&mut self) {
        self.held.clear();
        self.place = Place::Value { field: Field::Ignored, seen: 0 };
    }

    /// Gives up the memory of the unfinished block.
    pub(super) fn abandon(&mut self) {
        self.held = Vec::new();
        self.data = Gather::default();
    }

    /// Reads up to the colon and returns what follows it.
    fn read_name<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], TooLarge> {
        if self.held.is_empty()
            && let Some(value) = piece.strip_prefix(b"data:")
        {
            self.begin_value(Field::Data)?; // most lines, and all bytes that matter
            return Ok(value);
        }
        for (at, byte) in piece.iter().enumerate() {
            if *byte == b':' {
                self.begin_value(Field::named(&self.held))?;
                return Ok(&piece[at + 1..]);
            }
            if self.held.len() == LONGEST_NAME {
                self.ignore_line();
                return Ok(&piece[at..]);
            }
            self.held.push(*byte);
        }
        Ok(&[])
    }

    /// The name is complete.
    fn begin_value(&mut self, field: Field) -> Result<(), TooLarge> {
        self.held.clear();
        self.place = Place::Value { field, seen: 0 };
        if let Field::Data = field {
            if self.has_data {
                within(self.limit, self.data.len() + 1)?;
                self.data.push(Bytes::from_static(b"\n"));
            }
            self.has_data = true;
        }
        Ok(())
    }

    fn end_value(&mut self, field: Field) {
        match field {
            Field::Data | Field::Ignored => {}
            Field::Id => {
                if let Ok(id) = str::from_utf8(&self.held)
                    && !id.contains('\0')
                {
                    self.id = Some(id.into());
                }
            }
            Field::Kind => self.kind = kind(&self.held),
            Field::Retry => self.retry = retry(&self.held).or(self.retry),
        }
        self.held.clear();
    }

    fn dispatch(&mut self) -> Option<Event> {
        let id = self.id.take();
        let kind = mem::replace(&mut self.kind, kind(b""));
        if id.is_some() {
            self.last_id.clone_from(&id);
        }
        mem::take(&mut self.has_data).then(|| Event { id, kind, data: self.data.take() })
    }
}

fn within(limit: usize, bytes: usize) -> Result<(), TooLarge> {
    if bytes > limit { Err(TooLarge { limit }) } else { Ok(()) }
}

fn kind(value: &[u8]) -> Cow<'static, str> {
    match value {
        b"" | b"message" => Cow::Borrowed("message"),
        _ => Cow::Owned(String::from_utf8_lossy(value).into_owned()),
    }
}

/// ASCII digits alone, in milliseconds; a number that is too long is the longest pause.
fn retry(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let millis = str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX);
    let (shortest, longest) = (*limits::EVENT_RETRY.start(), *limits::EVENT_RETRY.end());
    Some(Duration::from_millis(millis).clamp(shortest, longest))
}
