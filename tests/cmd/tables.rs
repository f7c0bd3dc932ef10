//! The tables of flags and variables say what `--help` says: which there are, which take a value, and
//! what holds without them.

use crate::readme::help_of;
use crate::readme::words;

const README: &str = include_str!("../../README.md");

/// Each command that has flags, and the document that explains them.
const GUIDES: [(&[&str], &str); 5] = [
    (&[], README),
    (&["probe"], include_str!("../../docs/probe.md")),
    (&["serve"], include_str!("../../docs/serve.md")),
    (&["certs"], include_str!("../../docs/certs.md")),
    (&["certs", "add-client"], include_str!("../../docs/certs.md")),
];

/// What has so few flags that its document needs no table of them.
const WITHOUT_TABLE: [(&[&str], &str); 6] = [
    (&["completions"], README),
    (&["demo"], README),
    (&["ide", "install"], include_str!("../../docs/ide.md")),
    (&["ide", "remove"], include_str!("../../docs/ide.md")),
    (&["ide", "show"], include_str!("../../docs/ide.md")),
    (&["man"], README),
];

/// A flag as `--help` has it.
struct Flag {
    names: Vec<String>,
    takes_a_value: bool,
    /// What holds without it.
    default: Option<String>,
}

#[test]
fn every_flag_of_a_command_is_in_its_guide() {
    for (command, guide) in GUIDES.into_iter().chain(WITHOUT_TABLE) {
        let told = words(&format!("{guide}{README}"), "--");
        for flag in flags(&help_of(command)) {
            let name = &flag.names[0];
            assert!(told.contains(name), "{name} of `{}` is explained nowhere", command.join(" "));
        }
    }
}

#[test]
fn every_row_of_a_guide_says_what_the_help_says() {
    for (command, guide) in GUIDES {
        // What `certs add-client` has `certs` has too, and they share a table.
        let known = flags(&help_of(&command[..command.len().min(1)]));
        let rows = rows(guide);
        assert!(rows.len() > 4, "{command:?}");
        for row in rows {
            for name in names(row[0]) {
                let flag = known.iter().find(|flag| flag.names.contains(&name));
                let flag = flag.unwrap_or_else(|| panic!("{name} is no flag of {command:?}"));
                agrees(flag, &row);
            }
        }
    }
}

#[test]
fn every_variable_stands_beside_the_flag_that_has_its_name() {
    let rows: Vec<_> = README.lines().filter(|line| line.starts_with("| `MCP_REMOTE_")).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let mut marked = row.split('`').skip(1).step_by(2);
        let (variable, flag) = (marked.next().expect(row), marked.next().expect(row));
        let name = flag.trim_start_matches('-').to_uppercase().replace('-', "_");
        // The one whose name is shorter, as users of the Python tool know it.
        let name = name.replace("INSECURE_SKIP_VERIFY", "INSECURE");
        assert_eq!(variable, format!("MCP_REMOTE_{name}"), "{row}");
    }
}

/// A row has cells for flag, default and meaning, and maybe for the value, or for flag and meaning.
#[track_caller]
fn agrees(flag: &Flag, row: &[&str]) {
    if let Some(default) = &flag.default {
        let said = row[1..].iter().any(|cell| cell.replace('`', "").contains(default));
        assert!(said, "the default is {default}: {row:?}");
    } else if row.len() == 4 {
        // What is no value of the flag's own.
        assert!(matches!(row[2], "–" | "off" | "host of the URL"), "there is no default: {row:?}");
    }
    if row.len() == 4 {
        assert_eq!(flag.takes_a_value, !row[1].starts_with('–'), "{row:?}");
    }
}

/// The options of a help text, but for the two that each has.
fn flags(help: &str) -> Vec<Flag> {
    let mut parts: Vec<String> = Vec::new();
    for line in help.lines().map(str::trim_start) {
        let goes_on = parts.last().is_some_and(|part| part.ends_with("[alias:"));
        if line.starts_with('-') && !goes_on {
            parts.push(line.to_owned());
        } else if let Some(part) = parts.last_mut() {
            // A blank line ends the last one of its heading.
            *part += if line.is_empty() { "\n" } else { " " };
            *part += line;
        }
    }
    let parts = parts.iter().map(|part| part.split('\n').next().unwrap_or(part));
    parts.filter(|part| part.starts_with("--")).map(flag).collect()
}

fn flag(part: &str) -> Flag {
    let begins = |rest: &str| rest.find(|c: char| !(c.is_ascii_alphabetic() || c == '-'));
    let head = &part[..begins(part).unwrap_or(part.len())];
    let alias = part.split_once("[alias: ").map(|(_, rest)| rest.trim_end_matches(']').trim());
    let names = [Some(head), alias].into_iter().flatten().map(str::to_owned).collect();
    let given = |(_, rest): (&str, &str)| rest.split([')', ',']).next().map(str::to_owned);
    let marked = |(before, _): (&str, &str)| before.rsplit(' ').next().map(str::to_owned);
    let default = part.split_once("(default: ").and_then(given);
    let default = default.or_else(|| part.split_once(" (default)").and_then(marked));
    Flag { names, takes_a_value: part[head.len()..].starts_with(" <"), default }
}

/// The cells of the rows that begin with a flag; the heads of tables are none.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines: Vec<_> = document.lines().collect();
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| next.starts_with("| --"));
    let rows = lines.iter().enumerate().filter(|(_, line)| line.starts_with("| `--"));
    let rows = rows.filter(|(index, _)| !is_head(*index));
    rows.map(|(_, line)| line.trim_matches(['|', ' ']).split(" | ").collect()).collect()
}

/// The flags that a cell names.
fn names(cell: &str) -> Vec<String> {
    let marked = cell.split('`').skip(1).step_by(2);
    let names = marked.filter_map(|word| word.split(' ').next());
    names.filter(|name| name.starts_with("--")).map(str::to_owned).collect()
}

#[test]
fn a_help_text_is_read_as_it_is_printed() {
    let help = "Usage: x\n\nOptions:\n      --one <a>    Some (default:\n        10s, more)\n  -h, --help  \
                Print\n      --two[=<b>]\n          Of [alias:\n          --three]\n\nLogs:\n      --four <c>  \
                text (default) or json\n      --five  Five\n\nEnd (default: 3)\n";
    let read: Vec<_> = flags(help)
        .into_iter()
        .map(|flag| (flag.names.join(" "), flag.takes_a_value, flag.default.unwrap_or_default()))
        .collect();
    let expected = [("--one", true, "10s"), ("--two --three", false, ""), ("--four", true, "text")];
    for (read, (names, takes_a_value, default)) in read.iter().zip(expected) {
        assert_eq!(read, &(names.to_owned(), takes_a_value, default.to_owned()));
    }
    assert_eq!(read.len(), 4);
}
