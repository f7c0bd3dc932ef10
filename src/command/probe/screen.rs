//! What people see: steps, reasons and headings on standard error, the items of the lists on standard
//! output, as the scripts that read them expect.

use std::io::ErrorKind;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::command::page;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::List;
use crate::command::probe::findings::ListKind;
use crate::command::probe::findings::State;
use crate::command::probe::findings::Step;
use crate::limits;
use crate::report::Report;

/// Where the text of a step begins.
const TEXT_COLUMN: usize = 18;

/// Back to the first column, and nothing left of the line (ECMA-48, "Erase in Line").
const CLEAR: &str = "\r\u{1b}[K";

/// Where it is shown. Whoever does not read it keeps nothing up: what cannot be written is lost.
pub struct Screen<'a> {
    /// Items, or the one object of `--json`.
    pub out: &'a mut dyn Write,
    /// All else.
    pub err: &'a mut dyn Write,
    /// One object for programs, and nothing else.
    pub json: bool,
    /// Marks have colours.
    pub colour: bool,
    /// Where lines are folded.
    pub columns: usize,
    /// The step under way has a line, which is taken away again: for terminals.
    pub live: bool,
    /// That line, as it stands there.
    shown: String,
    /// Something of what belongs on [`out`](Self::out) could not be written there.
    pub lost: bool,
}

impl<'a> Screen<'a> {
    /// Plain text for people.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let (columns, shown) = (page::COLUMNS, String::new());
        Self { out, err, json: false, colour: false, columns, live: false, shown, lost: false }
    }

    pub(super) fn begin(&mut self, url: &str) {
        self.note(&format!("{url}\n"));
    }

    /// A step that is done.
    pub(super) fn step(&mut self, entry: &Entry) {
        let mark = self.mark(entry.state);
        // A line does not end between a number and its unit.
        let took = entry.took.map(|took| format!("{:.1}\u{a0}ms", took.as_secs_f64() * 1e3));
        let mut lines = entry.lines.iter().chain(&entry.warnings);
        let first = lines.next().map_or("", String::as_str);
        let first = match took {
            Some(took) => format!("{first} ({took})"),
            None => first.to_owned(),
        };
        let name = entry.step.name();
        let first =
            format!("  {mark}  {name:<10}{}", page::fold(first.trim(), TEXT_COLUMN, self.columns));
        let mut text = format!("{}\n", first.trim_end().replace('\u{a0}', " "));
        text.extend(lines.map(|line| page::paragraph(line, TEXT_COLUMN, self.columns)));
        self.note(&text);
    }

    pub(super) fn end(&mut self, findings: &Findings) {
        if self.json {
            return self.object(findings);
        }
        if findings.failure.is_none() || !findings.offers.lists.is_empty() {
            self.offers(findings);
        }
        if let Some(problem) = &findings.failure {
            self.report(&problem.report.0);
        }
    }

    /// The one object of `--json`.
    pub(super) fn object(&mut self, object: &impl Serialize) {
        let text = serde_json::to_string_pretty(object).unwrap_or_default();
        self.item(&format!("{}\n", page::escaped(&text)));
    }

    /// The word for a state.
    pub(super) fn mark(&self, state: State) -> String {
        match state {
            State::Ok => self.coloured("ok  ", 32),
            State::Warning => self.coloured("warn", 33),
            State::Failed => self.coloured("FAIL", 31),
        }
    }

    fn report(&mut self, report: &Report) {
        let fold = |line| page::fold(line, "error: ".len(), self.columns);
        let lines: Vec<String> = report.to_string().lines().map(fold).collect();
        self.note(&format!("{}\n", lines.join("\n")));
    }

    fn offers(&mut self, findings: &Findings) {
        let offers = &findings.offers;
        self.note("Connected.\n");
        if let Some(instructions) = &offers.instructions {
            self.note(&self.instructions(instructions));
        }
        self.note(&format!(
            "Server capabilities: {}\n",
            page::clean(&offers.capabilities.to_string())
        ));
        if !offers.protocol_versions.is_empty() {
            let versions = page::clean(&offers.protocol_versions.join(", "));
            self.note(&format!("Protocol versions: {versions}\n"));
        }
        for list in &offers.lists {
            self.note(&format!("{} ({}):\n", list.kind.heading(), list.items.len()));
            let items: String = list.items.iter().filter_map(|item| line(list, item)).collect();
            self.item(&items);
        }
    }

    /// With their lines, under one another.
    fn instructions(&self, text: &str) -> String {
        let heading = "Instructions: ";
        let (lines, is_cut) = page::clean_lines(text, limits::INSTRUCTIONS_SHOWN);
        let rest = is_cut.then(|| "… (`--json` has the rest)".to_owned());
        let fold = |line: String| page::fold(&line, heading.len(), self.columns);
        let lines: Vec<String> = lines.into_iter().chain(rest).map(fold).collect();
        let indent = " ".repeat(heading.len());
        let text = format!("{heading}{}", lines.join(&format!("\n{indent}")));
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// Writes what scripts read.
    pub(super) fn item(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // Who reads no further, as `head` does, has what it wants.
        self.lost |= written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
    }

    /// Shows which step takes so long.
    pub(super) fn under_way(&mut self, step: Step, since: Duration) {
        if !self.live || self.json {
            return;
        }
        let seconds = match since.as_secs() {
            0 => String::new(),
            seconds => format!("{seconds} s"),
        };
        let line = format!("  ...   {:<10}{seconds}", step.name());
        if self.shown != line {
            self.write(&format!("{CLEAR}{}", line.trim_end()));
            self.shown = line;
        }
    }

    /// Takes the line of the step under way away.
    pub(super) fn clear(&mut self) {
        if !self.shown.is_empty() {
            self.shown.clear();
            self.write(CLEAR);
        }
    }

    fn note(&mut self, text: &str) {
        if !self.json {
            self.clear();
            self.write(text);
        }
    }

    /// Nothing is lost with what cannot be written here.
    fn write(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// ECMA-48, "Select Graphic Rendition".
    fn coloured(&self, text: &str, colour: u8) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The line of one item: `  - name – description`, `  - uri (name)` or `  - name`. None for one that has
/// no name, which the steps have told.
fn line(list: &List, item: &Value) -> Option<String> {
    let name = page::joined(list.name(item)?);
    let text = |member: &str| page::joined(item[member].as_str().unwrap_or_default());
    let beside = |member: &str, before: &str, after: &str| match text(member) {
        text if text.is_empty() => text,
        text => format!("{before}{text}{after}"),
    };
    let more = match list.kind {
        ListKind::Tools => beside("description", " – ", ""),
        ListKind::Resources | ListKind::ResourceTemplates => beside("name", " (", ")"),
        ListKind::Prompts => String::new(),
    };
    Some(format!("  - {name}{more}\n"))
}

impl ListKind {
    /// Above the items.
    fn heading(self) -> &'static str {
        match self {
            Self::Tools => "Tools",
            Self::Resources => "Resources",
            Self::ResourceTemplates => "Resource templates",
            Self::Prompts => "Prompts",
        }
    }

    /// One of them, in a sentence.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Tools => "tool",
            Self::Resources => "resource",
            Self::ResourceTemplates => "resource template",
            Self::Prompts => "prompt",
        }
    }

    /// Some of them.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resource templates",
            Self::Prompts => "prompts",
        }
    }
}
