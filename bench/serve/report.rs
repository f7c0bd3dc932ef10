//! The tables: what was measured, and what had to be reached.

use crate::figure::Figure;
use crate::number::median;
use crate::number::precise;
use crate::number::shown;
use crate::run::Round;
use crate::subject::Subject;
use crate::table;
use crate::target::Target;

/// Prints the medians of the rounds, and the targets.
pub(crate) fn print(subjects: &[Subject], rounds: &[Round]) {
    let (secure, clear): (Vec<_>, Vec<_>) =
        subjects.iter().copied().partition(|subject| Subject::SECURE.contains(subject));
    let ours: Vec<_> = secure.iter().copied().filter(|subject| subject.is_ours()).collect();
    let mut tables = vec![("Mutual TLS", figures(&secure, rounds))];
    tables.push(("Targets", targets(&ours, rounds)));
    tables.push(("HTTP/1.1 in clear text", figures(&clear, rounds)));
    for (title, rows) in tables {
        if rows.iter().any(|row| row.len() > 1) {
            println!("{title}:\n");
            table::print(&rows);
            println!();
        }
    }
}

fn figures(subjects: &[Subject], rounds: &[Round]) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["figure".to_owned()]];
    rows[0].extend(subjects.iter().map(|subject| subject.name()));
    for figure in Figure::ALL {
        let values = subjects.iter().map(|subject| {
            let of_round = |round: &Round| round.get(subject)?.get(&figure).copied();
            median(rounds.iter().filter_map(of_round))
        });
        let values: Vec<_> = values.collect();
        if values.iter().any(Option::is_some) {
            let mut row = vec![figure.title().to_owned()];
            row.extend(values.into_iter().map(|value| value.map_or("-".to_owned(), shown)));
            rows.push(row);
        }
    }
    rows
}

fn targets(ours: &[Subject], rounds: &[Round]) -> Vec<Vec<String>> {
    if ours.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![vec!["target".to_owned(), "bound".to_owned()]];
    rows[0].extend(ours.iter().flat_map(|subject| [subject.name(), String::new()]));
    for target in Target::all() {
        let mut row = vec![target.title.to_owned(), target.bound.to_string()];
        for subject in ours {
            // Ratios are taken within a round, since rounds differ more than subjects do.
            let value = median(rounds.iter().filter_map(|round| target.value(round, *subject)));
            row.push(value.map_or("-".to_owned(), precise));
            row.push(value.map_or("", |value| target.bound.verdict(value)).to_owned());
        }
        rows.push(row);
    }
    rows
}
