//! What the user reads: one line a step, 80 columns.

use std::io;
use std::io::Write;

use tokio::time::Instant;

use crate::command::page;
use crate::report::Report;

/// What opens the lines of a report, and the lines that go on with them.
const REPORT_INDENT: usize = "  error: ".len();

/// Writes the transcript.
pub(super) struct Transcript<W> {
    out: W,
    first: bool,
}

impl<W: Write> Transcript<W> {
    /// A transcript without a line.
    pub(super) fn new(out: W) -> Self {
        Self { out, first: true }
    }

    /// Opens a part.
    pub(super) fn heading(&mut self, text: &str) -> Result<(), Report> {
        if !std::mem::take(&mut self.first) {
            self.write("\n")?;
        }
        self.write(&format!("{text}\n"))
    }

    /// A line by itself.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Report> {
        self.write(&format!("  {text}\n"))
    }

    /// Something that was done, how it ended, and the milliseconds since it was `begun`.
    pub(super) fn step(&mut self, what: &str, how: &str, begun: Instant) -> Result<(), Report> {
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        self.line(&format!("{what:<18}{how:<50}{millis:>7.1} ms"))
    }

    /// Something that took no time.
    pub(super) fn fact(&mut self, what: &str, how: &str) -> Result<(), Report> {
        self.line(&format!("{what:<18}{how}"))
    }

    /// A report, as the program writes it to standard error, but with its long lines folded.
    pub(super) fn report(&mut self, report: &Report) -> Result<(), Report> {
        for line in report.to_string().lines() {
            // Each begins with its own word, which are all of one width.
            let (word, text) = line.split_at_checked(REPORT_INDENT - 2).unwrap_or(("", line));
            self.write(&format!("  {word}{}\n", page::fold(text, REPORT_INDENT, page::COLUMNS)))?;
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Report> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|e: io::Error| {
            Report::new("cannot write to standard output").cause(e.to_string())
        })
    }
}
