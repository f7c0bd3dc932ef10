//! What the user reads: one line a step, 80 columns.

use std::io;
use std::io::Write;

use tokio::time::Instant;

use crate::report::Report;

/// Columns of a line: what every terminal has.
const COLUMNS: usize = 80;
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
            self.write(&fold(&format!("  {line}")))?;
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

/// Cuts a line where it would pass the last column.
fn fold(line: &str) -> String {
    let (mut folded, mut column) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column + width > COLUMNS {
            folded.truncate(folded.trim_end().len());
            folded.push('\n');
            folded.push_str(&" ".repeat(REPORT_INDENT));
            column = REPORT_INDENT;
        }
        folded.push_str(word);
        column += word.chars().count();
    }
    folded.push('\n');
    folded
}

#[cfg(test)]
mod tests {
    use super::COLUMNS;
    use super::fold;

    #[test]
    fn a_long_line_is_folded_between_words_and_a_short_one_stays() {
        assert_eq!(fold("  error: short"), "  error: short\n");
        let long = format!("  cause: {}", "some words ".repeat(20));
        let folded = fold(&long);
        assert!(folded.lines().all(|line| line.chars().count() <= COLUMNS), "{folded}");
        assert!(
            folded
                .lines()
                .skip(1)
                .all(|line| line.starts_with("         s") || line.starts_with("         w")),
            "{folded}"
        );
        assert_eq!(folded.split_whitespace().count(), long.split_whitespace().count());
    }
}
