//! Text on a screen of 80 columns, with nothing in it that a terminal would obey.

/// Columns of a line: what every terminal has.
pub(crate) const COLUMNS: usize = 80;

/// Without the escape sequences and control characters of a server, which could move the cursor, set
/// the title or turn text round. A tab stays.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            '\t' => clean.push(c),
            c if c.is_control() || turns_text(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Marks of direction (Unicode Bidirectional Algorithm, UAX #9), by which text can pretend to be
/// another one.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

/// Cuts text where it would pass the last column; lines after the first one are indented by
/// `indent`, where the text begins on the first one.
pub(crate) fn fold(text: &str, indent: usize) -> String {
    let (mut folded, mut column) = (String::new(), indent);
    for word in text.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column + width > COLUMNS && column > indent {
            folded.truncate(folded.trim_end().len());
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            column = indent;
        }
        folded.push_str(word);
        column += word.chars().count();
    }
    folded
}

/// All lines of a text, indented.
pub(crate) fn paragraph(text: &str, indent: usize) -> String {
    format!("{}{}\n", " ".repeat(indent), fold(text, indent))
}

#[cfg(test)]
mod tests {
    use super::COLUMNS;
    use super::clean;
    use super::fold;

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
            ("one\r\ntwo\u{8}\u{0}\u{7f}\u{9b}31m", "onetwo31m"),
            ("abc\u{202e}fed", "abcfed"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(clean(dirty), expected, "{dirty:?}");
        }
    }

    #[test]
    fn a_long_line_is_folded_between_words_under_where_it_began() {
        assert_eq!(fold("short", 9), "short");
        let folded = fold(&"some words ".repeat(20), 9);
        let mut lines = folded.lines();
        assert!(lines.next().unwrap().chars().count() <= COLUMNS - 9);
        for line in lines {
            assert!(line.chars().count() <= COLUMNS && line.starts_with("         "), "{line:?}");
        }
        let unbroken = "x".repeat(200);
        assert_eq!(fold(&unbroken, 9), unbroken, "nothing is cut within a word");
    }
}
