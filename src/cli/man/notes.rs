//! What help says below the flags, as sections of a manual page: blocks with a blank line between
//! them, of which most begin with a word and a colon.

use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::roman;

/// The sections.
pub(super) fn sections(text: &str) -> Roff {
    let mut page = Roff::new();
    for block in text.split("\n\n") {
        match titled(block) {
            Some(("Exit code", body)) => {
                page.control("SH", ["EXIT STATUS"]);
                exit_codes(body, &mut page);
            }
            Some((title, body)) => {
                let (title, when) = title.split_once(", ").unwrap_or((title, ""));
                page.control("SH", [&*title.to_uppercase()]);
                if let Some(first) = when.get(..1) {
                    page.text([roman(format!("{}{}:", first.to_uppercase(), &when[1..]))]);
                    page.control("PP", []);
                }
                lines(body, &mut page);
            }
            None => {
                page.control("PP", []);
                lines(block, &mut page);
            }
        }
    }
    page
}

/// `Signals` and what comes behind the colon.
fn titled(block: &str) -> Option<(&str, &str)> {
    let (title, body) = block.split_once(':')?;
    let words = title.split(',').next()?.split(' ').count();
    (words <= 2).then_some((title, body.trim_start_matches(['\n', ' '])))
}

/// `0 done, or not, 1 failed` as a list.
fn exit_codes(text: &str, page: &mut Roff) {
    let text = text.replace('\n', " ");
    let mut codes: Vec<(&str, String)> = Vec::new();
    for part in text.split(", ") {
        let number = part.split_once(' ').filter(|(it, _)| it.bytes().all(|c| c.is_ascii_digit()));
        match (number, codes.last_mut()) {
            (Some((number, meaning)), _) => codes.push((number, meaning.to_owned())),
            (None, Some((_, meaning))) => *meaning += &format!(", {part}"),
            (None, None) => {}
        }
    }
    for (number, meaning) in codes {
        page.control("TP", []);
        page.text([bold(number)]).text([roman(meaning)]);
    }
}

/// Lines that are filled, but for those of a list: a term, spaces, what it means. A line that does not
/// end in a comma is the last of its list.
fn lines(text: &str, page: &mut Roff) {
    let is_list = text.contains("  ");
    let mut is_open = true;
    for line in text.lines().map(str::trim) {
        if let Some((term, meaning)) = line.split_once("  ") {
            page.control("TP", ["18"]);
            page.text([bold(term)]).text([roman(meaning.trim_start())]);
            continue;
        }
        if !is_open {
            page.control("br", []);
        }
        page.text([roman(line)]);
        is_open = !is_list || line.ends_with(',');
    }
}
