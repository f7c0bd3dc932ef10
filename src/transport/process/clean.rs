//! Text of a child, fit for a terminal.

/// The line without anything that moves, colours or reorders what is on a screen. Colours go without
/// a trace, since servers use them in good faith; any other control becomes a blank.
pub(crate) fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // Parameters, up to a final letter (ECMA-48, section 5.4).
                while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                let _ = chars.next_if(|c| matches!(c, '@'..='~'));
            }
            c if c.is_control() || reorders(c) => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Characters that make text read in another order than it is written (Unicode, UAX #9), and line
/// ends that are no controls.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        for (line, shown) in [
            ("  plain é 漢\t1", "  plain é 漢 1"),
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("a\u{1b}]0;title\u{7}b", "a ]0;title b"),
            ("a\rb\u{8}\u{9b}2Jc\0", "a b  2Jc"),
            ("\u{1b}[2", ""),
            ("\u{1b}[\u{1b}[31mx\u{1b}", "x"),
            ("user\u{202e}txt\u{2028}x", "user txt x"),
        ] {
            assert_eq!(clean(line.as_bytes()), shown, "{line:?}");
        }
        assert_eq!(clean(b"a\xFFb"), "a\u{fffd}b");
    }
}
