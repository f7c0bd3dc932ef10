//! One run: which role this process has, the rounds, and the report.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use crate::accept;
use crate::awake;
use crate::awake::Awake;
use crate::bare;
use crate::figure::Figure;
use crate::files;
use crate::machine::load;
use crate::measure;
use crate::options::Options;
use crate::pipe;
use crate::plain;
use crate::report;
use crate::subject::Subject;

/// Whatever ends a run; its text is for a person.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// The figures of one subject in one round; what it cannot do is missing.
pub(crate) type Figures = BTreeMap<Figure, f64>;

/// The figures of one round.
pub(crate) type Round = BTreeMap<Subject, Figures>;

/// The program. Started by itself it has another role, which the first argument names.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["accept", folder] => accept::run(folder.as_ref()),
        ["bare", folder] => bare::run(folder.as_ref()),
        ["plain", folder] => plain::run(folder.as_ref()),
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
    let folder = files::make()?;
    let subjects = subjects(options);
    let load_before = load();
    let awake = options.awake.then(Awake::start).transpose()?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let mut round = Round::new();
        for subject in &subjects {
            eprintln!("round {number} of {}: {}", options.rounds, subject.name());
            let figures = round.entry(*subject).or_default();
            if let Err(fault) = measure::round(*subject, options, folder.path(), figures) {
                eprintln!("FAILED: {}: {fault}", subject.name());
            }
        }
        rounds.push(round);
    }
    let cores = std::thread::available_parallelism()?;
    let state = if awake.is_some() { "kept awake" } else { "free to sleep" };
    let load_after = load();
    println!(
        "{} rounds, cores: {cores}, {state}, load before {load_before}, after {load_after}.\n",
        rounds.len()
    );
    report::print(&subjects, &rounds);
    Ok(())
}

fn subjects(options: &Options) -> Vec<Subject> {
    let mut subjects: Vec<_> = Subject::SECURE.into_iter().chain(Subject::CLEAR).collect();
    subjects.retain(|subject| options.only.as_ref().is_none_or(|only| subject.name() == *only));
    subjects.retain(|subject| {
        let missing = subject.missing(options);
        if let Some(missing) = &missing {
            eprintln!("SKIPPED: {}: {missing}, see BENCHMARKS.md", subject.name());
        }
        missing.is_none()
    });
    subjects
}
