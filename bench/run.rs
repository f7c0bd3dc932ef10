//! One run: which role this process has, the rounds, and the report.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use crate::awake;
use crate::awake::Awake;
use crate::bare;
use crate::figure::Figure;
use crate::machine::load;
use crate::measure;
use crate::options::Options;
use crate::pipe;
use crate::report;
use crate::server;
use crate::server::Server;
use crate::subject::Subject;

/// Whatever ends a run; its text is for a person.
pub(crate) type Fault = Box<dyn Error>;

/// The figures of one subject in one round; what it cannot do is missing.
pub(crate) type Figures = BTreeMap<Figure, f64>;

/// The figures of one round.
pub(crate) type Round = BTreeMap<Subject, Figures>;

/// The program. Started by itself it has another role, which the first argument names.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["server", folder] => server::run(folder.as_ref()),
        ["bare", version, url, folder] => bare::run(version, url, folder.as_ref()),
        ["pipe"] => pipe::run(),
        ["spin"] => awake::run(),
        _ => Options::parse(&words).and_then(|options| compare(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Measures all subjects in turn, round by round, so that what disturbs the machine for a while
/// disturbs all of them.
fn compare(options: &Options) -> Result<(), Fault> {
    let server = Server::start()?;
    let subjects = subjects(options);
    let load_before = load();
    let awake = options.awake.then(Awake::start).transpose()?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let mut round = Round::new();
        for subject in &subjects {
            eprintln!("round {number} of {}: {}", options.rounds, subject.name());
            match measure::round(*subject, options, &server) {
                Ok(figures) => drop(round.insert(*subject, figures)),
                Err(fault) => eprintln!("FAILED: {}: {fault}", subject.name()),
            }
        }
        rounds.push(round);
    }
    let cores = if awake.is_some() { "kept awake" } else { "free to sleep" };
    println!(
        "{} rounds, cores {cores}, load before {load_before}, after {}.\n",
        rounds.len(),
        load()
    );
    report::print(&subjects, &rounds);
    Ok(())
}

fn subjects(options: &Options) -> Vec<Subject> {
    let mut subjects = Subject::ALL.to_vec();
    if options.original.is_none() {
        eprintln!(
            "SKIPPED: the original is not installed: `cargo test --test peers` installs it, \
             `--original PATH` names another one"
        );
        subjects.retain(|subject| *subject != Subject::Original);
    }
    subjects
}
