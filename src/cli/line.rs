//! One line of the log: an event, a sentence or a report, as text or JSON.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use tracing::Event;
use tracing::Level;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::registry::LookupSpan;

use crate::cli::clock;
use crate::cli::log::Format;
use crate::report::Report;

impl Format {
    /// A sentence for the user that is no event of the running program: plain as text.
    pub(super) fn notice(self, level: Level, text: &str) -> String {
        match self {
            Self::Text => format!("{text}\n"),
            Self::Json => json(level, text.to_owned(), Map::new()),
        }
    }

    /// The report that the program ends with.
    pub(super) fn report(self, report: &Report) -> String {
        if self == Self::Text {
            return format!("{report}\n");
        }
        let parts = [("cause", &report.cause), ("hint", &report.hint)];
        let fields = parts.into_iter().filter_map(|(name, part)| {
            part.as_ref().map(|part| (name.to_owned(), Value::from(part.as_str())))
        });
        json(Level::ERROR, report.error.clone(), fields.collect())
    }
}

/// Writes an event as one line.
pub(super) struct Lines(pub(super) Format);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let level = *event.metadata().level();
        match self.0 {
            Format::Text => writer.write_str(&text(level, &parts)),
            Format::Json => writer.write_str(&json(level, parts.message, parts.fields)),
        }
    }
}

/// The message of an event and its other fields.
#[derive(Default)]
struct Parts {
    message: String,
    fields: Map<String, Value>,
}

impl Parts {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

fn text(level: Level, parts: &Parts) -> String {
    let mark = match level {
        Level::ERROR | Level::INFO => "",
        Level::WARN => "warning: ",
        _ => "[debug] ",
    };
    let mut line = format!("[mcp-secure-remote {}] {mark}", clock::rfc3339(SystemTime::now()));
    push_clean(&mut line, &parts.message);
    for (name, value) in &parts.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        push_clean(&mut line, &format!(" {name}={value}"));
    }
    line.push('\n');
    line
}

/// Keeps a text on its line and off the terminal's controls: nothing that a peer sends can look
/// like a line of ours.
fn push_clean(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => line.push_str(" | "),
            c if c.is_control() => line.push(' '),
            c => line.push(c),
        }
    }
}

#[derive(Serialize)]
struct Entry {
    ts: String,
    level: &'static str,
    message: String,
    fields: Map<String, Value>,
}

fn json(level: Level, message: String, fields: Map<String, Value>) -> String {
    let ts = clock::rfc3339(SystemTime::now());
    let entry = Entry { ts, level: level.as_str(), message, fields };
    // Strings and numbers always have a JSON form.
    serde_json::to_string(&entry).map_or_else(|_| String::new(), |line| line + "\n")
}
