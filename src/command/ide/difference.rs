//! What changes in a text, line by line.

use crate::command::page;
use crate::limits;

/// The lines that go, each behind a minus, and those that come, behind a plus; the first line says where.
/// A `secret` is not shown.
pub(super) fn shown(before: &str, after: &str, secrets: &[String]) -> String {
    let (old, new) = (lines(before), lines(after));
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old[same..].iter().rev().zip(new[same..].iter().rev());
    let tail = rest.take_while(|(old, new)| old == new).count();
    let gone = &old[same..old.len() - tail];
    let come = &new[same..new.len() - tail];
    let mut text = format!("@@ line {} @@\n", same + 1);
    for (mark, lines) in [('-', gone), ('+', come)] {
        for line in lines {
            text.push_str(&format!("{mark}{}\n", harmless(line, secrets)));
        }
    }
    text
}

/// With their ends: a line without one differs from the same with it.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn harmless(line: &str, secrets: &[String]) -> String {
    let masked = secrets.iter().filter(|secret| !secret.is_empty()).fold(
        line.trim_end().to_owned(),
        |line, secret| {
            let quoted = serde_json::to_string(secret).unwrap_or_default();
            let escaped = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
            line.replace(escaped, "***").replace(secret, "***")
        },
    );
    let clean = page::clean(&masked);
    match clean.char_indices().nth(limits::SHOWN_LINE_CHARS) {
        Some((at, _)) => format!("{}…", &clean[..at]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn only_what_changes_is_shown_and_no_secret() {
        let before = "{\n  \"a\": 1\n}\n";
        let after = "{\n  \"a\": 1,\n  \"b\": \"mark\\\"er\"\n}\n";
        let text = shown(before, after, &["mark\"er".to_owned(), String::new()]);
        assert_eq!(text, "@@ line 2 @@\n-  \"a\": 1\n+  \"a\": 1,\n+  \"b\": \"***\"\n");
        assert_eq!(shown("", "a\n", &[]), "@@ line 1 @@\n+a\n");
        assert_eq!(shown("a\na\n", "a\n", &[]), "@@ line 2 @@\n-a\n");
    }

    #[test]
    fn a_line_is_cut_and_says_nothing_to_a_terminal() {
        let text = shown("", &format!("\u{1b}[2J{}\n", "x".repeat(1000)), &[]);
        assert!(text.len() < 400 && text.ends_with("…\n") && !text.contains('\u{1b}'), "{text:?}");
    }
}
