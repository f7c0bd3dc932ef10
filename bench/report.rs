//! The tables, in Markdown that is aligned for a terminal too.

use crate::figure::Figure;
use crate::figure::median;
use crate::figure::shown;
use crate::run::Round;
use crate::subject::Subject;
use crate::target::Bound;
use crate::target::Target;

/// Prints the medians of the rounds, and the targets.
pub(crate) fn print(subjects: &[Subject], rounds: &[Round]) {
    let mut rows = vec![vec!["figure".to_owned()]];
    rows[0].extend(subjects.iter().map(|subject| subject.name().to_owned()));
    for figure in Figure::ALL {
        let mut row = vec![figure.title().to_owned()];
        row.extend(subjects.iter().map(|subject| {
            let values =
                rounds.iter().filter_map(|round| round.get(subject)?.get(&figure).copied());
            median(values).map_or("-".to_owned(), shown)
        }));
        rows.push(row);
    }
    print_table(&rows);
    println!();
    print_table(&targets(rounds));
}

fn targets(rounds: &[Round]) -> Vec<Vec<String>> {
    let titles = ["target", "bound", "h2", "", "h1", ""];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for target in Target::all() {
        let bound = match target.bound {
            Bound::AtLeast(bound) => format!(">= {}", precise(bound)),
            Bound::AtMost(bound) => format!("<= {}", precise(bound)),
        };
        let mut row = vec![target.title.to_owned(), bound];
        for ours in [Subject::OursH2, Subject::OursH1] {
            // Ratios are taken within a round, since rounds differ more than subjects do.
            let value = median(rounds.iter().filter_map(|round| target.value(round, ours)));
            row.push(value.map_or("-".to_owned(), precise));
            let verdict = |value| if target.is_met(value) { "met" } else { "MISSED" };
            row.push(value.map_or("", verdict).to_owned());
        }
        rows.push(row);
    }
    rows
}

fn precise(value: f64) -> String {
    if value.abs() < 0.1 && value != 0.0 { format!("{value:.4}") } else { shown(value) }
}

/// Text to the left, numbers to the right.
fn print_table(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line.push_str(&if column == 0 {
                format!("| {cell:<width$} ")
            } else {
                format!("| {cell:>width$} ")
            });
        }
        println!("{line}|");
        if number == 0 {
            let rule = |(column, width): (usize, &usize)| {
                let dashes = "-".repeat(width + 1);
                if column == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") }
            };
            println!("{}|", widths.iter().enumerate().map(rule).collect::<String>());
        }
    }
}
