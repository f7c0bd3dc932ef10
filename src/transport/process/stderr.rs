//! Standard error of a child: shown, line by line, and always read, since a child whose error pipe
//! is full stands still. What is written there is no sign of an error (specification, "stdio").

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;

use crate::auth::Label;
use crate::limits;
use crate::report;
use crate::transport::line::Line;
use crate::transport::line::Lines;
use crate::transport::process::allowance::Allowance;
use crate::transport::process::census::Census;
use crate::transport::process::census::count;
use crate::transport::process::chunk;
use crate::transport::process::clean::clean;
use crate::transport::process::course::Course;
use crate::transport::process::course::Stage;

/// Shows what one child says.
pub(crate) struct Voice {
    lines: Lines,
    allowance: Allowance,
    last: LastWords,
    census: Arc<Census>,
    label: Label,
}

/// What may tell why a child has ended.
#[derive(Default)]
struct LastWords {
    line: String,
    error: String,
    lines_since_error: u32,
}

impl Voice {
    pub(crate) fn new(census: Arc<Census>, label: Label) -> Self {
        Self {
            lines: Lines::new(limits::CHILD_LINE_BYTES),
            allowance: Allowance::new(),
            last: LastWords::default(),
            census,
            label,
        }
    }

    /// Reads to the end, then gives the line to `last` that tells most about it.
    pub(crate) async fn drain(
        mut self,
        mut stderr: impl AsyncRead + Unpin,
        course: Arc<Course>,
        last: oneshot::Sender<Option<String>>,
    ) {
        tokio::select! {
            biased;
            // Whoever has fled from the group may go on for ever.
            () = too_late(&course) => {}
            () = self.show_all(&mut stderr) => {}
        }
        if let Some(line) = self.lines.finish() {
            self.show(line);
        }
        self.tell_unlogged();
        // The life of the child may have been cut off.
        let _ = last.send(self.last.take());
    }

    async fn show_all(&mut self, stderr: &mut (impl AsyncRead + Unpin)) {
        while let Ok(chunk) = chunk::next(stderr).await {
            if chunk.is_empty() {
                break;
            }
            self.push(chunk);
        }
    }

    fn push(&mut self, chunk: Bytes) {
        self.lines.push(chunk);
        while let Some(line) = self.lines.next_line() {
            self.show(line);
        }
    }

    fn show(&mut self, line: Line) {
        count(&self.census.stderr_lines);
        let text = match line {
            Line::Whole(line) => clean(&line),
            Line::TooLong(line) => format!("{}… ({} bytes)", clean(&line.head), line.len),
        };
        self.last.push(&text);
        match self.allowance.take() {
            None => count(&self.census.unlogged_lines),
            Some(unlogged) => {
                tell(&self.label, unlogged);
                let (session, peer) = (self.label.session(), self.label.peer());
                tracing::info!(session, peer, "[SERVER] {text}");
            }
        }
    }

    fn tell_unlogged(&mut self) {
        tell(&self.label, self.allowance.untold());
    }
}

fn tell(label: &Label, unlogged: u64) {
    if unlogged > 0 {
        let (session, peer) = (label.session(), label.peer());
        tracing::info!(session, peer, "[SERVER] ({unlogged} lines are not shown)");
    }
}

impl LastWords {
    fn push(&mut self, line: &str) {
        if line.to_ascii_lowercase().contains("error") {
            self.error = report::peer_text(line);
            self.lines_since_error = 0;
        } else if self.lines_since_error < limits::CHILD_CAUSE_LINES {
            self.lines_since_error += 1;
        } else {
            self.error.clear();
        }
        self.line.clear();
        // As much of it as can be shown; most lines are never asked for.
        self.line.extend(line.chars().take(limits::PEER_TEXT_CHARS));
    }

    fn take(self) -> Option<String> {
        let line = if self.error.is_empty() { report::peer_text(&self.line) } else { self.error };
        (!line.is_empty()).then_some(line)
    }
}

async fn too_late(course: &Course) {
    course.reached(Stage::Gone).await;
    tokio::time::sleep(limits::LAST_WORDS).await;
}

#[cfg(test)]
mod tests {
    use super::LastWords;

    fn cause(lines: &[&str]) -> Option<String> {
        let mut last = LastWords::default();
        lines.iter().for_each(|line| last.push(line));
        last.take()
    }

    #[test]
    fn the_cause_is_the_error_near_the_end_or_else_the_last_line() {
        assert_eq!(cause(&[]), None);
        assert_eq!(cause(&["one", "two"]).unwrap(), "two");
        let node = ["Error: no module `x`", "    at y", "Node.js v22"];
        assert_eq!(cause(&node).unwrap(), "Error: no module `x`");
        let mut old = vec!["error: long ago"];
        old.resize(100, "going on");
        assert_eq!(cause(&old).unwrap(), "going on");
    }
}
