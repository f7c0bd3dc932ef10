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
    table::print(&rows);
    println!();
    table::print(&targets(rounds));
}

fn targets(rounds: &[Round]) -> Vec<Vec<String>> {
    let titles = ["target", "bound", "h2", "", "h1", ""];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for target in Target::all() {
        let mut row = vec![target.title.to_owned(), target.bound.to_string()];
        for ours in [Subject::OursH2, Subject::OursH1] {
            // Ratios are taken within a round, since rounds differ more than subjects do.
            let value = median(rounds.iter().filter_map(|round| target.value(round, ours)));
            row.push(value.map_or("-".to_owned(), precise));
            row.push(value.map_or("", |value| target.bound.verdict(value)).to_owned());
        }
        rows.push(row);
    }
    rows
}
