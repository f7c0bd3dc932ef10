//! What was typed, and how much is measured.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::run::Fault;

/// What to measure.
pub(crate) struct Options {
    /// The program under test.
    pub(crate) program: PathBuf,
    /// The Python tool that it replaces, if it is installed.
    pub(crate) original: Option<PathBuf>,
    /// Keep the cores from sleeping.
    pub(crate) awake: bool,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// How much in one round.
    pub(crate) amount: Amount,
}

/// How much is measured of one subject in one round.
#[derive(Clone, Copy)]
pub(crate) struct Amount {
    /// Starts, of which the median counts.
    pub(crate) starts: usize,
    /// Calls one after the other.
    pub(crate) calls: usize,
    /// Calls at each number in flight.
    pub(crate) flood: usize,
    /// Calls of 20 ms, 64 in flight.
    pub(crate) slow_calls: usize,
    /// Progress notifications on one stream.
    pub(crate) events: usize,
    /// Doing nothing.
    pub(crate) idle: Duration,
}

impl Amount {
    const FULL: Self = Self {
        starts: 5,
        calls: 2000,
        flood: 10_000,
        slow_calls: 1280,
        events: 100_000,
        idle: Duration::from_secs(1),
    };
    const QUICK: Self = Self {
        starts: 3,
        calls: 500,
        flood: 3000,
        slow_calls: 640,
        events: 100_000,
        idle: Duration::from_millis(300),
    };

    /// For a subject that takes some hundred times as long.
    pub(crate) fn for_slow_subjects(self) -> Self {
        Self {
            starts: 1,
            calls: self.calls / 10,
            flood: self.flood / 20,
            slow_calls: self.slow_calls / 5,
            events: self.events / 5,
            ..self
        }
    }
}

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Fault> {
        let mut options = Self {
            program: env!("CARGO_BIN_EXE_mcp-secure-remote").into(),
            original: installed_original(),
            awake: false,
            rounds: 7,
            amount: Amount::FULL,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match *word {
                "--quick" => (options.rounds, options.amount) = (2, Amount::QUICK),
                "--awake" => options.awake = true,
                "--rounds" => options.rounds = value()?.parse()?,
                "--program" => options.program = value()?.into(),
                "--original" => options.original = Some(value()?.into()),
                "--bench" => {} // said by `cargo bench`
                other => return Err(format!("unknown argument `{other}`").into()),
            }
        }
        Ok(options)
    }
}

/// Where the tests with foreign peers install it.
fn installed_original() -> Option<PathBuf> {
    let installed = "target/peers/original/bin/mcp-secure-remote";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(installed);
    path.is_file().then_some(path)
}
