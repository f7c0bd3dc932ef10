//! Whether a block prints what its document shows.
//!
//! Words are compared one by one, since where a line breaks depends on how long the words are. What
//! is another at each run counts as the same: a date, a time of day, a duration, the days that a
//! certificate has left, the version of a program, the fingerprint of a certificate, the digits in the
//! name of a CA. A `...` stands for any words, also for none.

/// Both texts, unless the one is what the other shows.
pub(crate) fn difference(place: &str, shown: &str, printed: &str) -> Option<String> {
    let differs = || format!("{place} shows\n{shown}\nand it printed\n{printed}\n");
    (!fits(shown, printed)).then(differs)
}

fn fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (words(shown), words(printed));
    let parts: Vec<_> = shown.split(|word| word == "...").collect();
    let [first, middle @ .., last] = &parts[..] else { return shown == printed };
    let Some(mut rest) = printed.strip_prefix(*first) else { return false };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        let at = rest.windows(part.len()).position(|words| words == *part);
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The words of a text, with a common word for what differs from run to run.
fn words(text: &str) -> Vec<String> {
    // Not every machine has an IPv6 address for `localhost`.
    let mut words: Vec<&str> = text.split_whitespace().filter(|word| *word != "::1,").collect();
    words.push("");
    let pairs = words.windows(2).map(|pair| common(pair[0], pair[1]));
    pairs.collect()
}

fn common(word: &str, next: &str) -> String {
    let core = word.trim_matches(['(', ')', '[', ']', ',', '.', ';']);
    let next = next.trim_end_matches([')', ',', '.', ';']);
    let is_amount = core.parse::<f64>().is_ok();
    let name = match () {
        () if is_amount && matches!(next, "ms" | "s" | "days" | "day") => "AMOUNT",
        () if shape(core) == "9-9-9" => "DATE",
        () if shape(core) == "9:9:9" => "TIME",
        () if shape(core).starts_with("9-9-9T9:9:9") => "MOMENT",
        () if shape(core) == "9.9.9" => "VERSION",
        () if core.len() >= 8 && core.bytes().all(|byte| byte.is_ascii_hexdigit()) => "HEX",
        () => return word.to_owned(),
    };
    word.replace(core, name)
}

/// A word with a `9` for each number in it.
fn shape(word: &str) -> String {
    let mut shape = String::new();
    for c in word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }) {
        if c != '9' || !shape.ends_with('9') {
            shape.push(c);
        }
    }
    shape
}

#[test]
fn what_differs_from_run_to_run_is_the_same_and_nothing_else_is() {
    let shown = "on 2026-11-21 at 17:00:48, for 3649\ndays (0.4 ms) by x 0.2.0 as ab12cd34ef56";
    let same = "on 2027-01-01 at 07:01:02, for 12 days (10 ms) by x 1.20.3 as ffffffffffff";
    assert!(fits(shown, same));
    for (shown, other) in [
        ("status 400", "status 403"),
        ("127.0.0.1:8623", "127.0.0.1:8624"),
        ("TLSv1.3", "TLSv1.2"),
        ("a (0.4 ms)", "a 0.4 ms"),
        ("3 tools", "4 tools"),
        ("a b", "a"),
    ] {
        assert!(!fits(shown, other), "{shown}");
    }
}

#[test]
fn three_dots_stand_for_any_words() {
    for (shown, printed, fit) in [
        ("a ... c", "a b b c", true),
        ("a ... c", "a c", true),
        ("... b ... d", "a b c d", true),
        ("...", "", true),
        ("a ...", "b", false),
        ("... a", "a b", false),
        ("a ... c ... b", "a b c", false),
        ("a ... a", "a", false),
    ] {
        assert_eq!(fits(shown, printed), fit, "{shown}");
    }
}
