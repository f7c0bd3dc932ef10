//! Text on a screen, with nothing in it that a terminal would obey.

use unicode_width::UnicodeWidthStr;

/// Columns of a line where nobody says how many there are: what every terminal has.
pub(crate) const COLUMNS: usize = 80;

/// One line, without the escape sequences and control characters of a server, which could move the
/// cursor or set the title, and without what nobody sees. The end of a line becomes a blank, a tab stays.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut broken = false;
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            c if ends_line(c) => broken = true,
            // How the next line is indented means nothing on this one.
            ' ' | '\t' if broken => {}
            c if c != '\t' && c.is_control() || is_invisible(c) => {}
            c => {
                if std::mem::take(&mut broken) && !clean.is_empty() && !clean.ends_with(' ') {
                    clean.push(' ');
                }
                clean.push(c);
            }
        }
    }
    clean
}

/// The same with nothing where a line ended, as the items of the lists have always been printed.
pub(crate) fn joined(text: &str) -> String {
    text.split(ends_line).map(clean).collect()
}

/// JSON with an escape for each character in it that a terminal might obey, or that nobody sees; JSON
/// itself demands that for the oldest of them alone (RFC 8259 section 7).
pub(crate) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && (c.is_control() || is_invisible(c) || ends_line(c)) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            escaped.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The lines of a longer text, each as [`clean`] leaves it, and whether `limit` characters were not
/// enough for all of it.
pub(crate) fn clean_lines(text: &str, limit: usize) -> (Vec<String>, bool) {
    let end = text.char_indices().nth(limit).map_or(text.len(), |(end, _)| end);
    let lines = text[..end].trim_end().lines().map(|line| clean(line).trim_end().to_owned());
    (lines.collect(), end < text.len())
}

/// Line feed and its like (Unicode Standard, section 5.8, "Newline Guidelines").
fn ends_line(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters without a shape (general category Cf; UAX #44), among them the marks of direction, by which
/// text can pretend to be another one (UAX #9), and the tags, in which whole sentences can hide. Those
/// that join and part letters and emoji stay, and so do those that have a shape after all.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e007f}')
}

/// ECMA-48: a control sequence ends with a letter, a command string with BEL or ST.
fn skip_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next_if(|c| matches!(c, '[' | ']' | 'P' | 'X' | '^' | '_')) {
        Some('[') => while rest.next_if(|c| !('@'..='~').contains(c)).is_some() {},
        Some(_) => {
            while rest.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}')).is_some() {}
            if rest.next_if_eq(&'\u{1b}').is_some() {
                rest.next_if_eq(&'\\');
            } else {
                rest.next();
            }
            return;
        }
        // Two characters.
        None => {}
    }
    rest.next();
}

/// Cuts text between words where it would pass the last of so many columns; lines after the first one
/// are indented by `indent`, where the text begins on the first one.
pub(crate) fn fold(text: &str, indent: usize, columns: usize) -> String {
    let (mut folded, mut column) = (String::new(), indent);
    for word in text.split_inclusive(' ') {
        if column + word.trim_end().width() > columns && column > indent {
            folded.truncate(folded.trim_end().len());
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            column = indent;
        }
        folded.push_str(word);
        column += word.width();
    }
    folded
}

/// All lines of a text, indented.
pub(crate) fn paragraph(text: &str, indent: usize, columns: usize) -> String {
    format!("{}{}\n", " ".repeat(indent), fold(text, indent, columns))
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::COLUMNS;
    use super::clean;
    use super::clean_lines;
    use super::escaped;
    use super::fold;
    use super::joined;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (dirty, expected) in [
            ("plain – text\twith tab", "plain – text\twith tab"),
            ("a\u{1b}[31mred\u{1b}[0m b", "ared b"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}]never ends", ""),
            ("\u{1b}[12;", ""),
            ("\u{1b}cafter", "after"),
            ("two\u{8}\u{0}\u{7f}\u{9b}31m", "two31m"),
            ("abc\u{202e}fed", "abcfed"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(clean(dirty), expected, "{dirty:?}");
        }
    }

    #[test]
    fn lines_become_one_with_a_blank_where_each_ended() {
        for (lines, expected) in [
            ("a\r\nb", "a b"),
            ("a\n\n  - b \n\tc", "a - b c"),
            ("a\rb\u{b}c\u{c}d\u{85}e\u{2028}f\u{2029}g", "a b c d e f g"),
            ("\na\n", "a"),
        ] {
            assert_eq!(clean(lines), expected, "{lines:?}");
        }
        assert_eq!(joined("a\r\n  b\u{1b}[31m\tc"), "a  b\tc");
    }

    #[test]
    fn json_keeps_its_meaning_and_has_nothing_that_a_terminal_obeys() {
        let value = serde_json::json!({"a": "x\u{9b}31m\u{202e}\u{e0068}\u{2028}é\n\u{7f}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = escaped(&text);
        assert!(shown.contains("x\\u009b31m\\u202e\\udb40\\udc68\\u2028é\\n\\u007f"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert_eq!(shown.lines().count(), text.lines().count());
    }

    #[test]
    fn what_nobody_sees_goes_and_what_shapes_letters_and_emoji_stays() {
        assert_eq!(clean("pass\u{ad}wo\u{200b}rd\u{2060}s\u{feff}"), "passwords");
        assert_eq!(clean("see\u{e0068}\u{e0069}n"), "seen", "tags hide whole sentences");
        for shaped in ["👩\u{200d}🔬", "می\u{200c}خواهم", "☎\u{fe0f}", "\u{601}١٢"] {
            assert_eq!(clean(shaped), shaped);
        }
    }

    #[test]
    fn a_longer_text_keeps_its_lines_and_is_cut_at_its_limit() {
        let lines = |text, limit| {
            let (lines, is_cut) = clean_lines(text, limit);
            (lines.join("|"), is_cut)
        };
        assert_eq!(lines("one\u{1b}[2J\r\n\r\n  two\n", 80), ("one||  two".to_owned(), false));
        assert_eq!(lines("ééé\nabc", 5), ("ééé|a".to_owned(), true));
        assert_eq!(lines("ééé", 3), ("ééé".to_owned(), false));
    }

    #[test]
    fn a_long_line_is_folded_between_words_under_where_it_began() {
        assert_eq!(fold("short", 9, COLUMNS), "short");
        for columns in [40, COLUMNS, 100] {
            let folded = fold(&"some words ".repeat(20), 9, columns);
            let mut lines = folded.lines();
            assert!(lines.next().unwrap().len() <= columns - 9);
            for line in lines {
                assert!(line.len() <= columns && line.starts_with("         "), "{line:?}");
            }
        }
        let unbroken = "x".repeat(200);
        assert_eq!(fold(&unbroken, 9, COLUMNS), unbroken, "nothing is cut within a word");
    }

    #[test]
    fn a_wide_character_counts_for_two_columns() {
        let folded = fold(&"漢字 ".repeat(20), 0, 40);
        assert_eq!(folded.lines().next(), Some("漢字 漢字 漢字 漢字 漢字 漢字 漢字 漢字"));
        assert!(folded.lines().all(|line| line.width() <= 40), "{folded}");
    }
}
